//! One write and the wait for its effect: permit, gate, a last check, baseline, write, and then verdict after verdict until one is final.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};

use super::context::Context;
use super::ledger::Fate;
use super::progress::Progress;
use crate::cli::quote::quote;
use crate::event::{EventKind, RunError, Target};
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::json::{AllocId, Allocation};
use crate::nomad::limiter::Permit;
use crate::nomad::request::RestartBody;
use crate::nomad::retry::Backoff;
use crate::plan::Action;
use crate::rules::limits::time_limit;
use crate::rules::selection::{Candidate, Reason, recheck};
use crate::rules::verdict::{Baseline, CallState, Case, Cause, Verdict, Want, judge, next_check};
use crate::view::JobView;
use crate::watch::{Health, PATIENCE};

const STILL_WAITING: Duration = Duration::from_secs(60);

/// How one write and its wait ended.
#[derive(Debug)]
pub(super) enum End {
    /// The write was not sent: the gate is closed, or the batch was halted.
    Untouched,
    Skipped(Reason),
    Done,
    Failed(RunError),
}

/// A write to one allocation, or to one task of it.
#[derive(Debug)]
pub(super) struct Unit {
    context: Arc<Context>,
    candidate: Candidate,
    halt: watch::Receiver<bool>,
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
    pub(super) fn new(
        context: &Arc<Context>,
        candidate: &Candidate,
        halt: watch::Receiver<bool>,
        target: Target,
    ) -> Self {
        Self {
            context: Arc::clone(context),
            candidate: candidate.clone(),
            halt,
            target,
        }
    }

    pub(super) async fn run(self) -> End {
        let context = &self.context;
        let (permit, allocation) = match self.pass().await {
            Ok(passed) => passed,
            Err(end) => return end,
        };
        context.set(self.id(), Fate::InFlight);
        context.reporter.emit(EventKind::AllocationStarted {
            allocation: Arc::clone(self.id()),
            group: self.candidate.group.to_string(),
            what: self.target.clone(),
        });
        self.write_and_wait(&allocation, permit).await
    }

    fn id(&self) -> &AllocId {
        &self.candidate.id
    }

    /// The way to a write: a permit, the gate, and a last look at the allocation.
    async fn pass(&self) -> Result<(Permit, Arc<Allocation>), End> {
        let context = &self.context;
        let permit = context.client.write_permit().await;
        if context.gate.pass().await.is_err() || *self.halt.borrow() {
            return Err(End::Untouched);
        }
        let allocation = context
            .feed
            .read(|view| recheck(view, &self.candidate, &context.plan))
            .map_err(End::Skipped)?;
        Ok((permit, allocation))
    }

