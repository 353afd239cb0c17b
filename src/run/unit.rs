//! One write and the wait for its effect: permit, gate, a last check, baseline, write, and then verdict after verdict until one is final.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::board::Flight;
use super::context::{Context, Done};
use super::evidence::evidence;
use super::progress::Progress;
use super::worker::Work;
use crate::event::{EventKind, RunError, Target, Trouble};
use crate::nomad::error::ReadError;
use crate::nomad::json::AllocId;
use crate::nomad::limiter::Permit;
use crate::rules::limits::{healthy_time, limit};
use crate::rules::selection::{Candidate, LeftOut, recheck};
use crate::rules::verdict::{Baseline, Cause, Verdict, Want, judge, next_check};
use crate::rules::versions::group;
use crate::watch::{Follower, Health, PATIENCE};

const STILL_WAITING: Duration = Duration::from_secs(60);
/// Pause before a read that a verdict asks for is repeated, when the one before has not decided it.
const CONFIRM_PACE: Duration = Duration::from_secs(1);

/// How one write and its wait ended.
#[derive(Debug)]
pub(super) enum End {
    /// The write was not sent: the gate is closed, or the batch was halted.
    Untouched,
    Skipped(LeftOut),
    Done,
    Failed(RunError),
}

/// A write to one allocation, or to one task of it.
#[derive(Debug)]
pub(super) struct Unit {
    context: Arc<Context>,
    candidate: Candidate,
    /// Its place in the processing order.
    place: usize,
    batch: Arc<Batch>,
    target: Target,
}

impl Unit {
    pub(super) fn new(context: &Arc<Context>, work: &Work, target: Target) -> Self {
        Self {
            context: Arc::clone(context),
            candidate: work.candidate.clone(),
            place: work.place,
            batch: Arc::clone(&work.batch),
            target,
        }
    }

    /// Carries it out, with this permit or with one that is waited for.
    pub(super) async fn run(self, permit: Option<Permit>) -> End {
        let context = &self.context;
        let permit = match permit {
            Some(permit) => permit,
            None => context.client.write_permit().await,
        };
        let (permit, candidate) = match self.pass(permit).await {
            Ok(passed) => passed,
            Err(end) => return end,
        };
        if let Target::Task(task) = &self.target
            && !candidate
                .tasks
                .iter()
                .any(|it| it.name == *task && it.running)
        {
            self.batch.settle(self.id());
            return self.failed(&Cause::TaskNotRunning { task: task.clone() });
        }
        let follower = context.feed.follow(self.id());
        let base = context.feed.read(|view| {
            context.first_stop.get_or_init(|| view.index());
            Baseline::take(view, &context.versions, self.id(), &self.target)
        });
        let Some(base) = base else {
            return End::Skipped(LeftOut::Gone);
        };
        context.ledger().sent(self.id());
        let flight = context.board.begin(self.id(), &self.candidate.group);
        context.reporter.emit(EventKind::AllocationStarted {
            allocation: Arc::clone(self.id()),
            group: self.candidate.group.to_string(),
            what: self.target.clone(),
        });
        // Thousands may wait for their turn, which needs little of this.
        Box::pin(self.write_and_wait(&base, &follower, permit, &flight)).await
    }

    fn id(&self) -> &AllocId {
        &self.candidate.id
    }

    /// The way to a write for which there is a permit: the gate, and a last look at the allocation.
    async fn pass(&self, permit: Permit) -> Result<(Permit, Candidate), End> {
        let context = &self.context;
        if context.gate.pass().await.is_err() || self.is_kept_back() {
            return Err(End::Untouched);
        }
        let candidate = context
            .feed
            .read(|view| recheck(view, &self.candidate, &context.plan))
            .map_err(End::Skipped)?;
        Ok((permit, candidate))
    }

    /// Whether an error elsewhere keeps this from being sent. What is held comes to its turn again if the run goes on, so it is held as a
    /// whole or not at all.
    fn is_kept_back(&self) -> bool {
        let begun =
            || self.batch.is_settled(self.id()) || self.context.ledger().has_sent(self.id());
        self.batch.is_halted() || (self.batch.is_held() && !begun())
    }

