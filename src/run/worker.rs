//! One worker per allocation: permit, gate, a last check, baseline, write, and then verdict after verdict until one is final.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};

use super::context::Context;
use super::ledger::Fate;
use super::progress::Progress;
use crate::event::{EventKind, RunError, Target};
use crate::nomad::client::{Permit, RestartBody};
use crate::nomad::error::CallError;
use crate::nomad::json::{AllocId, Allocation};
use crate::nomad::retry::Backoff;
use crate::plan::{Action, Tasks};
use crate::rules::limits::time_limit;
use crate::rules::selection::{Candidate, Skip, recheck};
use crate::rules::verdict::{Baseline, CallState, Cause, Verdict, Want, judge, next_check};
use crate::watch::{Health, PATIENCE};

const STILL_WAITING: Duration = Duration::from_secs(60);

/// An allocation whose turn has come.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// Its place in the processing order.
    pub(super) place: usize,
    pub(super) candidate: Candidate,
    /// Set when an unrecoverable error in this batch leaves what is not sent yet untouched.
    pub(super) halt: watch::Sender<bool>,
}

/// How one write and its wait ended.
#[derive(Debug)]
enum End {
    /// The write was not sent: the gate is closed, or the batch was halted.
    Untouched,
    Skipped(Skip),
    Done,
    Failed(RunError),
}

/// Handles one allocation from its turn to its verdict, and books the result.
pub(super) async fn work(context: Arc<Context>, work: Work) {
    let candidate = &work.candidate;
    let mut ends = Vec::new();
    match &context.plan.action {
        Action::InPlace(Tasks::Named(_)) => {
            for task in &candidate.not_running {
                ends.push(End::Failed(RunError {
                    allocation: Some(Arc::clone(&candidate.id)),
                    text: format!("Failed to restart task {}: Task not running", crate::cli::quote::quote(task)),
                    unrecoverable: false,
                }));
            }
            let mut tasks = tokio::task::JoinSet::new();
            for (order, task) in candidate.tasks.iter().enumerate() {
                let unit = Unit::new(&context, &work, Target::Task(task.to_string()));
                tasks.spawn(async move { (order, unit.run().await) });
            }
            let mut joined = tasks.join_all().await;
            joined.sort_by_key(|(order, _)| *order);
            ends.extend(joined.into_iter().map(|(_, end)| end));
        }
        Action::InPlace(Tasks::Running) => ends.push(Unit::new(&context, &work, Target::RunningTasks).run().await),
        Action::InPlace(Tasks::All) => ends.push(Unit::new(&context, &work, Target::AllTasks).run().await),
        Action::Reschedule { .. } => ends.push(Unit::new(&context, &work, Target::Reschedule).run().await),
    }
    book(&context, &work, ends);
}

fn book(context: &Context, work: &Work, ends: Vec<End>) {
    let id = &work.candidate.id;
    let untouched = ends.iter().all(|end| matches!(end, End::Untouched));
    let mut done = true;
    for end in ends {
        match end {
            End::Done => {}
            // Some of its tasks were not sent: what was sent stays booked as in flight.
            End::Untouched => done = false,
            End::Skipped(skip) => {
                done = false;
                context.reporter.emit(EventKind::AllocationSkipped {
                    allocation: Arc::clone(id),
                    reason: skip.to_string(),
                });
                context.set(id, Fate::Skipped(skip.to_string()));
            }
            End::Failed(error) => {
                done = false;
                if error.unrecoverable {
                    work.halt.send_replace(true);
                }
                context.fail(work.place, error);
            }
        }
    }
    if done {
        context.set(id, Fate::Done);
        context.reporter.emit(EventKind::AllocationDone { allocation: Arc::clone(id) });
    } else if untouched {
        context.set(id, Fate::Untouched);
    }
}

/// One write and the wait for its effect: an allocation, or one task of it.
struct Unit {
    context: Arc<Context>,
    id: AllocId,
    candidate: Candidate,
    halt: watch::Receiver<bool>,
    target: Target,
}

impl Unit {
    fn new(context: &Arc<Context>, work: &Work, target: Target) -> Self {
        Self {
            context: Arc::clone(context),
            id: Arc::clone(&work.candidate.id),
            candidate: work.candidate.clone(),
            halt: work.halt.subscribe(),
            target,
        }
    }

