//! Which allocations a run is about, in which order, and why all others are left out (D26).
//!
//! Eligible is an allocation that is to run, was not replaced, has not ended on its node and is not being migrated. In place it must
//! moreover be reachable (not `unknown`) and have a task that runs (with `-all-tasks`: that runs or ran). A *named* task that does
//! not run in an eligible allocation is an error of that allocation, without a call. `-reschedule` takes pending and unknown ones too.
//!
//! `-started-before` compares the moment given (our clock, or the agent's) with `StartedAt` (the node's clock) in place, and with
//! `CreateTime` (the server's clock) when rescheduling: as far as these clocks differ, an allocation is taken once more or left out
//! wrongly. The continue command leaves two seconds for it.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::versions::Versions;
use crate::nomad::json::{AllocId, Allocation, ClientStatus, DesiredStatus, RunState, TaskState};
use crate::plan::{Action, RestartPlan, Tasks};
use crate::view::JobView;

mod names;
mod reasons;
#[cfg(test)]
mod tests;

pub(crate) use names::UnknownName;
pub(crate) use reasons::LeftOut;

/// The allocations of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selection {
    /// In processing order: newest first, then by id.
    pub(crate) candidates: Vec<Candidate>,
    /// What a batch size in percent refers to: the eligible ones before the age filter, so that a resumed run keeps its batch size.
    pub(crate) base: usize,
    /// Every other allocation, in the same order.
    pub(crate) left_out: Vec<LeftOutAllocation>,
    /// Requested tasks that a candidate does not have, in processing order (D32).
    pub(crate) missing_tasks: Vec<(AllocId, String)>,
}

/// An allocation that is left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeftOutAllocation {
    pub(crate) id: AllocId,
    pub(crate) reason: LeftOut,
    /// It is of the requested groups and tasks: the operator may have expected it to be restarted.
    pub(crate) requested: bool,
}

/// An allocation that is to be restarted or rescheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: AllocId,
    pub(crate) group: Arc<str>,
    /// Named tasks that it has, in the order requested; empty unless tasks are named.
    pub(crate) tasks: Vec<NamedTask>,
}

/// A requested task of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedTask {
    pub(crate) name: String,
    /// If not, restarting it fails without a call: [`super::verdict::Cause::TaskNotRunning`].
    pub(crate) running: bool,
}

impl Selection {
    /// One line of counts of what was left out for its state, or empty: only of what was requested.
    pub(crate) fn counts(&self) -> String {
        reasons::counts(
            self.left_out
                .iter()
                .filter(|left_out| left_out.requested)
                .map(|left_out| &left_out.reason),
        )
    }
}

/// The allocations that the plan is about. Pure: the same view gives the same selection.
pub(crate) fn select(
    view: &JobView,
    versions: &Versions,
    plan: &RestartPlan,
) -> Result<Selection, UnknownName> {
    names::check(view, versions, plan)?;

    let mut allocations: Vec<&Arc<Allocation>> = view.allocations.values().collect();
    // The view has them by id, and that order stays among equals.
    allocations.sort_by_key(|allocation| Reverse(allocation.create_index));

    let mut selection = Selection::default();
    for allocation in allocations {
        let scope = out_of_scope(versions, plan, allocation);
        let tasks = named_tasks(versions, plan, allocation);
        let reason = out_of_state(plan, allocation)
            .or_else(|| scope.clone())
            .or_else(|| {
                selection.base += 1;
                too_young(plan, allocation)
            });
        if let Some(reason) = reason {
            selection.left_out.push(LeftOutAllocation {
                id: allocation.id.clone(),
                reason,
                requested: scope.is_none(),
            });
            continue;
        }
        selection
            .missing_tasks
            .extend(missing_tasks(plan, &tasks).map(|task| (allocation.id.clone(), task)));
        selection.candidates.push(Candidate {
            id: allocation.id.clone(),
            group: allocation.task_group.clone(),
            tasks,
        });
    }
    Ok(selection)
}

/// The newest moment at which a task that is about to be restarted started or was told to (or with a reschedule: an allocation was
/// created): all of them are older than whatever this run starts, on the same clocks.
pub(crate) fn newest_start(
    view: &JobView,
    candidates: &[Candidate],
    plan: &RestartPlan,
) -> Option<DateTime<Utc>> {
    let allocations = candidates
        .iter()
        .filter_map(|candidate| view.allocations.get(&candidate.id));
    match &plan.action {
        Action::Reschedule { .. } => allocations
            .map(|allocation| DateTime::from_timestamp_nanos(allocation.create_time))
            .max(),
        Action::InPlace(_) => allocations
            .flat_map(|allocation| allocation.task_states.values())
            .flat_map(|state| {
                let signaled = state.events.restart_signaled;
                [
                    state.started_at,
                    signaled.map(DateTime::from_timestamp_nanos),
                ]
            })
            .flatten()
            .max(),
    }
}

