//! The parts of Nomad's JSON that the program reads, and nothing else.
//!
//! Field names and units follow nomad-api.md section 2 and 15: indexes are `u64`, times of events are nanoseconds since the epoch on
//! the *node's* clock, durations are nanoseconds. Every field may be absent or `null` (Nomad drops zero values from allocations and
//! evaluations, and versions differ), so each has a default.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Identifier of an allocation: a UUID, kept as the server wrote it.
pub(crate) type AllocId = Arc<str>;

/// Reads a value that Go may have written as `null`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// An allocation, from a list stub or from `GET /v1/allocation/:id`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Allocation {
    #[serde(rename = "ID")]
    pub(crate) id: AllocId,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: Arc<str>,
    #[serde(rename = "NodeID", deserialize_with = "null_as_default")]
    pub(crate) node_id: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) node_name: Arc<str>,
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub(crate) job_id: Arc<str>,
    /// Only in list stubs; a full allocation embeds its job instead.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) job_type: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) job_version: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) task_group: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) desired_status: DesiredStatus,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) desired_description: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) client_status: ClientStatus,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) client_description: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) desired_transition: DesiredTransition,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) task_states: BTreeMap<Arc<str>, TaskState>,
    pub(crate) deployment_status: Option<DeploymentStatus>,
    #[serde(rename = "DeploymentID", deserialize_with = "null_as_default")]
    pub(crate) deployment_id: Arc<str>,
    #[serde(rename = "FollowupEvalID", deserialize_with = "null_as_default")]
    pub(crate) followup_eval_id: Arc<str>,
    /// The replacement, or empty.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) next_allocation: AllocId,
    /// The predecessor, or empty. Never in list stubs.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) previous_allocation: AllocId,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_index: u64,
    /// Nanoseconds since the epoch, server clock.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_time: i64,
    /// Nanoseconds since the epoch, server clock.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_time: i64,
    /// The allocation's own job version as it was placed. Never in list stubs.
    pub(crate) job: Option<Arc<Job>>,
}

/// What the scheduler wants of an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum DesiredStatus {
    #[default]
    Run,
    Stop,
    Evict,
    /// A value that this program does not know, as the server wrote it.
    Other(String),
}

/// What the node last said of an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum ClientStatus {
    #[default]
    Pending,
    Running,
    Complete,
    Failed,
    Lost,
    Unknown,
    /// A value that this program does not know, as the server wrote it.
    Other(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DesiredTransition {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) migrate: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DeploymentStatus {
    pub(crate) healthy: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) canary: bool,
}

/// The state of one task. All times are the node's clock: compare them only with earlier values of the same task.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskState {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) state: RunState,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) failed: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) restarts: u64,
    pub(crate) last_restart: Option<DateTime<Utc>>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// The history that the verdict needs, folded while it is read.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) events: EventDigest,
}

/// A task's state as the node reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum RunState {
    #[default]
    Pending,
    Running,
    Dead,
    /// A value that this program does not know, as the server wrote it.
    Other(String),
}

/// What is kept of a task's (at most ten) events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EventDigest {
    /// The newest event.
    pub(crate) last: Option<TaskEvent>,
    /// The time of the newest `Restart Signaled`, nanoseconds on the node's clock.
    pub(crate) restart_signaled: Option<i64>,
    /// The newest event that tells of a failure (`Driver Failure`, `Setup Failure`, `Terminated` with an exit code other than 0, …): the cause to name.
    pub(crate) last_failure: Option<TaskEvent>,
}

/// One task event.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskEvent {
    #[serde(rename = "Type", deserialize_with = "null_as_default")]
    pub(crate) kind: Arc<str>,
    /// Nanoseconds since the epoch, node clock.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) time: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) display_message: Arc<str>,
    /// `start_delay` of a `Restarting` event, nanoseconds.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) start_delay: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) exit_code: i64,
}

/// A job, or one version of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Job {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: String,
    #[serde(rename = "Type", deserialize_with = "null_as_default")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) stop: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: String,
    #[serde(rename = "ParentID", deserialize_with = "null_as_default")]
    pub(crate) parent_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) dispatched: bool,
    /// Present on a periodic parent.
    #[serde(deserialize_with = "present")]
    pub(crate) periodic: bool,
    /// Present on a parameterized parent, and on its dispatched children.
    #[serde(deserialize_with = "present")]
    pub(crate) parameterized_job: bool,
    pub(crate) multiregion: Option<Multiregion>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) version: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) job_modify_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) task_groups: Vec<TaskGroup>,
}

/// Whether a value is there and not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(deserializer)?.is_some())
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Multiregion {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) regions: Vec<serde::de::IgnoredAny>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskGroup {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) count: i64,
    /// Nanoseconds.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) shutdown_delay: i64,
    pub(crate) update: Option<UpdateBlock>,
    pub(crate) migrate: Option<MigrateBlock>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) tasks: Vec<Task>,
}

