//! Jobs: versions, list entries, groups, tasks.

use serde::{Deserialize, Deserializer};

use super::health::{Provider, Service};
use super::null_as_default;

/// A job, or one version of it.
#[expect(
    clippy::struct_field_names,
    reason = "the fields are named as in Nomad's JSON"
)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Job {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) region: String,
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
    pub(crate) services: Vec<Service>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) tasks: Vec<Task>,
}

/// Durations in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct UpdateBlock {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) health_check: HealthCheck,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) progress_deadline: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) healthy_deadline: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) min_healthy_time: i64,
}

/// Who says whether an allocation of a deployment is healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum HealthCheck {
    /// Its node does.
    #[default]
    ByNode,
    /// Somebody does, through the API.
    Manual,
}

impl From<String> for HealthCheck {
    fn from(text: String) -> Self {
        match text.as_str() {
            "manual" => Self::Manual,
            _ => Self::ByNode,
        }
    }
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
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) services: Vec<Service>,
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

/// Whether a value is there and not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(deserializer)?.is_some())
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

impl TaskGroup {
    /// The services of the group and of its tasks.
    pub(crate) fn all_services(&self) -> impl Iterator<Item = &Service> {
        let of_tasks = self.tasks.iter().flat_map(|task| &task.services);
        self.services.iter().chain(of_tasks)
    }

    /// Whether checks of services that this provider keeps tell of the health of its allocations.
    pub(crate) fn has_health_checks(&self, provider: Provider) -> bool {
        self.all_services()
            .any(|it| it.provider() == provider && it.health_checks().next().is_some())
    }
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
