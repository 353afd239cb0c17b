//! Allocations, their tasks and states.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::by_name::ByName;
use super::events::EventDigest;
use super::job::Job;
use super::null_as_default;

/// Identifier of an allocation: a UUID, kept as the server wrote it.
pub(crate) type AllocId = Arc<str>;

/// An allocation, from a list stub or from `GET /v1/allocation/:id`.
#[expect(
    clippy::struct_field_names,
    reason = "the fields are named as in Nomad's JSON"
)]
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
    /// Only in list stubs; a full allocation embeds its job instead (see [`Allocation::complete_from_job`]).
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) job_type: Arc<str>,
    /// As `job_type`.
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
    pub(crate) task_states: ByName<TaskState>,
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

impl Allocation {
    /// Takes from the embedded job what only list stubs say by themselves.
    pub(crate) fn complete_from_job(&mut self) {
        if let Some(job) = &self.job
            && self.job_type.is_empty()
        {
            self.job_type = job.kind.as_str().into();
            self.job_version = job.version;
        }
    }
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
    /// Servers print this key since 1.11.0, whatever its value.
    #[serde(rename = "MigrateDisablePlacement", deserialize_with = "is_there")]
    pub(crate) knows_disable_placement: bool,
}

/// That the key is there, also with the value `null`.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
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

impl From<String> for DesiredStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "" | "run" => Self::Run,
            "stop" => Self::Stop,
            "evict" => Self::Evict,
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
            "" | "pending" => Self::Pending,
            "running" => Self::Running,
            "complete" => Self::Complete,
            "failed" => Self::Failed,
            "lost" => Self::Lost,
            "unknown" => Self::Unknown,
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
            "" | "pending" => Self::Pending,
            "running" => Self::Running,
            "dead" => Self::Dead,
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