/// Durations in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct UpdateBlock {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) progress_deadline: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) healthy_deadline: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) min_healthy_time: i64,
}

/// Durations in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MigrateBlock {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) healthy_deadline: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) min_healthy_time: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Task {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: String,
    /// Nanoseconds.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) kill_timeout: i64,
    /// Nanoseconds.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) shutdown_delay: i64,
    /// `None` for a main task.
    pub(crate) lifecycle: Option<Lifecycle>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Lifecycle {
    /// `prestart`, `poststart` or `poststop`.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) hook: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) sidecar: bool,
}

/// The answer of `GET /v1/job/:id/versions`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct JobVersions {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) versions: Vec<Job>,
}

/// An entry of `GET /v1/jobs`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct JobStub {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: String,
    #[serde(rename = "ParentID", deserialize_with = "null_as_default")]
    pub(crate) parent_id: String,
    #[serde(rename = "Type", deserialize_with = "null_as_default")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) priority: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) periodic: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) parameterized_job: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) stop: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: String,
    /// Nanoseconds since the epoch.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) submit_time: i64,
    /// Carries the namespace on servers whose list entries have none of their own.
    pub(crate) job_summary: Option<JobSummary>,
}

impl JobStub {
    /// Its namespace, wherever the server says it.
    pub(crate) fn namespace(&self) -> &str {
        let of_summary = self
            .job_summary
            .as_ref()
            .map_or("", |summary| &summary.namespace);
        [self.namespace.as_str(), of_summary]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("default")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct JobSummary {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Deployment {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub(crate) job_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) job_version: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status_description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_index: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Evaluation {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub(crate) job_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status_description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) triggered_by: String,
    #[serde(rename = "FailedTGAllocs", deserialize_with = "null_as_default")]
    pub(crate) failed_tg_allocs: BTreeMap<String, AllocMetric>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_index: u64,
}

/// Why the scheduler could not place the allocations of a group (behaviour 5.6.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AllocMetric {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) nodes_evaluated: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) nodes_available: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) class_filtered: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) constraint_filtered: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) nodes_exhausted: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) class_exhausted: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) dimension_exhausted: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) quota_exhausted: Vec<String>,
}

/// The answer to a stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StopAnswer {
    #[serde(rename = "EvalID", deserialize_with = "null_as_default")]
    pub(crate) eval_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) index: u64,
}

impl From<String> for DesiredStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "run" => Self::Run,
            "stop" => Self::Stop,
            "evict" => Self::Evict,
            "" => Self::Run,
            _ => Self::Other(text),
        }
    }
}

impl DesiredStatus {
    /// The word that Nomad uses.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Run => "run",
            Self::Stop => "stop",
            Self::Evict => "evict",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for ClientStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "complete" => Self::Complete,
            "failed" => Self::Failed,
            "lost" => Self::Lost,
            "unknown" => Self::Unknown,
            "" => Self::Pending,
            _ => Self::Other(text),
        }
    }
}

impl ClientStatus {
    /// The word that Nomad uses.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for RunState {
    fn from(text: String) -> Self {
        match text.as_str() {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "dead" => Self::Dead,
            "" => Self::Pending,
            _ => Self::Other(text),
        }
    }
}

impl RunState {
    /// The word that Nomad uses.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Dead => "dead",
            Self::Other(text) => text,
        }
    }
}

impl ClientStatus {
    /// Whether the node will not run this allocation's tasks again (a lost one may still come back while its node does, to be stopped).
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Lost)
    }
}

impl EventDigest {
    /// Takes one more event in; Nomad lists them oldest first.
    pub(crate) fn push(&mut self, event: TaskEvent) {
        if &*event.kind == "Restart Signaled" {
            self.restart_signaled = self.restart_signaled.max(Some(event.time));
        }
        if event.tells_of_failure() {
            self.last_failure = Some(event.clone());
        }
        self.last = Some(event);
    }
}

impl TaskEvent {
    /// Whether this event names a cause rather than a consequence.
    fn tells_of_failure(&self) -> bool {
        match &*self.kind {
            "Driver Failure"
            | "Setup Failure"
            | "Failed Validation"
            | "Failed Artifact Download"
            | "Task hook failed"
            | "Sibling Task Failed"
            | "Disk Resources Exceeded"
            | "Failed Restoring Task" => true,
            "Terminated" => self.exit_code != 0,
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for EventDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fold;

        impl<'de> Visitor<'de> for Fold {
            type Value = EventDigest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of task events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<EventDigest, A::Error> {
                let mut digest = EventDigest::default();
                while let Some(event) = events.next_element()? {
                    digest.push(event);
                }
                Ok(digest)
            }
        }

        deserializer.deserialize_seq(Fold)
    }
}
