//! Between batches: the guard against deployments, and the pause, during which the guard goes on watching.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Halt, Run};
use crate::cli::quote::quote;
use crate::event::EventKind;
use crate::plan::Action;
use crate::rules::guard::{Guard, OwnStops, guard};
use crate::rules::selection::Candidate;
use crate::view::JobState;

/// How long a deployment that this run caused may take when the job says nothing.
const DEPLOYMENT: Duration = Duration::from_secs(600);
/// How often the job is read during a pause.
const JOB_PACE: Duration = Duration::from_secs(30);

impl Run {
    /// Lets the next batch begin only on fresh knowledge and beside no deployment.
    pub(super) async fn guard(&self, place: usize, batch: &[Candidate]) -> Result<(), Halt> {
        let context = &self.context;
        if let Err(error) = context.feed.live().await {
            let why = if error.is_retryable() {
                "No answer from Nomad"
            } else {
                "Nomad no longer tells how the allocations are"
            };
            return Err(self.fail(place, format!("{why}, nothing more is restarted: {error}")));
        }
        if let Err(error) = context.feed.reread_deployment().await {
            let job = quote(&context.job.id);
            return Err(self.fail(
                place,
                format!("Error retrieving deployments for job {job}: {error}"),
            ));
        }
        if let Err(error) = context.feed.reread_job().await {
            let job = quote(&context.job.id);
            return Err(self.fail(place, format!("Error querying job {job}: {error}")));
        }
        let members = batch.iter().map(|candidate| Arc::clone(&candidate.id));
        if let Err(error) = context.feed.refresh(members).await {
            let job = quote(&context.job.id);
            return Err(self.fail(
                place,
                format!("Error retrieving allocations for job {job}: {error}"),
            ));
        }
        let news = context.feed.follow_job();
        let deadline = Instant::now() + DEPLOYMENT;
        let mut told = false;
        loop {
            match self.look() {
                Guard::Clear => return Ok(()),
                Guard::Blocked { text } => return Err(self.fail(place, text)),
                Guard::Await { text, .. } if Instant::now() >= deadline => {
                    return Err(self.fail(place, text));
                }
                Guard::Await { text, .. } => {
                    if !std::mem::replace(&mut told, true) {
                        context.reporter.emit(EventKind::Notice(text));
                    }
                }
            }
            tokio::select! {
                () = news.changed() => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// Waits; a deployment or a stop of the job that comes meanwhile ends the run.
    pub(super) async fn pause(&self, pause: Duration, place: usize) -> Result<(), Halt> {
        if pause.is_zero() {
            return Ok(());
        }
        let context = &self.context;
        context.reporter.emit(EventKind::Pausing { pause });
        let news = context.feed.follow_job();
        let Some(end) = Instant::now().checked_add(pause) else {
            // Longer than any clock goes: only a signal or a deployment ends it.
            return std::future::pending().await;
        };
        loop {
            if let Guard::Blocked { text } = self.look() {
                return Err(self.fail(place, text));
            }
            tokio::select! {
                () = sleep_until(end) => return Ok(()),
                () = news.changed() => {}
                () = self.look_at_job() => {}
            }
        }
    }

    /// Reads the job once more, after a while: nothing else follows it.
    async fn look_at_job(&self) {
        sleep(JOB_PACE).await;
        // A failure is for the guard before the next batch to find.
        let _ = self.context.feed.reread_job().await;
    }

    fn look(&self) -> Guard {
        let context = &self.context;
        context.feed.read(|view| {
            if view.job_ended() {
                let what = if view.job == JobState::Purged {
                    "purged"
                } else {
                    "stopped"
                };
                let text = format!(
                    "Job {} was {what}, nothing more is restarted",
                    quote(&context.job.id)
                );
                return Guard::Blocked { text };
            }
            guard(view, self.own_stops(), context.plan.verbose)
        })
    }

    /// From which index on a new deployment may be a consequence of this run.
    fn own_stops(&self) -> Option<OwnStops> {
        let context = &self.context;
        let index = *context.first_stop.get()?;
        let job_version = context.job.version;
        matches!(context.plan.action, Action::Reschedule { .. })
            .then_some(OwnStops { job_version, index })
    }
}
