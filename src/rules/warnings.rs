//! What an operator should know before the first write, one line each (design section 5).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::batches::{size, split};
use super::guard::active;
use super::limits::{healthy_time, nanos};
use super::selection::Selection;
use super::verdict::{judges, short_id};
use super::versions::Versions;
use crate::cli::{duration, quote::quote};
use crate::nomad::json::{
    Allocation, ClientStatus, DesiredStatus, HealthCheck, Provider, TaskGroup,
};
use crate::plan::{Action, BatchMode, OnDeployment, RestartPlan, Tasks};
use crate::view::{JobView, job_type};

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

/// Health that is waited for and that nobody tells: what is taken for it.
fn untold_health(
    view: &JobView,
    versions: &Versions,
    plan: &RestartPlan,
    selection: &Selection,
) -> Option<String> {
    let allocations = selection
        .candidates
        .iter()
        .filter_map(|candidate| view.allocations.get(&candidate.id));
    let reschedules = matches!(plan.action, Action::Reschedule { .. });
    let mut groups: BTreeMap<&str, Duration> = BTreeMap::new();
    for allocation in allocations {
        let group = versions.group_of(allocation);
        let time = healthy_time(plan.wait, group)?;
        let untold = if reschedules {
            let kind = job_type(view, allocation);
            !judges(&allocation.id, kind, view) || group.is_some_and(is_manual)
        } else {
            group.is_some_and(|it| it.has_health_checks(Provider::Consul))
        };
        if untold {
            groups.insert(&allocation.task_group, time);
        }
    }
    let (_, time) = groups.first_key_value()?;
    let names: Vec<_> = groups.keys().map(|name| quote(name)).collect();
    let (groups, times) = match names.as_slice() {
        [name] => (format!("group {name}"), duration::format(*time)),
        names => (
            format!("groups {}", names.join(", ")),
            "the minimum healthy time".to_owned(),
        ),
    };
    Some(if reschedules {
        format!(
            "Nomad may not say whether replacements in {groups} are healthy: where it does not, one counts as healthy when its tasks have run \
             for {times} without a change"
        )
    } else {
        format!(
            "Checks of Consul services in {groups} are not looked at: an allocation counts as healthy when its other checks have passed, and \
             its tasks have run without a change, for {times}"
        )
    })
}

