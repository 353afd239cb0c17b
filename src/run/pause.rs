//! Between batches, and before each start in a sliding window: the guard against deployments, and the pause, during which the guard goes
//! on watching.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::deployment::{deployments_end, look_at_job};
use super::{Halt, Run};
use crate::cli::quote::quote;
use crate::event::{EventKind, Trouble};
use crate::nomad::error::ReadError;
use crate::nomad::json::AllocId;
use crate::plan::Action;
use crate::rules::guard::{Guard, OwnStops, guard};
use crate::rules::verdict::Confirm;
use crate::view::JobState;

/// How old what is known of the job and its deployment may be when an allocation of a sliding window starts: while the event stream tells
/// of both, so that a read only finds out whether it does;
const STREAMED: Duration = Duration::from_secs(10);
/// and while only queries do, which follow the deployment no more often, and the job not at all.
const POLLED: Duration = Duration::from_secs(1);
/// How long a deployment that this run caused may take when the job says nothing.
const DEPLOYMENT: Duration = Duration::from_secs(600);

impl Run {
    /// Lets the next batch begin only on fresh knowledge and beside no deployment.
    pub(super) async fn guard(&self, place: usize, members: &[AllocId]) -> Result<(), Halt> {
        self.reread(place, members).await?;
        self.no_deployment(place, members).await
    }

    /// Lets these take their turn in a sliding window only on current knowledge and beside no deployment. `read` is when the job and its
    /// deployment were read last: a read for each turn would cost more than the turns, so they are read anew only when that is longer
    /// ago than what brings news may be trusted for.
    pub(super) async fn guard_turn(
        &self,
        place: usize,
        members: &[AllocId],
        read: &mut Option<Instant>,
    ) -> Result<(), Halt> {
        let current = if self.context.feed.is_streaming() {
            STREAMED
        } else {
            POLLED
        };
        if read.is_none_or(|read| read.elapsed() >= current) {
            let now = Instant::now();
            self.reread(place, members).await?;
            *read = Some(now);
        } else {
            self.refresh(place, members).await?;
        }
        self.no_deployment(place, members).await
    }

    /// Waits where a deployment is to be waited for, and ends the run where it is not.
    async fn no_deployment(&self, place: usize, members: &[AllocId]) -> Result<(), Halt> {
        let context = &self.context;
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
                    return Err(self.fail(place, text, Trouble::Timeout));
                }
                Guard::Theirs(_) => {
                    if let Err(error) = deployments_end(&context.feed, &context.reporter).await {
                        return Err(self.unanswered(place, &error));
                    }
                    // What it replaced is not touched again.
                    if let Err(error) = context.feed.confirm(&Confirm::List).await {
                        return Err(self.unreadable(place, "retrieving allocations for", &error));
                    }
                    self.reread(place, members).await?;
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
    async fn reread(&self, place: usize, members: &[AllocId]) -> Result<(), Halt> {
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
        self.refresh(place, members).await
    }

    /// Waits until the view can be trusted, and brings up to date what nothing brings news of.
    async fn refresh(&self, place: usize, members: &[AllocId]) -> Result<(), Halt> {
        let feed = &self.context.feed;
        if let Err(error) = feed.live().await {
            return Err(self.unanswered(place, &error));
        }
        if let Err(error) = feed.refresh(members.iter().map(Arc::clone)).await {
            return Err(self.unreadable(place, "retrieving allocations for", &error));
        }
        Ok(())
    }

    fn right_to_read(&self, error: &ReadError) -> String {
        error.right("read-job", Some(&self.context.job.namespace))
    }

    fn unanswered(&self, place: usize, error: &ReadError) -> Halt {
        let why = if error.is_retryable() {
            "No answer from Nomad"
        } else {
            "Nomad no longer tells how the allocations are"
        };
        let right = self.right_to_read(error);
        let text = format!("{why}, nothing more is restarted: {error}{right}");
        self.fail(place, text, Trouble::of_read(error))
    }

    fn unreadable(&self, place: usize, what: &str, error: &ReadError) -> Halt {
        let job = quote(&self.context.job.id);
        let text = format!(
            "Error {what} job {job}: {error}{}",
            self.right_to_read(error)
        );
        self.fail(place, text, Trouble::of_read(error))
    }

    /// Waits; a deployment (unless it is to be waited for) or a stop of the job that comes meanwhile ends the run.
    pub(super) async fn pause(&self, pause: Duration, place: usize) -> Result<(), Halt> {
        if pause.is_zero() {
            return Ok(());
        }
        self.context.reporter.emit(EventKind::Pausing { pause });
        let Some(end) = Instant::now().checked_add(pause) else {
            // Longer than any clock goes: only a signal or a deployment ends it.
            return std::future::pending().await;
        };
        tokio::select! {
            biased;
            halt = self.blocked(place) => Err(halt),
            () = sleep_until(end) => Ok(()),
        }
    }

    /// Waits for a deployment, or a stop of the job, that ends the run.
    pub(super) async fn blocked(&self, place: usize) -> Halt {
        let feed = &self.context.feed;
        let news = feed.follow_job();
        loop {
            if let Guard::Blocked { text } = self.look() {
                return self.fail(place, text, Trouble::Precondition);
            }
            tokio::select! {
                () = news.changed() => {}
                () = look_at_job(feed) => {}
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
