//! Health that is waited for: whether somebody tells of it, and whose checks have to be read.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::{duration, quote::quote};
use crate::nomad::json::{AllocId, HealthCheck, Provider, TaskGroup};
use crate::plan::{Action, RestartPlan, WaitFor};
use crate::rules::limits::healthy_time;
use crate::rules::selection::Selection;
use crate::rules::verdict::judges;
use crate::rules::versions::Versions;
use crate::view::{JobView, job_type};

/// The first allocation whose checks say whether it is healthy again after its restart: a run cannot do without reading them.
pub(crate) fn reads_checks(
    view: &JobView,
    versions: &Versions,
    plan: &RestartPlan,
    selection: &Selection,
) -> Option<AllocId> {
    if plan.wait == WaitFor::Running || !matches!(plan.action, Action::InPlace(_)) {
        return None;
    }
    let mut candidates = selection.candidates.iter();
    let checked = candidates.find(|candidate| {
        let allocation = view.allocations.get(&candidate.id);
        let group = allocation.and_then(|it| versions.group_of(it));
        group.is_some_and(|it| it.has_health_checks(Provider::Nomad))
    });
    checked.map(|candidate| candidate.id.clone())
}

/// Health that is waited for and that nobody tells: what is taken for it.
pub(super) fn untold_health(
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