/// Checks a candidate again right before it is touched (D28): the allocation as it is now, or why it is to be skipped.
pub(crate) fn recheck(
    view: &JobView,
    candidate: &Candidate,
    plan: &RestartPlan,
) -> Result<Candidate, LeftOut> {
    let Some(allocation) = view.allocations.get(&candidate.id) else {
        return Err(LeftOut::Gone);
    };
    if let Some(reason) = out_of_state(plan, allocation).or_else(|| too_young(plan, allocation)) {
        return Err(reason);
    }
    Ok(Candidate {
        tasks: candidate
            .tasks
            .iter()
            .map(|task| NamedTask {
                name: task.name.clone(),
                running: runs(allocation, &task.name),
            })
            .collect(),
        ..candidate.clone()
    })
}

/// Why its state makes an allocation ineligible.
fn out_of_state(plan: &RestartPlan, allocation: &Allocation) -> Option<LeftOut> {
    let ended = allocation.client_status.is_terminal();
    if !allocation.next_allocation.is_empty() {
        return Some(LeftOut::Replaced {
            by: allocation.next_allocation.clone(),
        });
    }
    if allocation.desired_status == DesiredStatus::Run
        && allocation.client_status == ClientStatus::Failed
    {
        return Some(LeftOut::Failed {
            job: allocation.job_id.to_string(),
            retried: !allocation.followup_eval_id.is_empty(),
        });
    }
    if ended || allocation.desired_status != DesiredStatus::Run {
        return Some(LeftOut::NotRunning {
            desired: allocation.desired_status.clone(),
            client: allocation.client_status.clone(),
        });
    }
    if allocation.desired_transition.migrate {
        return Some(LeftOut::Migrating);
    }
    match &plan.action {
        Action::Reschedule { .. } => None,
        Action::InPlace(_) if allocation.client_status == ClientStatus::Unknown => {
            Some(LeftOut::Disconnected)
        }
        Action::InPlace(tasks) => {
            let counts = |state: &TaskState| match tasks {
                Tasks::Running | Tasks::Named(_) => state.state == RunState::Running,
                Tasks::All => matches!(state.state, RunState::Running | RunState::Dead),
            };
            (!allocation.task_states.values().any(counts)).then(|| LeftOut::NoTaskRuns {
                client: allocation.client_status.clone(),
            })
        }
    }
}

/// Why an allocation is not of the requested groups and tasks.
fn out_of_scope(
    versions: &Versions,
    plan: &RestartPlan,
    allocation: &Allocation,
) -> Option<LeftOut> {
    if !plan.groups.is_empty() && !plan.groups.iter().any(|g| **g == *allocation.task_group) {
        return Some(LeftOut::OtherGroup);
    }
    match &plan.action {
        Action::InPlace(Tasks::Named(tasks))
            if !tasks.iter().any(|task| versions.has_task(allocation, task)) =>
        {
            Some(LeftOut::OtherTask)
        }
        _ => None,
    }
}

/// Whether a restart in place is about this task of an allocation.
pub(super) fn is_targeted(tasks: &Tasks, name: &str, state: &TaskState) -> bool {
    match tasks {
        Tasks::Running => state.state == RunState::Running,
        Tasks::All => true,
        Tasks::Named(named) => named.iter().any(|task| *task == name),
    }
}

/// Whether the age filter leaves an allocation out.
fn too_young(plan: &RestartPlan, allocation: &Allocation) -> Option<LeftOut> {
    let limit = plan.started_before?;
    let old_enough = match &plan.action {
        Action::Reschedule { .. } => {
            DateTime::<Utc>::from_timestamp_nanos(allocation.create_time) < limit
        }
        Action::InPlace(tasks) => allocation.task_states.iter().any(|(name, state)| {
            let targeted = is_targeted(tasks, name, state);
            // What was told to restart since is about to start anew, though it does not show yet.
            let restarts = state
                .events
                .restart_signaled
                .is_some_and(|at| DateTime::from_timestamp_nanos(at) >= limit);
            targeted && !restarts && state.started_at.is_some_and(|at| at < limit)
        }),
    };
    (!old_enough).then_some(LeftOut::TooYoung {
        limit,
        created: matches!(plan.action, Action::Reschedule { .. }),
    })
}

/// The requested tasks that the allocation has.
fn named_tasks(versions: &Versions, plan: &RestartPlan, allocation: &Allocation) -> Vec<NamedTask> {
    let Action::InPlace(Tasks::Named(names)) = &plan.action else {
        return Vec::new();
    };
    names
        .iter()
        .filter(|name| versions.has_task(allocation, name))
        .map(|name| NamedTask {
            name: name.clone(),
            running: runs(allocation, name),
        })
        .collect()
}

/// The requested tasks that are not among those that an allocation has.
fn missing_tasks<'a>(
    plan: &'a RestartPlan,
    has: &'a [NamedTask],
) -> impl Iterator<Item = String> + 'a {
    let named = match &plan.action {
        Action::InPlace(Tasks::Named(names)) => names.as_slice(),
        _ => &[],
    };
    named
        .iter()
        .filter(|name| !has.iter().any(|task| task.name == **name))
        .cloned()
}

fn runs(allocation: &Allocation, task: &str) -> bool {
    allocation
        .task_states
        .get(task)
        .is_some_and(|state| state.state == RunState::Running)
}
