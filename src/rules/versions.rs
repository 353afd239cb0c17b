//! The known versions of the job: what an allocation of an older version consists of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::nomad::json::{Allocation, Job, Task, TaskGroup};

/// Versions of one incarnation of a job, by number. Servers keep six old ones by default, so that one may be missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions(BTreeMap<u64, Arc<Job>>);

impl Versions {
    /// The current job and the answer of `GET /v1/job/:id/versions`. Versions of an earlier job of the same id, which was purged,
    /// have the same numbers and are left out (D29).
    pub(crate) fn new(current: Arc<Job>, known: Vec<Job>) -> Self {
        let mut versions: BTreeMap<u64, Arc<Job>> = known
            .into_iter()
            .filter(|version| version.create_index == current.create_index)
            .map(|version| (version.version, Arc::new(version)))
            .collect();
        versions.insert(current.version, current);
        Self(versions)
    }

    /// The newest version known.
    pub(crate) fn current(&self) -> Option<&Arc<Job>> {
        self.0.values().next_back()
    }

    /// All versions, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.0.values()
    }

    /// The job as it was when this allocation was placed or last updated; its own copy if it carries one.
    pub(crate) fn of<'a>(&'a self, allocation: &'a Allocation) -> Option<&'a Arc<Job>> {
        allocation
            .job
            .as_ref()
            .or_else(|| self.0.get(&allocation.job_version))
    }

    /// The allocation's group in its own version.
    pub(crate) fn group_of<'a>(&'a self, allocation: &'a Allocation) -> Option<&'a TaskGroup> {
        group(self.of(allocation)?, &allocation.task_group)
    }

    /// Whether the allocation has this task: its node reports it, or its own version says so.
    pub(crate) fn has_task(&self, allocation: &Allocation, task: &str) -> bool {
        allocation.task_states.contains_key(task)
            || self
                .group_of(allocation)
                .is_some_and(|group| group.tasks.iter().any(|t| t.name == task))
    }
}

impl Job {
    /// Whether its tasks are meant to end.
    pub(crate) fn is_batch(&self) -> bool {
        matches!(self.kind.as_str(), "batch" | "sysbatch")
    }
}

/// The group of this name.
pub(crate) fn group<'a>(job: &'a Job, name: &str) -> Option<&'a TaskGroup> {
    job.task_groups.iter().find(|group| group.name == name)
}

/// What part a task plays in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Runs as long as the allocation (in batch jobs: until it is done).
    Main,
    /// Runs beside the main tasks.
    Sidecar,
    /// Runs once, before or after the main tasks have started.
    Once,
    /// Runs once, when the main tasks have ended.
    Poststop,
}

/// What part this task plays.
pub(crate) fn part(task: &Task) -> Part {
    match &task.lifecycle {
        None => Part::Main,
        Some(lifecycle) if lifecycle.hook.is_empty() => Part::Main,
        Some(lifecycle) if lifecycle.hook == "poststop" => Part::Poststop,
        Some(lifecycle) if lifecycle.sidecar => Part::Sidecar,
        Some(_) => Part::Once,
    }
}
