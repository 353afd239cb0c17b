//! One write and the wait for its effect: permit, gate, a last check, baseline, write, and then verdict after verdict until one is final.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};

use super::batch::{Batch, DeadEnd};
use super::context::{Context, Done};
use super::progress::Progress;
use super::worker::Work;
use crate::event::{EventKind, RunError, Target};
use crate::nomad::error::{ApiError, CallError, ReadError};
use crate::nomad::json::AllocId;
use crate::nomad::limiter::Permit;
use crate::nomad::request::RestartBody;
use crate::nomad::retry::Backoff;
use crate::plan::Action;
use crate::rules::limits::limit;
use crate::rules::selection::{Candidate, LeftOut, recheck};
use crate::rules::verdict::{
    Baseline, CallState, Cause, Confirm, Verdict, Want, judge, next_check,
};
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

/// A write call on its way, and what is known of it.
struct Write {
    handle: Option<JoinHandle<Result<(), CallError>>>,
    state: CallState,
    /// Why its answer was lost.
    lost: String,
    backoff: Backoff,
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

    pub(super) async fn run(self) -> End {
        let context = &self.context;
        let (permit, candidate) = match self.pass().await {
            Ok(passed) => passed,
            Err(end) => return end,
        };
        if let Target::Task(task) = &self.target
            && !candidate
                .tasks
                .iter()
                .any(|it| it.name == *task && it.running)
        {
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
        context.reporter.emit(EventKind::AllocationStarted {
            allocation: Arc::clone(self.id()),
            group: self.candidate.group.to_string(),
            what: self.target.clone(),
        });
        self.write_and_wait(&base, &follower, permit).await
    }

    fn id(&self) -> &AllocId {
        &self.candidate.id
    }

    /// The way to a write: a permit, the gate, and a last look at the allocation.
    async fn pass(&self) -> Result<(Permit, Candidate), End> {
        let context = &self.context;
        let permit = context.client.write_permit().await;
        if context.gate.pass().await.is_err() || self.batch.is_halted() {
            return Err(End::Untouched);
        }
        let candidate = context
            .feed
            .read(|view| recheck(view, &self.candidate, &context.plan))
            .map_err(End::Skipped)?;
        Ok((permit, candidate))
    }

    async fn write_and_wait(&self, base: &Baseline, follower: &Follower, permit: Permit) -> End {
        let context = &self.context;
        let mut health = context.feed.health();
        let mut dead_end = self.batch.dead_end();
        let want = self.want();
        let mut progress = Progress::new(context, base);
        let mut confirmed: Option<Instant> = None;
        let mut write = Write {
            handle: Some(self.send(permit)),
            state: CallState::Open,
            lost: String::new(),
            backoff: context.client.backoff(),
        };
        let mut minute = interval_at(Instant::now() + STILL_WAITING, STILL_WAITING);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);

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
                    return self.error(format!("{}: {cause}", write.lost), true);
                }
                Verdict::Failed(cause) => return self.failed(&cause),
                Verdict::Pending(reason) => reason,
            };
            let mut wake = wake;
            if let Some(confirm) = &reason.confirm {
                let due = confirmed.map_or(now, |at| at + CONFIRM_PACE);
                if now >= due {
                    if let Err(error) = context.feed.confirm(confirm).await {
                        return self.lost(&error);
                    }
                    confirmed = Some(Instant::now());
                    continue;
                }
                wake = Some(wake.map_or(due, |wake| wake.min(due)));
            }
            if let Some(text) = self.stuck(dead_end.borrow_and_update().as_ref()) {
                return self.error(text, true);
            }
            let outage = match patience_ends(&health.borrow_and_update()) {
                Ok(ends) => ends,
                Err(error) => return self.lost(&error),
            };
            tokio::select! {
                result = join(&mut write.handle), if write.handle.is_some() => {
                    write.handle = None;
                    if let Some(end) = self.answered(&mut write, &want, result).await {
                        return end;
                    }
                }
                () = follower.changed() => {}
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
                () = sleep_until(outage.unwrap_or(now)), if outage.is_some() => {}
                _ = health.changed() => {}
                _ = dead_end.changed() => {}
                _ = minute.tick() => progress.still_waiting(&reason.state),
            }
        }
    }

    fn want(&self) -> Want {
        let context = &self.context;
        let versions = Arc::clone(&context.versions);
        let limit = context.feed.read(|view| {
            let job = view
                .allocations
                .get(self.id())
                .and_then(|it| versions.of(it));
            limit(
                context.plan.timeout,
                &context.plan.action,
                job.map(|job| &**job),
                &self.candidate.group,
            )
        });
        Want::new(versions, limit, Instant::now())
    }

    fn no_shutdown_delay(&self) -> bool {
        matches!(
            self.context.plan.action,
            Action::Reschedule {
                no_shutdown_delay: true
            }
        )
    }

    /// Sends the write from a task of its own, which owns the permit: a call that nobody waits for still takes its place at the agent.
    fn send(&self, permit: Permit) -> JoinHandle<Result<(), CallError>> {
        let client = self.context.client.clone();
        let open = self.context.calls.begin();
        let id = Arc::clone(self.id());
        let no_shutdown_delay = self.no_shutdown_delay();
        let body = match &self.target {
            Target::RunningTasks => Some(RestartBody::default()),
            Target::AllTasks => Some(RestartBody {
                all_tasks: true,
                ..RestartBody::default()
            }),
            Target::Task(task) => Some(RestartBody {
                task_name: task.clone(),
                ..RestartBody::default()
            }),
            Target::Reschedule => None,
        };
        tokio::spawn(async move {
            let _open = open;
            match body {
                Some(body) => client.restart(permit, &id, &body).await,
                None => client
                    .stop(permit, &id, no_shutdown_delay)
                    .await
                    .map(|_| ()),
            }
        })
    }

    /// Takes the answer to a write in. Sends again only what cannot have been carried out, or may be carried out twice.
    async fn answered(
        &self,
        write: &mut Write,
        want: &Want,
        result: Result<Result<(), CallError>, JoinError>,
    ) -> Option<End> {
        let error = match result {
            Ok(Ok(())) => {
                write.state = CallState::Accepted(Instant::now());
                return None;
            }
            Ok(Err(error)) => error,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        match error {
            CallError::Refused(error) => Some(self.refused(&error).await),
            CallError::NotSent(error) => {
                if write.state == CallState::Open {
                    write.state = CallState::NotSent;
                }
                self.again(write, want, &error.to_string()).await
            }
            CallError::Unknown(_) | CallError::Garbled(_) => {
                write.state = CallState::Unknown(Instant::now());
                write.lost = error.to_string();
                if self.target == Target::Reschedule {
                    // Harmless to repeat: the same transition is merged once more.
                    return self.again(write, want, &error.to_string()).await;
                }
                None
            }
        }
    }

    /// Sends once more, unless the time is up, the gate has closed, or the allocation needs it no longer.
    async fn again(&self, write: &mut Write, want: &Want, error: &str) -> Option<End> {
        let may_have_arrived = write.state != CallState::NotSent;
        let delay = write.backoff.next_delay();
        if want
            .deadline
            .is_some_and(|deadline| Instant::now() + delay >= deadline)
        {
            let text = format!("the call could not be sent within the time limit: {error}");
            return (!may_have_arrived).then(|| self.error(text, true));
        }
        if !may_have_arrived {
            self.context.ledger().not_taken(self.id());
        }
        sleep(delay).await;
        match self.pass().await {
            Ok((permit, _)) => {
                write.handle = Some(self.send(permit));
                if !may_have_arrived {
                    write.state = CallState::Open;
                    self.context.ledger().sent(self.id());
                }
                None
            }
            // What may have arrived is waited for, whatever keeps it from being repeated.
            Err(_) if may_have_arrived => None,
            Err(end) => Some(end),
        }
    }

    /// Nomad refused. What ended or was replaced meanwhile is skipped, as it would have been a moment later.
    async fn refused(&self, error: &ReadError) -> End {
        let context = &self.context;
        let permission = error.is_permission_denied();
        let fresh = Confirm::Allocation(Arc::clone(self.id()));
        if !permission && context.feed.confirm(&fresh).await.is_ok() {
            let changed = context
                .feed
                .read(|view| recheck(view, &self.candidate, &context.plan));
            if let Err(
                reason @ (LeftOut::Gone
                | LeftOut::Replaced { .. }
                | LeftOut::NotRunning { .. }
                | LeftOut::Migrating),
            ) = changed
            {
                return End::Skipped(reason);
            }
        }
        let unreachable = error.api().is_some_and(ApiError::is_no_path_to_node);
        let hint = if unreachable && self.target != Target::Reschedule {
            "; its node is down or cut off, -reschedule can move the allocation"
        } else {
            ""
        };
        self.failed(&Cause::Refused {
            target: self.target.clone(),
            text: format!("{error}{hint}"),
            permission,
        })
    }

    /// Why nothing will replace this allocation, if that is known.
    fn stuck(&self, dead_end: Option<&DeadEnd>) -> Option<String> {
        let concerns = |group: &String| **group == *self.candidate.group;
        dead_end
            .filter(|it| it.group.as_ref().is_none_or(concerns))
            .map(|it| it.text.clone())
    }

    /// The cluster has not answered for so long that nothing can be said.
    fn lost(&self, error: &ReadError) -> End {
        let text = if error.is_retryable() {
            format!("no answer from Nomad, what became of it is not known: {error}")
        } else {
            format!("Nomad no longer tells, what became of it is not known: {error}")
        };
        self.error(text, true)
    }

    fn failed(&self, cause: &Cause) -> End {
        self.error(
            cause.sentence(self.context.plan.verbose),
            cause.is_unrecoverable(),
        )
    }

    fn error(&self, text: String, unrecoverable: bool) -> End {
        End::Failed(RunError {
            allocation: Some(Arc::clone(self.id())),
            text,
            unrecoverable,
        })
    }
}

/// Waits for the call; for ever when there is none.
async fn join(
    handle: &mut Option<JoinHandle<Result<(), CallError>>>,
) -> Result<Result<(), CallError>, JoinError> {
    match handle {
        Some(handle) => handle.await,
        None => std::future::pending().await,
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
