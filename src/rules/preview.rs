//! What a run would do, for a dry run to show.

use chrono::DateTime;

use super::batches::{size, split};
use super::selection::{Candidate, Selection, is_targeted};
use crate::event::{NotPlanned, Planned, Preview};
use crate::nomad::json::Allocation;
use crate::plan::{Action, BatchMode, RestartPlan};
use crate::view::JobView;

/// The batches of a selection, or its order, and what it leaves out.
pub(crate) fn preview(view: &JobView, plan: &RestartPlan, selection: &Selection) -> Preview {
    let size = size(plan.batch, selection.base);
    let all = selection.candidates.len();
    let (size, window) = match plan.mode {
        BatchMode::Lockstep => (size, None),
        // A window of nothing is none.
        BatchMode::Window => (all, Some(size.min(all).max(1))),
    };
    let batches = split(&selection.candidates, size);
    let count = batches.len();
    let allocations = (1..)
        .zip(batches)
        .flat_map(|(number, batch)| batch.iter().map(move |candidate| (number, candidate)))
        .filter_map(|(number, candidate)| {
            let allocation = view.allocations.get(&candidate.id)?;
            Some(planned(plan, number, candidate, allocation))
        })
        .collect();
    let left_out = selection
        .left_out
        .iter()
        .filter(|left_out| left_out.requested || plan.verbose)
        .map(|left_out| {
            let allocation = view.allocations.get(&left_out.id);
            NotPlanned {
                allocation: left_out.id.clone(),
                group: allocation.map_or_else(String::new, |it| it.task_group.to_string()),
                reason: left_out.reason.clause(plan.verbose),
            }
        })
        .collect();
    Preview {
        dry_run: plan.dry_run,
        reschedules: matches!(plan.action, Action::Reschedule { .. }),
        batches: count,
        window,
        allocations,
        left_out,
    }
}

fn planned(
    plan: &RestartPlan,
    batch: usize,
    candidate: &Candidate,
    allocation: &Allocation,
) -> Planned {
    let since = match &plan.action {
        Action::Reschedule { .. } => Some(DateTime::from_timestamp_nanos(allocation.create_time)),
        Action::InPlace(tasks) => {
            let targeted = allocation
                .task_states
                .iter()
                .filter(|(name, state)| is_targeted(tasks, name, state));
            targeted.filter_map(|(_, state)| state.started_at).min()
        }
    };
    let node = if allocation.node_name.is_empty() {
        &allocation.node_id
    } else {
        &allocation.node_name
    };
    Planned {
        batch,
        allocation: allocation.id.clone(),
        group: allocation.task_group.to_string(),
        node: node.to_string(),
        version: allocation.job_version,
        since,
        healthy: allocation.deployment_status.and_then(|it| it.healthy),
        not_running: candidate
            .tasks
            .iter()
            .filter(|task| !task.running)
            .map(|task| task.name.clone())
            .collect(),
    }
}

#[cfg(test)]
mod tests;
