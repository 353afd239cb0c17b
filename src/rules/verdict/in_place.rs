//! The verdict on a restart in place.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::baseline::TaskBase;
use super::reason::{Confirm, Event, Reason, State};
use super::{
    Baseline, CRASH_LOOP, CallState, Cause, SIGN_WITHIN, UNKNOWN_WITHIN, Verdict, Want, health,
};
use crate::nomad::json::{Allocation, ByName, ClientStatus, DesiredStatus, RunState, TaskState};
use crate::view::{JobState, JobView};

/// How far one targeted task is.
enum Progress {
    /// Runs again, or has finished again.
    Done,
    /// It ended by itself before the restart reached it: there was nothing to restart.
    EndedBefore,
    Pending(Reason),
    /// The time for a sign of a restart is over.
    NoSign,
    Failed(Cause),
}

/// How long silence has lasted since the call ended.
#[derive(Clone, Copy, PartialEq)]
enum Silence {
    Short,
    /// Long enough, but what is known may be old.
    Unconfirmed,
    Long,
}

pub(super) fn judge(
    base: &Baseline,
    tasks: &ByName<TaskBase>,
    call: CallState,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Verdict {
    let Some(allocation) = view.allocations.get(&base.allocation) else {
        return if view.is_gone(&base.allocation) {
            Verdict::Failed(gone(view))
        } else {
            Verdict::Pending(Reason::of(State::NoSignYet))
        };
    };
    if let Some(cause) = left(view, allocation) {
        return Verdict::Failed(cause);
    }
    match allocation.client_status {
        ClientStatus::Failed => return Verdict::Failed(failed(allocation)),
        ClientStatus::Lost => {
            return Verdict::Failed(Cause::NodeLost {
                description: allocation.desired_description.clone(),
            });
        }
        ClientStatus::Unknown => {
            return Verdict::Pending(Reason::of(State::Disconnected {
                allocation: allocation.id.clone(),
            }));
        }
        _ => {}
    }

    let silence = silence(view, base, call, now);
    let look = Look {
        allocation,
        call,
        silence,
        limit: want.limit,
    };
    let mut pending: Option<Reason> = None;
    let mut without_sign = Vec::new();
    let mut done = 0;
    for (name, before) in tasks.iter() {
        match look.progress(name, before) {
            Progress::Done => done += 1,
            Progress::EndedBefore => {}
            Progress::Failed(cause) => return Verdict::Failed(cause),
            Progress::NoSign => without_sign.push(name.clone()),
            // The first one is told, but one that asks for a read comes before.
            Progress::Pending(reason) => {
                let asks = reason.confirm.is_some();
                if pending
                    .as_ref()
                    .is_none_or(|known| asks && known.confirm.is_none())
                {
                    pending = Some(reason);
                }
            }
        }
    }

    match pending {
        Some(reason) if without_sign.is_empty() => Verdict::Pending(reason),
        None if without_sign.is_empty() && done > 0 => {
            match health::of_restarted(base, allocation, view, want, now) {
                Ok(()) => Verdict::Done { by: None },
                Err(verdict) => *verdict,
            }
        }
        pending => {
            let nothing = done == 0 && pending.is_none();
            silent(base, call, silence, without_sign, nothing)
        }
    }
}

/// Nothing (more) was restarted, as far as Nomad shows.
fn silent(
    base: &Baseline,
    call: CallState,
    silence: Silence,
    tasks: Vec<Arc<str>>,
    nothing: bool,
) -> Verdict {
    match (silence, call) {
        (Silence::Short, _) => Verdict::Pending(Reason::of(State::NoSignYet)),
        (Silence::Unconfirmed, _) => Verdict::Pending(Reason::confirm(
            State::NoSignYet,
            Confirm::Allocation(base.allocation.clone()),
        )),
        (Silence::Long, CallState::Unknown(_)) if nothing => {
            Verdict::Failed(Cause::OutcomeUnknown {
                target: base.target.clone(),
            })
        }
        (Silence::Long, _) => Verdict::Failed(Cause::NotRestarted {
            tasks: if nothing { Vec::new() } else { tasks },
        }),
    }
}

/// Whether the allocation is no longer to run where it is.
fn left(view: &JobView, allocation: &Allocation) -> Option<Cause> {
    let stopped = matches!(
        allocation.desired_status,
        DesiredStatus::Stop | DesiredStatus::Evict
    );
    let description = allocation.desired_description.clone();
    if !allocation.next_allocation.is_empty() {
        return Some(Cause::ReplacedMeanwhile {
            by: allocation.next_allocation.clone(),
            description,
        });
    }
    if !stopped {
        return None;
    }
    Some(if view.job_ended() {
        Cause::JobEnded {
            purged: view.job == JobState::Purged,
        }
    } else if allocation.client_status == ClientStatus::Lost {
        Cause::NodeLost { description }
    } else {
        Cause::Stopped { description }
    })
}

fn gone(view: &JobView) -> Cause {
    if view.job == JobState::Purged {
        Cause::JobEnded { purged: true }
    } else {
        Cause::Gone
    }
}

/// Why a failed allocation failed: the task that did, or what the node says.
pub(super) fn failed(allocation: &Allocation) -> Cause {
    let task = allocation
        .task_states
        .iter()
        .find(|(_, state)| state.state == RunState::Dead && state.failed);
    match task {
        Some((name, state)) => task_failed(allocation, name, state),
        None => Cause::AllocationFailed {
            allocation: allocation.id.clone(),
            description: allocation.client_description.clone(),
        },
    }
}

fn task_failed(allocation: &Allocation, name: &Arc<str>, state: &TaskState) -> Cause {
    Cause::TaskFailed {
        allocation: allocation.id.clone(),
        task: name.clone(),
        failure: state.events.last_failure.as_ref().map(Event::from),
        last: state.events.last.as_ref().map(Event::from),
    }
}

fn silence(view: &JobView, base: &Baseline, call: CallState, now: Instant) -> Silence {
    let over = match call {
        CallState::NotSent | CallState::Open => None,
        CallState::Accepted(at) => at.checked_add(SIGN_WITHIN),
        CallState::Unknown(at) => at.checked_add(UNKNOWN_WITHIN),
    };
    match over {
        Some(over) if now >= over => {
            if view.confirmed(&base.allocation) >= Some(over) {
                Silence::Long
            } else {
                Silence::Unconfirmed
            }
        }
        _ => Silence::Short,
    }
}

/// What all tasks of the allocation are held against.
struct Look<'a> {
    allocation: &'a Allocation,
    call: CallState,
    silence: Silence,
    limit: Option<Duration>,
}

