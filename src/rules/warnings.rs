//! What an operator should know before the first write, one line each.

mod health;

use std::collections::{BTreeMap, BTreeSet};

use super::batches::{size, split};
use super::guard::active;
use super::limits::nanos;
use super::selection::Selection;
use super::verdict::short_id;
use super::versions::Versions;
use crate::cli::{duration, quote::quote};
use crate::nomad::json::{Allocation, ClientStatus, DesiredStatus};
use crate::plan::{Action, BatchMode, OnDeployment, RestartPlan, Tasks};
use crate::view::JobView;
pub(crate) use health::reads_checks;
use health::untold_health;

/// The warnings about a selection that is not empty.
pub(crate) fn warnings(
    view: &JobView,
    versions: &Versions,
    plan: &RestartPlan,
    selection: &Selection,
) -> Vec<String> {
    let mut warnings = whole_groups(view, versions, plan, selection);
    warnings.extend(untold_health(view, versions, plan, selection));
    match &plan.action {
        Action::Reschedule { .. } => warnings.extend(moved_versions(view, versions, selection)),
        Action::InPlace(Tasks::Running | Tasks::All) => {
            warnings.extend(delays(view, versions, selection));
        }
        // The node skips the group's delay for a single task.
        Action::InPlace(Tasks::Named(_)) => {}
    }
    warnings
}

/// What an active deployment would mean to a run that began now.
pub(crate) fn deployment_warning(view: &JobView, plan: &RestartPlan) -> Option<String> {
    let deployment = active(view)?;
    let then = match plan.on_deployment {
        OnDeployment::Fail => {
            "a run would stop at once; with -on-deployment=wait it would wait for its end and choose the allocations then"
        }
        OnDeployment::Wait => "a run would wait for its end and choose the allocations then",
    };
    Some(format!(
        "Deployment {} is {}: {then}",
        quote(short_id(&deployment.id, plan.verbose)),
        quote(&deployment.status)
    ))
}

/// Groups of more than one of which a batch, or the window, holds everything that runs.
fn whole_groups(
    view: &JobView,
    versions: &Versions,
    plan: &RestartPlan,
    selection: &Selection,
) -> Vec<String> {
    let mut running: BTreeMap<&str, usize> = BTreeMap::new();
    for allocation in view.allocations.values().filter(|it| is_up(it)) {
        *running.entry(&allocation.task_group).or_default() += 1;
    }
    let several: BTreeSet<&str> = versions
        .current()
        .into_iter()
        .flat_map(|job| &job.task_groups)
        .filter(|group| group.count > 1)
        .map(|group| group.name.as_str())
        .collect();
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    let size = size(plan.batch, selection.base);
    // A window may hold any so many of them at once: the first ones may be the last to be back.
    let (together, at_once) = match plan.mode {
        BatchMode::Lockstep => (size, usize::MAX),
        BatchMode::Window => (selection.candidates.len(), size),
    };
    for batch in split(&selection.candidates, together) {
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for candidate in batch {
            let up = view
                .allocations
                .get(&candidate.id)
                .is_some_and(|it| is_up(it));
            *taken.entry(&candidate.group).or_default() += usize::from(up);
        }
        whole.extend(
            taken
                .into_iter()
                .filter(|(group, taken)| {
                    *taken > 0
                        && *taken <= at_once
                        && several.contains(group)
                        && running.get(group) == Some(taken)
                })
                .map(|(group, _)| group),
        );
    }
    whole
        .into_iter()
        .map(|group| {
            let group = quote(group);
            match plan.mode {
                BatchMode::Lockstep => format!(
                    "A batch holds every running allocation of group {group}: none is left while it is restarted, a smaller -batch-size leaves some"
                ),
                BatchMode::Window => format!(
                    "The window can hold every running allocation of group {group} at once: none may be left then, a smaller -batch-size leaves some"
                ),
            }
        })
        .collect()
}

fn is_up(allocation: &Allocation) -> bool {
    allocation.desired_status == DesiredStatus::Run
        && allocation.client_status == ClientStatus::Running
}

/// Allocations of older versions: their replacements are of the current one.
fn moved_versions(view: &JobView, versions: &Versions, selection: &Selection) -> Option<String> {
    let current = versions.current()?.version;
    let old = selection
        .candidates
        .iter()
        .filter_map(|candidate| view.allocations.get(&candidate.id))
        .filter(|allocation| allocation.job_version < current)
        .count();
    let which = match old {
        0 => return None,
        1 => "1 allocation is of an older version of the job and is replaced".to_owned(),
        old => format!("{old} allocations are of older versions of the job and are replaced"),
    };
    Some(format!("{which} by the current version {current}"))
}

/// Groups whose `shutdown_delay` every restart waits for.
fn delays(view: &JobView, versions: &Versions, selection: &Selection) -> Vec<String> {
    let mut delays = BTreeMap::new();
    let allocations = selection
        .candidates
        .iter()
        .filter_map(|candidate| view.allocations.get(&candidate.id));
    for allocation in allocations {
        let Some(group) = versions.group_of(allocation) else {
            continue;
        };
        let delay = nanos(group.shutdown_delay);
        if !delay.is_zero() {
            let longest = delays.entry(group.name.clone()).or_insert(delay);
            *longest = delay.max(*longest);
        }
    }
    delays
        .into_iter()
        .map(|(group, delay)| {
            format!(
                "Each restart in group {} first waits for the group's shutdown_delay of {}",
                quote(&group),
                duration::format(delay)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
