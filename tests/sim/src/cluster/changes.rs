//! The change log: every transaction with the objects it wrote, in order, as the event stream would
//! tell them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Allocation, Deployment, Evaluation, Job, Node, Time};

/// One object as a transaction left it.
#[derive(Clone, Debug)]
pub enum Object {
    Job { job: Arc<Job>, deleted: bool },
    Allocation(Arc<Allocation>),
    Evaluation(Arc<Evaluation>),
    Deployment(Arc<Deployment>),
    Node(Arc<Node>),
}

impl Object {
    /// The event topic.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::Job { .. } => "Job",
            Self::Allocation(_) => "Allocation",
            Self::Evaluation(_) => "Evaluation",
            Self::Deployment(_) => "Deployment",
            Self::Node(_) => "Node",
        }
    }
}

/// One line of the event stream: a transaction, or one half of it (registering, updating, stopping
/// and purging a job give two lines with the same index).
#[derive(Clone, Debug)]
pub struct Change {
    pub index: u64,
    pub time: Time,
    /// Event type, such as `PlanResult`.
    pub kind: &'static str,
    pub objects: Vec<Object>,
}

/// The newest changes, oldest first.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    entries: VecDeque<Arc<Change>>,
    limit: usize,
}

impl ChangeLog {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            limit,
        }
    }

    pub(crate) fn push(&mut self, change: Change) {
        if self.entries.len() >= self.limit {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::new(change));
    }

    /// Changes with this index or a later one.
    pub fn since(&self, index: u64) -> impl Iterator<Item = &Arc<Change>> {
        let from = self.entries.partition_point(|change| change.index < index);
        self.entries.range(from..)
    }

    /// All that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Change>> {
        self.entries.iter()
    }
}