impl Look<'_> {
    fn progress(&self, name: &Arc<str>, before: &TaskBase) -> Progress {
        let Some(state) = self.allocation.task_states.get(name) else {
            return Progress::Pending(self.reason(name, None, false));
        };
        if state.state == RunState::Dead && state.failed {
            return Progress::Failed(task_failed(self.allocation, name, state));
        }
        let restarts = state.restarts.saturating_sub(before.restarts);
        if restarts >= CRASH_LOOP {
            return Progress::Failed(Cause::CrashLoop {
                allocation: self.allocation.id.clone(),
                task: name.clone(),
                restarts,
                failure: state.events.last_failure.as_ref().map(Event::from),
            });
        }

        let signaled = state
            .events
            .restart_signaled
            .filter(|at| Some(*at) > before.restart_signaled);
        let started = state.started_at.filter(|at| Some(*at) != before.started_at);
        let complete = self.allocation.client_status == ClientStatus::Complete;
        if let Some(started) = started
            && (stays(state) && !complete || has_finished(state) && before.may_finish)
        {
            // A start from before the signal is one after a crash: ours is still to come. Without a signal in sight it is ours only
            // if nothing more is to be expected of the call.
            let ours = match (signaled, self.call) {
                (Some(signaled), _) => started.timestamp_nanos_opt() > Some(signaled),
                (None, CallState::NotSent | CallState::Open) => false,
                (None, CallState::Accepted(_)) => self.silence == Silence::Long,
                (None, CallState::Unknown(_)) => true,
            };
            if ours {
                return Progress::Done;
            }
            if signaled.is_none() {
                return Progress::Pending(self.reason(name, Some(state), false));
            }
        }

        let sign = signaled.is_some()
            || started.is_some()
            || restarts > 0
            || state.last_restart != before.last_restart;
        if !sign && before.running && has_finished(state) && before.may_finish {
            return Progress::EndedBefore;
        }
        if complete {
            return Progress::Failed(Cause::Ended {
                task: name.clone(),
                last: state.events.last.as_ref().map(Event::from),
            });
        }
        if let Some(limit) = self.limit
            && let Some(delay) = next_start(state, signaled)
            && delay > limit
        {
            return Progress::Failed(Cause::StartsTooLate {
                allocation: self.allocation.id.clone(),
                task: name.clone(),
                delay,
                limit,
                failure: state.events.last_failure.as_ref().map(Event::from),
            });
        }
        match self.silence {
            Silence::Long if !sign => Progress::NoSign,
            _ => Progress::Pending(self.reason(name, Some(state), signaled.is_some())),
        }
    }

    /// How the task stands; with a read asked for where silence would speak if it were confirmed.
    fn reason(&self, name: &Arc<str>, state: Option<&TaskState>, signaled: bool) -> Reason {
        let asks = self.silence == Silence::Unconfirmed && !signaled;
        Reason {
            state: State::of_task(self.allocation, name, state),
            confirm: asks.then(|| Confirm::Allocation(self.allocation.id.clone())),
        }
    }
}

/// Whether a task runs and is not about to end: a node may tell of the end of a process before it tells of the state.
pub(super) fn stays(state: &TaskState) -> bool {
    state.state == RunState::Running
        && !state.events.last.as_ref().is_some_and(|event| {
            matches!(
                &*event.kind,
                "Terminated"
                    | "Restarting"
                    | "Not Restarting"
                    | "Killing"
                    | "Killed"
                    | "Sibling Task Failed"
                    | "Leader Task Dead"
                    | "Main Tasks Dead"
            )
        })
}

fn has_finished(state: &TaskState) -> bool {
    state.state == RunState::Dead && !state.failed
}

/// How long after the restart was signaled a task that waits for its next start will start: both times are of the same node.
fn next_start(state: &TaskState, signaled: Option<i64>) -> Option<Duration> {
    let event = state.events.last.as_ref()?;
    if &*event.kind != "Restarting" {
        return None;
    }
    let waited = signaled.map_or(0, |signaled| event.time.saturating_sub(signaled));
    let nanos = event.start_delay.max(0).saturating_add(waited.max(0));
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}