fn is_manual(group: &TaskGroup) -> bool {
    group
        .update
        .is_some_and(|update| update.health_check == HealthCheck::Manual)
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
mod tests {
    use super::warnings;
    use crate::nomad::json::{Allocation, Job};
    use crate::plan::{Action, BatchMode, BatchSize, RestartPlan, Tasks};
    use crate::rules::samples::{
        AllocationSample, allocation, in_place, job, named, plan, reschedule, task, versions, view,
    };
    use crate::rules::selection::select;

    fn of(id: &str, group: &str) -> Allocation {
        allocation(id, 5, 5)
            .in_group(group)
            .with("app", task("running", 1.0))
    }

    /// Groups `web` and `api` of two, `one` of one.
    fn groups(version: u64) -> Job {
        let tasks: &[(&str, &str)] = &[("app", "")];
        let mut job = job(version, &[("web", tasks), ("api", tasks), ("one", tasks)]);
        for group in &mut job.task_groups[..2] {
            group.count = 2;
        }
        job
    }

    fn told(jobs: Vec<Job>, all: Vec<Allocation>, batch: BatchSize, action: Action) -> Vec<String> {
        let plan = RestartPlan {
            batch,
            ..plan(action)
        };
        let (view, versions) = (view(all), versions(jobs));
        let selection = select(&view, &versions, &plan).expect("all names are known");
        warnings(&view, &versions, &plan, &selection)
    }

    fn batches(all: Vec<Allocation>, batch: BatchSize) -> Vec<String> {
        told(vec![groups(0)], all, batch, in_place())
    }

    #[test]
    fn a_batch_that_leaves_nothing_of_a_group_is_told() {
        let all = || {
            vec![
                of("a", "web"),
                of("b", "web"),
                of("c", "one"),
                of("d", "api"),
            ]
        };
        let expected = |group: &str| {
            format!(
                "A batch holds every running allocation of group \"{group}\": none is left while it is restarted, a smaller -batch-size leaves some"
            )
        };
        // The second one of group api does not run: the first is all of it. A group of one cannot be spared.
        assert_eq!(
            batches(all(), BatchSize::Percent(100)),
            [expected("api"), expected("web")]
        );
        assert_eq!(batches(all(), BatchSize::Count(1)), [expected("api")]);
        assert_eq!(
            batches(vec![of("a", "web"), of("b", "web")], BatchSize::Count(1)),
            [""; 0]
        );
        // One that is left out goes on running; one that has ended does not.
        let mut running = of("b", "web");
        running.desired_transition.migrate = true;
        assert_eq!(
            batches(vec![of("a", "web"), running], BatchSize::Count(5)),
            [""; 0]
        );
        let ended = of("b", "web").client("complete");
        assert_eq!(
            batches(vec![of("a", "web"), ended], BatchSize::Count(5)),
            [expected("web")]
        );
    }

    #[test]
    fn a_window_that_can_hold_all_of_a_group_is_told() {
        let told = |size| {
            let plan = RestartPlan {
                batch: BatchSize::Count(size),
                mode: BatchMode::Window,
                ..plan(in_place())
            };
            // In processing order c stands between the two of group web.
            let all = vec![of("a", "web"), of("b", "one"), of("c", "web")];
            let (view, versions) = (view(all), versions(vec![groups(0)]));
            let selection = select(&view, &versions, &plan).expect("all names are known");
            warnings(&view, &versions, &plan, &selection)
        };
        assert_eq!(told(1), [""; 0]);
        // In lock-step the two would never be away together.
        assert_eq!(
            told(2),
            [
                "The window can hold every running allocation of group \"web\" at once: none may be left then, a smaller -batch-size leaves some"
            ]
        );
    }

    #[test]
    fn a_reschedule_that_changes_versions_is_told() {
        let jobs = || vec![groups(0), groups(1)];
        let at = |id: &str, version| {
            let mut allocation = of(id, "web");
            allocation.job_version = version;
            allocation
        };
        let told = |all, action| told(jobs(), all, BatchSize::Count(1), action);
        assert_eq!(
            told(vec![at("a", 0), at("b", 1)], reschedule()),
            [
                "1 allocation is of an older version of the job and is replaced by the current version 1"
            ]
        );
        assert_eq!(
            told(vec![at("a", 0), at("b", 0)], reschedule()),
            [
                "2 allocations are of older versions of the job and are replaced by the current version 1"
            ]
        );
        assert_eq!(told(vec![at("a", 1), at("b", 1)], reschedule()), [""; 0]);
        // In place an allocation keeps its version.
        assert_eq!(told(vec![at("a", 0), at("b", 0)], in_place()), [""; 0]);
    }

    #[test]
    fn a_group_delay_that_restarts_wait_for_is_told() {
        let mut delayed = groups(0);
        delayed.task_groups[0].shutdown_delay = 20_000_000_000;
        delayed.task_groups[1].shutdown_delay = 5_000_000_000;
        let told = |action| {
            told(
                vec![delayed.clone()],
                vec![of("a", "web"), of("b", "web"), of("c", "one")],
                BatchSize::Count(1),
                action,
            )
        };
        let expected =
            ["Each restart in group \"web\" first waits for the group's shutdown_delay of 20s"];
        assert_eq!(told(in_place()), expected);
        assert_eq!(told(Action::InPlace(Tasks::All)), expected);
        assert_eq!(told(named(&["app"])), [""; 0]);
        assert_eq!(told(reschedule()), [""; 0]);
    }
}
