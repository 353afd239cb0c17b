//! What really happened, for tests: the record that no client of the API can read.

use std::collections::BTreeMap;

use crate::model::Time;

/// A write that reached the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// An in-place restart of one allocation; `task` is empty unless a single task was named.
    Restart { task: String, all_tasks: bool },
    /// A stop of one allocation.
    Stop { no_shutdown_delay: bool },
    /// An evaluation of a job.
    Evaluate,
    /// A registration, a stop, a purge or a scaling of a job.
    Job,
}

/// One write, in the order in which they arrived.
#[derive(Clone, Debug)]
pub struct Write {
    pub time: Time,
    pub kind: WriteKind,
    /// Allocation id, or job id for writes on jobs.
    pub target: String,
    /// Was it taken on? False for an error answer, and for a restart that was answered 200 and found
    /// no task to restart. A stop of what has stopped already is accepted, as Nomad does it.
    pub accepted: bool,
    /// When its effect was complete: a restart's old processes had exited. `None` while that is
    /// outstanding; a stop is complete at once.
    pub done: Option<Time>,
}

/// One process of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// When the driver reported it started; `None` if it failed to start.
    pub started: Option<Time>,
    /// When it exited, or when its start failed; `None` while it runs.
    pub ended: Option<Time>,
    pub exit_code: i32,
    /// When the API first showed it as running.
    pub visible: Option<Time>,
}

/// What happened to one allocation.
#[derive(Clone, Debug, Default)]
pub struct AllocTruth {
    pub job: String,
    pub group: String,
    pub name: String,
    pub created: Time,
    /// Indexes into [`Truth::writes`].
    pub writes: Vec<usize>,
    /// By task, in order; the first is the first start.
    pub processes: BTreeMap<String, Vec<Process>>,
    /// Whether all checks that count were good, each time this changed, as its node found. Empty without checks.
    pub health: Vec<(Time, bool)>,
    /// The allocation that took its place, whether or not the API shows a link.
    pub replaced_by: Option<String>,
}

/// The record of a whole cluster.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// In the order of arrival.
    pub writes: Vec<Write>,
    /// By allocation id; purged ones stay.
    pub allocations: BTreeMap<String, AllocTruth>,
}

impl Truth {
    /// Accepted restarts of an allocation.
    pub fn restarts<'a>(&'a self, alloc: &'a str) -> impl Iterator<Item = &'a Write> {
        self.writes_on(alloc)
            .filter(|w| w.accepted && matches!(w.kind, WriteKind::Restart { .. }))
    }

    /// Accepted stops of an allocation.
    pub fn stops<'a>(&'a self, alloc: &'a str) -> impl Iterator<Item = &'a Write> {
        self.writes_on(alloc)
            .filter(|w| w.accepted && matches!(w.kind, WriteKind::Stop { .. }))
    }

    /// Every call that reached an allocation, accepted or not.
    pub fn writes_on<'a>(&'a self, alloc: &'a str) -> impl Iterator<Item = &'a Write> {
        self.allocations
            .get(alloc)
            .into_iter()
            .flat_map(|truth| &truth.writes)
            .filter_map(|index| self.writes.get(*index))
    }

    /// The processes of one task, first start first.
    pub fn processes(&self, alloc: &str, task: &str) -> &[Process] {
        self.allocations
            .get(alloc)
            .and_then(|truth| truth.processes.get(task))
            .map_or(&[], Vec::as_slice)
    }

    /// Does a process of this task run at `time`?
    pub fn runs_at(&self, alloc: &str, task: &str, time: Time) -> bool {
        self.processes(alloc, task).iter().any(|process| {
            process.started.is_some_and(|start| start <= time)
                && process.ended.is_none_or(|end| end > time)
        })
    }
}
