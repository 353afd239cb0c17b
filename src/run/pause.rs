//! Between batches: the guard against deployments, and the pause, during which the guard goes on watching.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Halt, Run};
use crate::cli::quote::quote;
use crate::event::EventKind;
use crate::plan::Action;
use crate::rules::guard::{Guard, OurWrites, guard};
use crate::rules::selection::Candidate;

/// How long a deployment that this run caused may take when the job says nothing.
const DEPLOYMENT: Duration = Duration::from_secs(600);

impl Run {
    /// Lets the next batch begin only on fresh knowledge and beside no deployment.
    pub(super) async fn guard(&self, place: usize, batch: &[Candidate]) -> Result<(), Halt> {
        let context = &self.context;
        if let Err(error) = context.feed.live().await {
            return Err(self.fail(
                place,
                format!("No answer from Nomad, nothing more is restarted: {error}"),
            ));
        }
        if let Err(error) = context.feed.reread_deployment().await {
            let job = quote(&context.job.id);
            return Err(self.fail(
                place,
                format!("Error retrieving deployments for job {job}: {error}"),
            ));
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
                Guard::Blocked(text) => return Err(self.fail(place, text)),
                Guard::Await(text) if Instant::now() >= deadline => {
                    return Err(self.fail(place, text));
                }
                Guard::Await(text) => {
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
            if let Guard::Blocked(text) = self.look() {
                return Err(self.fail(place, text));
            }
            tokio::select! {
                () = sleep_until(end) => return Ok(()),
                () = news.changed() => {}
            }
        }
    }

    fn look(&self) -> Guard {
        let context = &self.context;
        let ours = OurWrites {
            job_version: context.job.version,
            first_stop: self.first_stop(),
        };
        context
            .feed
            .read(|view| guard(view, &context.job.id, ours, !context.plan.verbose))
    }

    /// From which index on a new deployment may be a consequence of this run.
    fn first_stop(&self) -> Option<u64> {
        let is_reschedule = matches!(self.context.plan.action, Action::Reschedule { .. });
        let index = *self.context.first_stop.get()?;
        is_reschedule.then_some(index)
    }
}
