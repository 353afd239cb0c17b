//! The versions of a job that are known, to find the one an allocation was made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::nomad::json::{Allocation, Job, Task, TaskGroup};

/// Known versions of one job, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    by_number: BTreeMap<u64, Arc<Job>>,
}

impl Versions {
    /// Versions of an earlier job of the same id, purged since, carry the same numbers: only those of this job count (D29).
    pub(crate) fn new(current: &Arc<Job>, all: Vec<Job>) -> Self {
        let mut by_number: BTreeMap<_, _> = all
            .into_iter()
            .filter(|version| version.create_index == current.create_index)
            .map(|version| (version.version, Arc::new(version)))
            .collect();
        by_number.insert(current.version, Arc::clone(current));
        Self { by_number }
    }

    /// The version that an allocation was made from; servers forget old ones.
    pub(crate) fn of<'a>(&'a self, allocation: &'a Allocation) -> Option<&'a Job> {
        allocation
            .job
            .as_ref()
            .or_else(|| self.by_number.get(&allocation.job_version))
            .map(|job| &**job)
    }

    /// All known versions, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Job> {
        self.by_number.values().map(|job| &**job)
    }
}

impl Job {
    /// The group of this name.
    pub(crate) fn group(&self, name: &str) -> Option<&TaskGroup> {
        self.task_groups.iter().find(|group| group.name == name)
    }

    /// Whether its tasks are meant to end.
    pub(crate) fn is_batch(&self) -> bool {
        matches!(self.kind.as_str(), "batch" | "sysbatch")
    }
}

impl TaskGroup {
    /// The task of this name.
    pub(crate) fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }
}

impl Task {
    /// A main task or a sidecar: one that runs as long as the allocation does.
    pub(crate) fn lasts(&self) -> bool {
        self.lifecycle
            .as_ref()
            .is_none_or(|lifecycle| lifecycle.sidecar)
    }
}
