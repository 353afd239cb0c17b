//! Between batches: the guard against deployments, and the pause, during which the guard goes on watching.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::deployment::{deployments_end, look_at_job};
use super::{Halt, Run};
use crate::cli::quote::quote;
use crate::event::{EventKind, Trouble};
use crate::nomad::error::ReadError;
use crate::plan::Action;
use crate::rules::guard::{Guard, OwnStops, guard};
use crate::rules::selection::Candidate;
use crate::rules::verdict::Confirm;
use crate::view::JobState;

/// How long a deployment that this run caused may take when the job says nothing.
const DEPLOYMENT: Duration = Duration::from_secs(600);

impl Run {
    /// Lets the next batch begin only on fresh knowledge and beside no deployment.
    pub(super) async fn guard(&self, place: usize, batch: &[Candidate]) -> Result<(), Halt> {
        let context = &self.context;
        self.reread(place, batch).await?;
        let news = context.feed.follow_job();
        let deadline = Instant::now() + DEPLOYMENT;
        let mut told = false;
        loop {
            match self.look() {
                Guard::Clear => return Ok(()),
                Guard::Blocked { text } => {
                    return Err(self.fail(place, text, Trouble::Precondition));
                }
                Guard::Await { text, .. } if Instant::now() >= deadline => {
                    return Err(self.fail(place, text, Trouble::Failure));
                }
                Guard::Theirs(_) => {
                    if let Err(error) = deployments_end(&context.feed, &context.reporter).await {
                        return Err(self.unanswered(place, &error));
                    }
                    // What it replaced is not touched again.
                    if let Err(error) = context.feed.confirm(&Confirm::List).await {
                        return Err(self.unreadable(place, "retrieving allocations for", &error));
                    }
                    self.reread(place, batch).await?;
                    continue;
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

    /// Brings up to date what a batch depends on.
    async fn reread(&self, place: usize, batch: &[Candidate]) -> Result<(), Halt> {
        let feed = &self.context.feed;
        if let Err(error) = feed.live().await {
            return Err(self.unanswered(place, &error));
        }
        if let Err(error) = feed.reread_deployment().await {
            return Err(self.unreadable(place, "retrieving deployments for", &error));
        }
        if let Err(error) = feed.reread_job().await {
            return Err(self.unreadable(place, "querying", &error));
        }
        let members = batch.iter().map(|candidate| Arc::clone(&candidate.id));
        if let Err(error) = feed.refresh(members).await {
            return Err(self.unreadable(place, "retrieving allocations for", &error));
        }
        Ok(())
    }

    fn unanswered(&self, place: usize, error: &ReadError) -> Halt {
        let why = if error.is_retryable() {
            "No answer from Nomad"
        } else {
            "Nomad no longer tells how the allocations are"
        };
        let text = format!("{why}, nothing more is restarted: {error}");
        self.fail(place, text, Trouble::Access)
    }

    fn unreadable(&self, place: usize, what: &str, error: &ReadError) -> Halt {
        let job = quote(&self.context.job.id);
        let text = format!("Error {what} job {job}: {error}");
        self.fail(place, text, Trouble::Access)
    }

    /// Waits; a deployment (unless it is to be waited for) or a stop of the job that comes meanwhile ends the run.
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
                return Err(self.fail(place, text, Trouble::Precondition));
            }
            tokio::select! {
                () = sleep_until(end) => return Ok(()),
                () = news.changed() => {}
                () = look_at_job(&context.feed) => {}
            }
        }
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
            guard(
                view,
                self.own_stops(),
                context.plan.on_deployment,
                context.plan.verbose,
            )
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
