//! Group and task names that nothing has (D6): an error that lists the known ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::cli::quote::quote;
use crate::plan::{Action, RestartPlan, Tasks};
use crate::rules::versions::Versions;
use crate::view::JobView;

/// A requested name that does not exist. Displays as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnknownName {
    Groups {
        job: String,
        names: Vec<String>,
        known: Vec<String>,
    },
    Tasks {
        job: String,
        names: Vec<String>,
        /// The chosen groups; empty = all.
        groups: Vec<String>,
        known: Vec<String>,
    },
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups { job, names, known } => write!(
                f,
                "Job {} has no {} {}. Known groups: {}",
                quote(job),
                if names.len() == 1 { "group" } else { "groups" },
                list(names),
                list(known)
            ),
            Self::Tasks {
                job,
                names,
                groups,
                known,
            } => {
                let task = if names.len() == 1 { "task" } else { "tasks" };
                match groups.as_slice() {
                    [] => write!(f, "Job {} has no {task} {}", quote(job), list(names))?,
                    [group] => write!(
                        f,
                        "Group {} of job {} has no {task} {}",
                        quote(group),
                        quote(job),
                        list(names)
                    )?,
                    groups => write!(
                        f,
                        "None of the groups {} of job {} has the {task} {}",
                        list(groups),
                        quote(job),
                        list(names)
                    )?,
                }
                write!(f, ". Known tasks: {}", list(known))
            }
        }
    }
}

impl std::error::Error for UnknownName {}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
    quoted.join(", ")
}

/// Every requested group must exist in some version of the job or some allocation, and every requested task in at least one of the
/// chosen groups.
pub(super) fn check(
    view: &JobView,
    versions: &Versions,
    plan: &RestartPlan,
) -> Result<(), UnknownName> {
    let known = known_names(view, versions);
    let unknown: Vec<String> = plan
        .groups
        .iter()
        .filter(|group| !known.contains_key(group.as_str()))
        .cloned()
        .collect();
    let job = || {
        versions
            .current()
            .map_or_else(|| plan.job.clone(), |job| job.id.clone())
    };
    if !unknown.is_empty() {
        return Err(UnknownName::Groups {
            job: job(),
            names: unknown,
            known: known.keys().map(|name| (*name).to_owned()).collect(),
        });
    }

    let Action::InPlace(Tasks::Named(tasks)) = &plan.action else {
        return Ok(());
    };
    let chosen: BTreeSet<&str> = known
        .iter()
        .filter(|(group, _)| plan.groups.is_empty() || plan.groups.iter().any(|g| g == *group))
        .flat_map(|(_, tasks)| tasks.iter().copied())
        .collect();
    let unknown: Vec<String> = tasks
        .iter()
        .filter(|task| !chosen.contains(task.as_str()))
        .cloned()
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(UnknownName::Tasks {
        job: job(),
        names: unknown,
        groups: plan.groups.clone(),
        known: chosen.into_iter().map(str::to_owned).collect(),
    })
}

/// Groups with their tasks, in all known versions and as the nodes report them.
fn known_names<'a>(
    view: &'a JobView,
    versions: &'a Versions,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for group in versions.all().flat_map(|version| &version.task_groups) {
        known
            .entry(&group.name)
            .or_default()
            .extend(group.tasks.iter().map(|task| task.name.as_str()));
    }
    for allocation in view.allocations.values() {
        known
            .entry(&allocation.task_group)
            .or_default()
            .extend(allocation.task_states.keys().map(|task| &**task));
    }
    known
}