    async fn run(self) -> End {
        let context = &self.context;
        let permit = context.client.write_permit().await;
        if context.gate.pass().await.is_err() || *self.halt.borrow() {
            return End::Untouched;
        }
        let checked = context.feed.read(|view| {
            recheck(view, &self.candidate, &context.plan)?;
            view.allocations.get(&self.id).cloned().ok_or(Skip::Gone)
        });
        let allocation = match checked {
            Ok(allocation) => allocation,
            Err(skip) => return End::Skipped(skip),
        };
        context.set(&self.id, Fate::InFlight);
        context.reporter.emit(EventKind::AllocationStarted {
            allocation: Arc::clone(&self.id),
            group: self.candidate.group.to_string(),
            what: self.target.clone(),
        });
        self.write_and_wait(&allocation, permit).await
    }

    async fn write_and_wait(&self, allocation: &Allocation, permit: Permit) -> End {
        let context = &self.context;
        let follower = context.feed.follow(allocation);
        let mut health = context.feed.health();
        let want = self.want(allocation);
        let base = Baseline::new(allocation, &want, &context.versions);
        let mut progress = Progress::new(context, &self.id);
        let sent_at = Instant::now();
        let mut call = CallState::Open { since: sent_at };
        let mut write = Some(self.spawn_write(permit));
        let mut backoff = Backoff::default();
        let mut minute = interval_at(sent_at + STILL_WAITING, STILL_WAITING);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            let now = Instant::now();
            let verdict = context.feed.read(|view| {
                progress.look(view);
                judge(&base, call, view, &want, now)
            });
            let reason = match verdict {
                Verdict::Done { by } => {
                    progress.done(by);
                    return End::Done;
                }
                Verdict::Failed(cause) => return self.failed(&cause),
                Verdict::Pending(reason) => reason,
            };
            if let Some(error) = lost(&health.borrow_and_update(), now) {
                return self.failed(&Cause::ClusterLost { error });
            }
            if call.wants_reread(now) {
                call = match context.feed.reread(&self.id).await {
                    Ok(()) => call.reread(),
                    Err(error) => return self.failed(&Cause::ClusterLost { error: error.to_string() }),
                };
                continue;
            }
            let wake = next_check(&base, call, &want, now);
            tokio::select! {
                result = join(&mut write), if write.is_some() => {
                    write = None;
                    match result {
                        Ok(Ok(())) => call = CallState::Accepted(Instant::now()),
                        Ok(Err(CallError::Refused(error))) => return self.refused(&error).await,
                        Ok(Err(error @ CallError::NotSent(_))) => {
                            if want.past(Instant::now()) {
                                return self.failed(&Cause::NotSent { error: error.to_string() });
                            }
                            sleep(backoff.next_delay()).await;
                            let permit = context.client.write_permit().await;
                            if context.gate.pass().await.is_err() {
                                return End::Untouched;
                            }
                            if let Err(skip) = context.feed.read(|view| recheck(view, &self.candidate, &context.plan)) {
                                return End::Skipped(skip);
                            }
                            write = Some(self.spawn_write(permit));
                        }
                        Ok(Err(error)) => call = self.unknown(&error.to_string()),
                        Err(error) => call = self.unknown(&error.to_string()),
                    }
                }
                () = follower.changed() => {}
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
                _ = minute.tick() => progress.still_waiting(&reason),
                _ = health.changed() => {}
                () = outage_ends(&health) => {}
            }
        }
    }

    /// What has to come true of this write.
    fn want(&self, allocation: &Allocation) -> Want {
        let plan = &self.context.plan;
        let limit = time_limit(plan.timeout, self.context.versions.of(allocation), &self.candidate.group, &self.target, plan);
        Want { target: self.target.clone(), deadline: limit.map(|limit| Instant::now() + limit), limit, sent_at: Instant::now() }
    }

    /// Sends the write from a task of its own, which owns the permit: a call that nobody waits for still takes its place.
    fn spawn_write(&self, permit: Permit) -> JoinHandle<Result<(), CallError>> {
        let client = self.context.client.clone();
        let open = self.context.calls.begin();
        let id = Arc::clone(&self.id);
        let body = match &self.target {
            Target::RunningTasks => Some(RestartBody::running()),
            Target::AllTasks => Some(RestartBody::all()),
            Target::Task(task) => Some(RestartBody::task(task)),
            Target::Reschedule => None,
        };
        let no_shutdown_delay = matches!(self.context.plan.action, Action::Reschedule { no_shutdown_delay: true });
        tokio::spawn(async move {
            let _open = open;
            match body {
                Some(body) => client.restart(&id, &body, permit).await,
                None => client.stop(&id, no_shutdown_delay, permit).await.map(|_| ()),
            }
        })
    }
}
