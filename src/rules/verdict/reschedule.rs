//! The verdict on a stop and the replacement that has to follow it.

use std::sync::Arc;

use tokio::time::Instant;

use super::in_place::allocation_words;
use super::{CallState, Case, Cause, NO_SIGN, SETTLED, Verdict, placement, task_words};
use crate::cli::quote::quote;
use crate::nomad::json::{AllocId, Allocation, ClientStatus, DesiredStatus, Job, RunState};
use crate::view::{JobState, JobView, Known};

pub(super) fn judge(case: &Case<'_>, view: &JobView) -> Verdict {
    let original = &case.base.id;
    let last = view.last_successor(original);
    if last == *original {
        return waits_for_replacement(case, view);
    }
    let Some(known) = view.known(&last) else {
        if view.is_gone(&last) {
            return nothing_follows(case, view, None, || Cause::ReplacementLost {
                replacement: case.shown(&last),
                why: "it no longer exists".to_owned(),
            });
        }
        return Verdict::Pending(format!(
            "replacement {} was not reported yet",
            quote(&case.shown(&last))
        ));
    };
    if runs(case, view, &known.allocation) {
        return Verdict::Done { by: Some(last) };
    }
    replacement(case, view, &last, known)
}

/// Nothing has taken its place yet.
fn waits_for_replacement(case: &Case<'_>, view: &JobView) -> Verdict {
    let Some(known) = view.known(&case.base.id) else {
        return nothing_follows(case, view, None, || Cause::Gone);
    };
    let allocation = &known.allocation;
    if allocation.desired_status != DesiredStatus::Run {
        return nothing_follows(case, view, Some(known), || Cause::Stopped {
            why: allocation.desired_description.to_string(),
        });
    }
    // Nomad does not replace what had ended before the stop reached it, unless it had a plan for it anyway.
    if allocation.client_status.is_terminal() && allocation.followup_eval_id.is_empty() {
        let answered = match case.call {
            CallState::Open => None,
            CallState::Accepted(at) | CallState::Unknown(at) => Some(at + NO_SIGN),
        };
        if let Some(since) = answered.filter(|since| case.now >= *since) {
            return case.sure_since(since, || Cause::Ended {
                status: allocation.client_status.as_str().to_owned(),
                why: allocation_words(allocation),
            });
        }
    }
    if let Some(cause) = job_ended(view) {
        return Verdict::Failed(cause);
    }
    Verdict::Pending(match case.call {
        CallState::Open => "waiting for the answer to the stop".to_owned(),
        CallState::Accepted(_) => "waiting for the scheduler to stop it".to_owned(),
        CallState::Unknown(_) => "the answer to the stop was lost".to_owned(),
    })
}

/// An allocation that is meant to stop, or is gone, and nothing is in its place: why, or how long to wait.
///
/// The plan that stops an allocation also places what replaces it, so a blocked evaluation that names the group then means that this one
/// could not be placed, and not one of its neighbours (D47).
fn nothing_follows(
    case: &Case<'_>,
    view: &JobView,
    known: Option<&Known>,
    cause: impl FnOnce() -> Cause,
) -> Verdict {
    if let Some(cause) = job_ended(view) {
        return Verdict::Failed(cause);
    }
    if let Some((evaluation, metric)) =
        placement::failure(view.blocked(), &case.base.group, case.base.index)
    {
        let text = placement::words(&case.shown(&evaluation.id), &case.base.group, metric);
        return Verdict::Failed(Cause::Placement { text });
    }
    let description = known
        .map(|known| &*known.allocation.desired_description)
        .unwrap_or_default();
    // Ours reads `alloc is being migrated`, or nothing for some batch jobs: its replacement may be late.
    let is_ours = description.is_empty()
        || description == "alloc is being migrated"
        || description.contains("tainted");
    if !is_ours && let Some(known) = known {
        let since = known.since + SETTLED;
        if case.now >= since {
            return case.sure_since(since, cause);
        }
    }
    Verdict::Pending("stopped, waiting for a replacement".to_owned())
}

/// A replacement that does not run.
fn replacement(case: &Case<'_>, view: &JobView, id: &AllocId, known: &Known) -> Verdict {
    let allocation = &known.allocation;
    let shown = quote(&case.shown(id));
    let status = allocation.client_status.as_str().to_owned();
    if allocation.desired_status != DesiredStatus::Run {
        return nothing_follows(case, view, Some(known), || Cause::ReplacementLost {
            replacement: case.shown(id),
            why: allocation.desired_description.to_string(),
        });
    }
    match allocation.client_status {
        ClientStatus::Complete if case.base.is_batch => {
            return Verdict::Done {
                by: Some(Arc::clone(id)),
            };
        }
        ClientStatus::Complete | ClientStatus::Failed | ClientStatus::Lost => {
            if !allocation.followup_eval_id.is_empty() {
                return Verdict::Pending(format!(
                    "replacement {shown} is {}, Nomad has planned another attempt ({})",
                    quote(&status),
                    allocation_words(allocation)
                ));
            }
            let since: Instant = known.since + SETTLED;
            if case.now >= since {
                return case.sure_since(since, || Cause::ReplacementFailed {
                    replacement: case.shown(id),
                    status,
                    why: allocation_words(allocation),
                });
            }
        }
        ClientStatus::Pending
        | ClientStatus::Running
        | ClientStatus::Unknown
        | ClientStatus::Other(_) => {}
    }
    if let Some(cause) = job_ended(view) {
        return Verdict::Failed(cause);
    }
    let waits_for = allocation
        .task_states
        .iter()
        .find(|(_, task)| task.state != RunState::Running);
    let task = waits_for
        .map(|(name, task)| format!(", {}", task_words(name, task)))
        .unwrap_or_default();
    Verdict::Pending(format!("replacement {shown} is {}{task}", quote(&status)))
}

/// Whether every main task and sidecar runs. `ClientStatus` is `running` as soon as a prestart task runs (CLAIMS 29).
fn runs(case: &Case<'_>, view: &JobView, allocation: &Allocation) -> bool {
    if allocation.client_status != ClientStatus::Running
        || allocation.desired_status != DesiredStatus::Run
    {
        return false;
    }
    let current = match view.job() {
        JobState::Known(job) if job.version == allocation.job_version => Some(&**job),
        _ => None,
    };
    let Some(group) = case
        .versions
        .of(allocation)
        .or(current)
        .and_then(|job: &Job| job.group(&allocation.task_group))
    else {
        // A version that the server has forgotten: its own word is all there is.
        return true;
    };
    group.tasks.iter().filter(|task| task.lasts()).all(|task| {
        allocation
            .task_states
            .get(task.name.as_str())
            .is_some_and(|state| {
                state.state == RunState::Running
                    || (case.base.is_batch && state.state == RunState::Dead && !state.failed)
            })
    })
}

fn job_ended(view: &JobView) -> Option<Cause> {
    match view.job() {
        JobState::Purged => Some(Cause::JobPurged),
        JobState::Known(job) if job.stop => Some(Cause::JobStopped),
        JobState::Known(_) | JobState::Unread => None,
    }
}