    async fn write_and_wait(
        &self,
        base: &Baseline,
        follower: &Follower,
        permit: Permit,
        flight: &Flight<'_>,
    ) -> End {
        let context = &self.context;
        let want = self.want();
        let mut progress = Progress::new(context, base);
        let mut confirmed: Option<Instant> = None;
        let mut write = self.begin(permit);
        let mut tell = Instant::now() + STILL_WAITING;

        loop {
            let now = Instant::now();
            let (verdict, wake) = context.feed.read(|view| {
                progress.look(view);
                (
                    judge(base, write.state, view, &want, now),
                    next_check(base, write.state, view, &want, now),
                )
            });
            let reason = match verdict {
                Verdict::Done { by } => {
                    progress.done(by.clone());
                    context.done().push(Done {
                        place: self.place,
                        base: base.clone(),
                        by,
                    });
                    return End::Done;
                }
                Verdict::Failed(cause @ Cause::OutcomeUnknown { .. }) => {
                    return self.error(format!("{}: {cause}", write.lost), true, cause.trouble());
                }
                Verdict::Failed(cause) => return Box::pin(self.failed_of(&cause)).await,
                Verdict::Pending(reason) => reason,
            };
            flight.is(&reason.state);
            if now >= tell {
                progress.still_waiting(&reason.state);
                tell = now + STILL_WAITING;
            }
            let mut wake = wake;
            if let Some(confirm) = &reason.confirm {
                let due = confirmed.map_or(now, |at| at + CONFIRM_PACE);
                if now >= due {
                    if let Err(error) = Box::pin(context.feed.confirm(confirm)).await {
                        return self.lost(&error);
                    }
                    confirmed = Some(Instant::now());
                    continue;
                }
                wake = Some(wake.map_or(due, |wake| wake.min(due)));
            }
            if let Some((text, trouble)) = self.batch.given_up(self.id()) {
                return self.error(text, true, trouble);
            }
            let outage = match patience_ends(&context.feed.health()) {
                Ok(ends) => ends,
                Err(error) => return self.lost(&error),
            };
            let alarm = [wake, outage]
                .into_iter()
                .flatten()
                .fold(tell, Instant::min);
            tokio::select! {
                outcome = write.answer(), if write.is_open() => {
                    if let Some(end) = Box::pin(self.answered(&mut write, &want, outcome)).await {
                        return end;
                    }
                }
                () = follower.changed() => {}
                () = sleep_until(alarm) => {}
            }
        }
    }

    fn want(&self) -> Want {
        let context = &self.context;
        let versions = Arc::clone(&context.versions);
        let plan = &context.plan;
        let (healthy, limit) = context.feed.read(|view| {
            let allocation = view.allocations.get(self.id());
            let job = allocation.and_then(|it| versions.of(it)).map(|job| &**job);
            let name = &*self.candidate.group;
            let group = job.and_then(|job| group(job, name));
            (
                healthy_time(plan.wait, group),
                limit(plan.timeout, &plan.action, plan.wait, job, name),
            )
        });
        Want::new(versions, healthy, limit, Instant::now())
    }

    /// The cluster has not answered for so long that nothing can be said.
    fn lost(&self, error: &ReadError) -> End {
        let text = if error.is_retryable() {
            format!("no answer from Nomad, what became of it is not known: {error}")
        } else {
            let right = error.right("read-job", Some(&self.context.job.namespace));
            format!("Nomad no longer tells, what became of it is not known: {error}{right}")
        };
        self.error(text, true, Trouble::of_read(error))
    }

    /// Failed, with what the cluster still tells of it.
    async fn failed_of(&self, cause: &Cause) -> End {
        let mut end = self.failed(cause);
        if cause.exited().is_some()
            && self.batch.may_look_into()
            && let End::Failed(error) = &mut end
        {
            error.text += &evidence(&self.context, cause).await;
        }
        end
    }

    fn failed(&self, cause: &Cause) -> End {
        self.error(
            cause.sentence(self.context.plan.verbose),
            cause.is_unrecoverable(),
            cause.trouble(),
        )
    }

    fn error(&self, text: String, unrecoverable: bool, trouble: Trouble) -> End {
        End::Failed(RunError {
            allocation: Some(Arc::clone(self.id())),
            text,
            unrecoverable,
            trouble,
        })
    }
}

/// When the run loses patience with a cluster that does not answer; `Err` when it has.
fn patience_ends(health: &Health) -> Result<Option<Instant>, Arc<ReadError>> {
    match health {
        Health::Live => Ok(None),
        Health::Silent {
            since,
            error,
            lasting,
        } => {
            let ends = *since + PATIENCE;
            if *lasting || Instant::now() >= ends {
                Err(Arc::clone(error))
            } else {
                Ok(Some(ends))
            }
        }
    }
}
