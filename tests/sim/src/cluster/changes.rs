//! The change log: every transaction with the objects it wrote, in order, as the event stream would
//! tell them.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

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

    /// Id, namespace, the further keys that a subscription can name, and the payload.
    fn parts(&self) -> (&str, &str, Value, Value) {
        match self {
            Self::Job { job, deleted } => {
                let payload = if *deleted {
                    json!({"Job": job, "Deleted": true})
                } else {
                    json!({"Job": job})
                };
                (&job.id, &job.namespace, Value::Null, payload)
            }
            Self::Allocation(alloc) => (
                &alloc.id,
                &alloc.namespace,
                json!([alloc.job.id, alloc.deployment_id]),
                json!({"Allocation": alloc}),
            ),
            Self::Evaluation(eval) => (
                &eval.id,
                &eval.namespace,
                json!([eval.job_id, eval.deployment_id]),
                json!({"Evaluation": eval}),
            ),
            Self::Deployment(deployment) => (
                &deployment.id,
                &deployment.namespace,
                json!([deployment.job_id]),
                json!({"Deployment": deployment}),
            ),
            Self::Node(node) => (&node.id, "", Value::Null, json!({"Node": node})),
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

impl Change {
    /// The line that the event stream would send to a subscriber of everything.
    pub fn line(&self) -> Value {
        let events = self.objects.iter().map(|object| {
            let (key, namespace, filter_keys, payload) = object.parts();
            json!({"Topic": object.topic(), "Type": self.kind, "Key": key,
                   "Namespace": namespace, "FilterKeys": filter_keys, "Index": self.index,
                   "Payload": payload})
        });
        json!({"Index": self.index, "Events": events.collect::<Vec<_>>()})
    }
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
