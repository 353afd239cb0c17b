//! The verdict on a reschedule: on the end of the chain of replacements.

use std::sync::Arc;

use tokio::time::Instant;

use super::in_place::{failed, stays};
use super::reason::{Confirm, Event, Reason, State};
use super::{
    Baseline, CallState, Cause, PLACED_LATE, SETTLED_AFTER, UNREAD_FOR, Verdict, Want, health,
};
use crate::nomad::json::{
    AllocId, Allocation, ClientStatus, DesiredStatus, RunState, TaskGroup, TaskState,
};
use crate::rules::versions::{Part, group, part};
use crate::view::{JobState, JobView, job_type};

/// Whether the end of a chain has been known for long enough to be its end for good.
enum Settled {
    NotYet,
    /// Long enough, but what is known may be old.
    Unconfirmed,
    Yes,
}

pub(super) fn judge(
    base: &Baseline,
    call: CallState,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Verdict {
    let chain = base.replacements(view);
    let end = chain.last().unwrap_or(&base.allocation);
    let Some(allocation) = view.allocations.get(end) else {
        return unseen(base, &chain, view, now);
    };
    if matches!(
        allocation.desired_status,
        DesiredStatus::Stop | DesiredStatus::Evict
    ) {
        return stopped(base, allocation, view, now);
    }
    match allocation.client_status {
        ClientStatus::Failed => attempt(allocation, view, now),
        ClientStatus::Lost => settle(allocation, view, now, || Cause::NotReplaced {
            allocation: allocation.id.clone(),
            description: allocation.client_description.clone(),
        }),
        ClientStatus::Complete if !chain.is_empty() && is_batch(view, allocation) => {
            Verdict::Done {
                by: Some(allocation.id.clone()),
            }
        }
        // The scheduler replaces nothing that has ended by itself.
        ClientStatus::Complete => settle(allocation, view, now, || Cause::EndedUnreplaced {
            allocation: allocation.id.clone(),
            original: chain.is_empty(),
        }),
        ClientStatus::Unknown => Verdict::Pending(Reason::of(State::Disconnected {
            allocation: allocation.id.clone(),
        })),
        _ if chain.is_empty() => Verdict::Pending(Reason::of(scheduling(call, allocation))),
        _ => started(base, &chain, allocation, view, want, now),
    }
}

/// The original allocation is to run still.
fn scheduling(call: CallState, allocation: &Allocation) -> State {
    match call {
        _ if allocation.desired_transition.migrate => State::Scheduling,
        CallState::Unknown(_) => State::OutcomeUnknown,
        CallState::NotSent | CallState::Open | CallState::Accepted(_) => State::NoSignYet,
    }
}

/// The end of the chain is gone, or only its id is known.
fn unseen(base: &Baseline, chain: &[AllocId], view: &JobView, now: Instant) -> Verdict {
    let end = chain.last().unwrap_or(&base.allocation);
    if view.job == JobState::Purged {
        return Verdict::Failed(Cause::JobEnded { purged: true });
    }
    if !view.is_gone(end) {
        let unread = State::Unread {
            allocation: end.clone(),
        };
        return Verdict::Pending(match read_at(base, chain, view) {
            Some(at) if now < at => Reason::of(unread),
            _ => Reason::confirm(unread, Confirm::Allocation(end.clone())),
        });
    }
    // A replacement without links is only found in a list, and one that was made before this one went does not tell.
    if view.listed() > view.at_rest_since(end) {
        Verdict::Failed(Cause::NotReplaced {
            allocation: end.clone(),
            description: Arc::from("it no longer exists"),
        })
    } else {
        Verdict::Pending(Reason::confirm(
            State::NoReplacementYet {
                allocation: end.clone(),
                description: Arc::from("it no longer exists"),
            },
            Confirm::List,
        ))
    }
}

/// When the last of these replacements is to be read. `None` if there is none, more than its id is known, or nothing tells since when it
/// is missing.
pub(super) fn read_at(base: &Baseline, chain: &[AllocId], view: &JobView) -> Option<Instant> {
    let (end, before) = chain.split_last()?;
    if view.last_known(end).is_some() {
        return None;
    }
    let before = before.last().unwrap_or(&base.allocation);
    view.at_rest_since(before)?.checked_add(UNREAD_FOR)
}

/// The end of the chain is stopped, and its plan brought no replacement.
fn stopped(base: &Baseline, allocation: &Allocation, view: &JobView, now: Instant) -> Verdict {
    if view.job_ended() {
        return Verdict::Failed(Cause::JobEnded {
            purged: view.job == JobState::Purged,
        });
    }
    let description = allocation.desired_description.clone();
    if description.contains("not needed due to job update") {
        return Verdict::Failed(Cause::NotNeeded {
            allocation: allocation.id.clone(),
            description,
        });
    }
    // The blocked evaluation is written before the plan: only the plan tells which allocation it could not replace.
    let blocked = view
        .blocked
        .values()
        .filter(|evaluation| evaluation.create_index > base.index)
        .filter_map(|evaluation| {
            let metric = evaluation.failed_tg_allocs.get(&*base.group)?;
            Some((evaluation, metric))
        })
        .max_by_key(|(evaluation, _)| evaluation.create_index);
    let waiting = State::NoReplacementYet {
        allocation: allocation.id.clone(),
        description: description.clone(),
    };
    let since = view.at_rest_since(&allocation.id);
    if let Some((evaluation, metric)) = blocked {
        let over = since.and_then(|since| since.checked_add(PLACED_LATE));
        return if over.is_some_and(|over| now < over) {
            Verdict::Pending(Reason::of(waiting))
        } else {
            Verdict::Failed(Cause::Placement {
                evaluation: evaluation.id.clone(),
                group: base.group.clone(),
                metric: Box::new(metric.clone()),
            })
        };
    }
    // Only a further evaluation replaces it, and that is ours to ask for.
    if job_type(view, allocation) == "system" {
        return Verdict::Pending(Reason::of(waiting));
    }
    match settled(since, view.listed(), now) {
        Settled::NotYet => Verdict::Pending(Reason::of(waiting)),
        Settled::Unconfirmed => Verdict::Pending(Reason::confirm(waiting, Confirm::List)),
        Settled::Yes => Verdict::Failed(Cause::NotReplaced {
            allocation: allocation.id.clone(),
            description,
        }),
    }
}

/// The end of the chain has failed: Nomad tries again, or it does not.
fn attempt(allocation: &Allocation, view: &JobView, now: Instant) -> Verdict {
    let planned = !allocation.followup_eval_id.is_empty();
    if planned {
        return Verdict::Pending(Reason::of(next_attempt(allocation, true)));
    }
    settle(allocation, view, now, || Cause::ReplacementFailed {
        allocation: allocation.id.clone(),
        cause: Box::new(failed(allocation)),
    })
}

fn next_attempt(allocation: &Allocation, planned: bool) -> State {
    let event = allocation
        .task_states
        .values()
        .filter_map(|state| state.events.last_failure.as_ref())
        .max_by_key(|event| event.time)
        .map(Event::from);
    State::NextAttempt {
        allocation: allocation.id.clone(),
        event,
        planned,
    }
}

/// Failed by this cause, unless something more becomes known in the next seconds.
fn settle(
    allocation: &Allocation,
    view: &JobView,
    now: Instant,
    cause: impl FnOnce() -> Cause,
) -> Verdict {
    let waiting = match allocation.client_status {
        ClientStatus::Failed => next_attempt(allocation, false),
        _ => State::Placed {
            allocation: allocation.id.clone(),
            status: allocation.client_status.as_str().to_owned(),
        },
    };
    let since = view.at_rest_since(&allocation.id);
    match settled(since, view.confirmed(&allocation.id), now) {
        Settled::NotYet => Verdict::Pending(Reason::of(waiting)),
        Settled::Unconfirmed => Verdict::Pending(Reason::confirm(
            waiting,
            Confirm::Allocation(allocation.id.clone()),
        )),
        Settled::Yes => Verdict::Failed(cause()),
    }
}

fn settled(since: Option<Instant>, confirmed: Option<Instant>, now: Instant) -> Settled {
    match since.and_then(|since| since.checked_add(SETTLED_AFTER)) {
        Some(over) if now >= over => {
            if confirmed >= Some(over) {
                Settled::Yes
            } else {
                Settled::Unconfirmed
            }
        }
        _ => Settled::NotYet,
    }
}

/// Whether the tasks of a replacement run: `running` of the allocation is not enough, Nomad shows it as soon as a prestart task runs.
fn started(
    base: &Baseline,
    chain: &[AllocId],
    allocation: &Arc<Allocation>,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Verdict {
    // One with a failed task is about to be failed itself, which may bring another attempt.
    let fails = allocation.task_states.values().any(|it| it.failed);
    if want.healthy.is_some() && health::healthy(allocation) == Some(false) && !fails {
        return Verdict::Failed(health::unhealthy(allocation, view));
    }
    match waited_for(base, allocation, view, want) {
        None => match health::of_replacement(base, allocation, view, want, now) {
            Ok(()) => Verdict::Done {
                by: Some(allocation.id.clone()),
            },
            Err(verdict) => *verdict,
        },
        Some((task, state)) => Verdict::Pending(Reason::of(
            awaits_predecessor(base, chain, allocation, view)
                .unwrap_or_else(|| State::of_task(allocation, &task, state)),
        )),
    }
}

/// A replacement starts when the one before it has ended on its node.
fn awaits_predecessor(
    base: &Baseline,
    chain: &[AllocId],
    allocation: &Allocation,
    view: &JobView,
) -> Option<State> {
    let before = chain.len().checked_sub(2).and_then(|i| chain.get(i));
    let predecessor = view.allocations.get(before.unwrap_or(&base.allocation))?;
    (allocation.client_status == ClientStatus::Pending
        && !predecessor.client_status.is_terminal()
        && predecessor.client_status != ClientStatus::Unknown)
        .then(|| State::AwaitsPredecessor {
            allocation: allocation.id.clone(),
            predecessor: predecessor.id.clone(),
            status: allocation.client_status.as_str().to_owned(),
        })
}

/// The first task that has to run and does not; `None` if all do. An empty name if nothing is known of its tasks.
fn waited_for<'a>(
    base: &Baseline,
    allocation: &'a Allocation,
    view: &JobView,
    want: &Want,
) -> Option<(Arc<str>, Option<&'a TaskState>)> {
    let batch = is_batch(view, allocation);
    let states = &allocation.task_states;
    let own_group = own_group(allocation, view, want);
    if let Some(own_group) = own_group.filter(|group| !group.tasks.is_empty()) {
        return own_group
            .tasks
            .iter()
            .filter(|task| matches!(part(task), Part::Main | Part::Sidecar))
            .map(|task| {
                let may_finish = batch && part(task) == Part::Main;
                (
                    task.name.as_str(),
                    states.get(task.name.as_str()),
                    may_finish,
                )
            })
            .find(|(_, state, may_finish)| {
                !state.is_some_and(|state| stays(state) || *may_finish && has_finished(state))
            })
            .map(|(name, state, _)| (Arc::from(name), state));
    }

    // Its version is not known: what ran before the write has to run again.
    let mut expected = base
        .ran
        .iter()
        .filter_map(|name| states.get_key_value(name))
        .peekable();
    if expected.peek().is_some() {
        return expected
            .find(|(_, state)| !stays(state))
            .map(|(name, state)| (name.clone(), Some(state)));
    }
    // Nor is anything of that: everything that has not finished has to run.
    let not_running = states
        .iter()
        .find(|(_, state)| !stays(state) && !has_finished(state));
    match not_running {
        Some((name, state)) => Some((name.clone(), Some(state))),
        None if states.values().any(stays) => None,
        None => Some((Arc::from(""), None)),
    }
}

/// The group of an allocation in its own version of the job.
fn own_group<'a>(
    allocation: &'a Allocation,
    view: &'a JobView,
    want: &'a Want,
) -> Option<&'a TaskGroup> {
    want.versions
        .group_of(allocation)
        .or_else(|| match &view.job {
            JobState::Known(job) if job.version == allocation.job_version => {
                group(job, &allocation.task_group)
            }
            _ => None,
        })
}

fn is_batch(view: &JobView, allocation: &Allocation) -> bool {
    matches!(job_type(view, allocation), "batch" | "sysbatch")
}

fn has_finished(state: &TaskState) -> bool {
    state.state == RunState::Dead && !state.failed
}
