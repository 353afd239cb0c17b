//! The change log: every transaction with the objects it wrote, in order, as the event stream would
//! tell them.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

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

    /// What a subscription names it by.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Job { job, .. } => &job.id,
            Self::Allocation(alloc) => &alloc.id,
            Self::Evaluation(eval) => &eval.id,
            Self::Deployment(deployment) => &deployment.id,
            Self::Node(node) => &node.id,
        }
    }

    /// The further names of it.
    pub(crate) fn filter_keys(&self) -> Option<Vec<&str>> {
        match self {
            Self::Job { .. } | Self::Node(_) => None,
            Self::Allocation(alloc) => Some(vec![&alloc.job.id, &alloc.deployment_id]),
            Self::Evaluation(eval) => Some(vec![&eval.job_id, &eval.deployment_id]),
            Self::Deployment(deployment) => Some(vec![&deployment.job_id]),
        }
    }

    /// Empty for nodes, which are in none.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Job { job, .. } => &job.namespace,
            Self::Allocation(alloc) => &alloc.namespace,
            Self::Evaluation(eval) => &eval.namespace,
            Self::Deployment(deployment) => &deployment.namespace,
            Self::Node(_) => "",
        }
    }

    fn payload(&self) -> Payload<'_> {
        match self {
            Self::Job { job, deleted } => Payload::Job {
                deleted: deleted.then_some(true),
                job,
            },
            Self::Allocation(alloc) => Payload::Allocation(alloc),
            Self::Evaluation(eval) => Payload::Evaluation(eval),
            Self::Deployment(deployment) => Payload::Deployment(deployment),
            Self::Node(node) => Payload::Node(node),
        }
    }
}

/// An object under the name of its topic.
#[derive(Debug, Serialize)]
enum Payload<'a> {
    Allocation(&'a Allocation),
    Evaluation(&'a Evaluation),
    Deployment(&'a Deployment),
    Node(&'a Node),
    #[serde(untagged)]
    Job {
        #[serde(rename = "Deleted", skip_serializing_if = "Option::is_none")]
        deleted: Option<bool>,
        #[serde(rename = "Job")]
        job: &'a Job,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    filter_keys: Option<Vec<&'a str>>,
    index: u64,
    key: &'a str,
    namespace: &'a str,
    payload: Payload<'a>,
    topic: &'static str,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'a> {
    events: Vec<Event<'a>>,
    index: u64,
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
        // The model's types serialize without errors: their map keys are strings.
        serde_json::to_value(self.of(&self.objects)).unwrap_or_default()
    }

    /// The line with these of its objects, without the newline.
    pub(crate) fn bytes<'a>(&self, objects: impl IntoIterator<Item = &'a Object>) -> Vec<u8> {
        serde_json::to_vec(&self.of(objects)).unwrap_or_default()
    }

    fn of<'a>(&self, objects: impl IntoIterator<Item = &'a Object>) -> Line<'a> {
        let events = objects.into_iter().map(|object| Event {
            filter_keys: object.filter_keys(),
            index: self.index,
            key: object.key(),
            namespace: object.namespace(),
            payload: object.payload(),
            topic: object.topic(),
            r#type: self.kind,
        });
        Line {
            events: events.collect(),
            index: self.index,
        }
    }
}

/// The newest changes, oldest first.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    entries: VecDeque<Arc<Change>>,
    limit: usize,
    /// How many are not kept any more.
    gone: u64,
}

impl ChangeLog {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            limit,
            gone: 0,
        }
    }

    pub(crate) fn push(&mut self, change: Change) {
        if self.entries.len() >= self.limit {
            self.entries.pop_front();
            self.gone += 1;
        }
        self.entries.push_back(Arc::new(change));
    }

    /// Changes with this index or a later one.
    pub fn since(&self, index: u64) -> impl Iterator<Item = &Arc<Change>> {
        let from = self.entries.partition_point(|change| change.index < index);
        self.entries.range(from..)
    }

    /// How many there have been; the next one will have this number.
    pub(crate) fn end(&self) -> u64 {
        self.gone + self.entries.len() as u64
    }

    /// The change with this number, if it is kept.
    pub(crate) fn get(&self, number: u64) -> Option<&Arc<Change>> {
        let at = usize::try_from(number.checked_sub(self.gone)?).ok()?;
        self.entries.get(at)
    }

    /// All that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Change>> {
        self.entries.iter()
    }
}