    async fn write_and_wait(&self, allocation: &Allocation, permit: Permit) -> End {
        let context = &self.context;
        let follower = context.feed.follow(allocation);
        let mut health = context.feed.health();
        let base = Baseline::new(allocation, &self.target, &context.versions);
        let want = self.want(allocation);
        context
            .first_stop
            .get_or_init(|| context.feed.read(JobView::index));
        let mut progress = Progress::new(context, self.id());
        let mut write = Write {
            handle: Some(self.send(permit)),
            state: CallState::Open,
            lost: String::new(),
            backoff: context.client.backoff(),
        };
        let mut reread = None;
        let mut minute = interval_at(want.sent_at + STILL_WAITING, STILL_WAITING);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            let case = Case {
                base: &base,
                call: write.state,
                want: &want,
                lost: &write.lost,
                versions: &context.versions,
                reread,
                now: Instant::now(),
            };
            let (verdict, wake) = context.feed.read(|view| {
                progress.look(view);
                (judge(&case, view), next_check(&case, view))
            });
            let reason = match verdict {
                Verdict::Done { by } => {
                    progress.done(by);
                    return End::Done;
                }
                Verdict::Failed(cause) => return self.failed(&cause),
                Verdict::Unsure => {
                    if let Err(error) = context.feed.reread(self.id()).await {
                        return self.failed(&Cause::ClusterLost {
                            error: error.to_string(),
                        });
                    }
                    reread = Some(Instant::now());
                    continue;
                }
                Verdict::Pending(reason) => reason,
            };
            let outage = match patience_ends(&health.borrow_and_update()) {
                Ok(ends) => ends,
                Err(error) => return self.failed(&Cause::ClusterLost { error }),
            };
            tokio::select! {
                result = join(&mut write.handle), if write.handle.is_some() => {
                    write.handle = None;
                    if let Some(end) = self.answered(&mut write, &want, result).await {
                        return end;
                    }
                }
                () = follower.changed() => {}
                () = sleep_until(wake.unwrap_or(want.sent_at)), if wake.is_some() => {}
                () = sleep_until(outage.unwrap_or(want.sent_at)), if outage.is_some() => {}
                _ = health.changed() => {}
                _ = minute.tick() => progress.still_waiting(reason),
            }
        }
    }

    fn want(&self, allocation: &Allocation) -> Want {
        let context = &self.context;
        let limit = time_limit(
            context.plan.timeout,
            context.versions.of(allocation),
            &self.candidate.group,
            &self.target,
            self.no_shutdown_delay(),
        );
        Want {
            target: self.target.clone(),
            sent_at: Instant::now(),
            limit,
            verbose: context.plan.verbose,
        }
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
            CallError::NotSent(error) => self.again(write, want, &error).await,
            CallError::Unknown(error) if self.target.is_in_place() => {
                write.state = CallState::Unknown(Instant::now());
                write.lost = error.to_string();
                None
            }
            CallError::Unknown(error) => {
                // Harmless to repeat: the same transition is merged once more.
                write.state = CallState::Unknown(Instant::now());
                write.lost = error.to_string();
                self.again(write, want, &error).await
            }
        }
    }

    /// Sends once more, unless the time is up, the gate has closed, or the allocation needs it no longer.
    async fn again(&self, write: &mut Write, want: &Want, error: &ReadError) -> Option<End> {
        let delay = write.backoff.next_delay();
        if want
            .limit
            .is_some_and(|limit| Instant::now() + delay >= want.sent_at + limit)
        {
            return Some(self.failed(&Cause::NotSent {
                error: error.to_string(),
            }));
        }
        sleep(delay).await;
        match self.pass().await {
            Ok((permit, _)) => {
                write.handle = Some(self.send(permit));
                None
            }
            // A write that may have arrived is waited for, whatever keeps it from being repeated.
            Err(_) if write.state != CallState::Open => None,
            Err(end) => Some(end),
        }
    }

    /// Nomad refused. What the operator would want skipped, because it ended or was replaced meanwhile, is skipped.
    async fn refused(&self, error: &ReadError) -> End {
        let context = &self.context;
        if !error.is_permission_denied() && context.feed.reread(self.id()).await.is_ok() {
            let changed = context
                .feed
                .read(|view| recheck(view, &self.candidate, &context.plan));
            if let Err(
                reason @ (Reason::Gone
                | Reason::Replaced { .. }
                | Reason::Status { .. }
                | Reason::Migrating),
            ) = changed
            {
                return End::Skipped(reason);
            }
        }
        let text = match &self.target {
            Target::RunningTasks | Target::AllTasks => error.to_string(),
            Target::Task(task) => format!("Failed to restart task {}: {error}", quote(task)),
            Target::Reschedule => format!("Failed to stop allocation: {error}"),
        };
        self.error(text, error.is_permission_denied())
    }

    fn failed(&self, cause: &Cause) -> End {
        let text = match &self.target {
            Target::Task(task) => format!("Failed to restart task {}: {cause}", quote(task)),
            Target::RunningTasks | Target::AllTasks | Target::Reschedule => cause.to_string(),
        };
        self.error(text, cause.is_unrecoverable())
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
fn patience_ends(health: &Health) -> Result<Option<Instant>, String> {
    match health {
        Health::Live => Ok(None),
        Health::Silent {
            since,
            error,
            lasting,
        } => {
            let ends = *since + PATIENCE;
            if *lasting || Instant::now() >= ends {
                Err(error.to_string())
            } else {
                Ok(Some(ends))
            }
        }
    }
}
