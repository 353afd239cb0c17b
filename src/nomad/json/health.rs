//! What tells health: the services of a job with their checks, and the results that a node has of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::null_as_default;

/// A service of a group or of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Service {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: String,
    /// `nomad`, or `consul` where empty.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) provider: String,
    /// For checks that say nothing themselves.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) on_update: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) checks: Vec<ServiceCheck>,
}

/// A check of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ServiceCheck {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: String,
    /// `ignore`: it does not count as a sign of health.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) on_update: String,
}

/// Who keeps a service and runs its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Nomad,
    Consul,
}

impl Service {
    pub(crate) fn provider(&self) -> Provider {
        if self.provider == "nomad" {
            Provider::Nomad
        } else {
            Provider::Consul
        }
    }

    /// The checks that tell of health.
    pub(crate) fn health_checks(&self) -> impl Iterator<Item = &ServiceCheck> {
        self.checks.iter().filter(|check| {
            let on_update = if check.on_update.is_empty() {
                &self.on_update
            } else {
                &check.on_update
            };
            on_update != "ignore"
        })
    }
}

/// The answer of `GET /v1/client/allocation/:id/checks`: results by opaque ids.
pub(crate) type CheckResults = BTreeMap<Arc<str>, CheckResult>;

/// The last result of one check of an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CheckResult {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) check: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) service: Arc<str>,
    /// `healthiness`, or `readiness` for one that does not count.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) mode: Arc<str>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: CheckStatus,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) output: Arc<str>,
    /// Whole seconds since the epoch on the node's clock: when it was run last, or the allocation was placed.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum CheckStatus {
    Success,
    Failure,
    /// Not run yet.
    #[default]
    Pending,
}

impl From<String> for CheckStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "success" => Self::Success,
            "pending" | "" => Self::Pending,
            // What is not known to be good is not taken for it.
            _ => Self::Failure,
        }
    }
}

/// The task events of an allocation, all that the server has; read for an allocation that failed only.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskHistories {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) task_states: BTreeMap<Arc<str>, TaskHistory>,
}

/// The events of one task, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskHistory {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) events: Vec<super::TaskEvent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_as_the_node_tells_them() {
        // e01
        let json = r#"{"4394":{"Check":"up","Group":"web.web[0]","ID":"4394","Mode":"healthiness","Output":"nomad: waiting to run",
            "Service":"app","Status":"pending","Task":"app","Timestamp":1795507927},
            "623f":{"Check":"port","Mode":"readiness","Output":null,"Status":"odd","Timestamp":1795507928}}"#;
        let results: CheckResults = serde_json::from_str(json).unwrap();
        assert_eq!(&*results["4394"].check, "up");
        assert_eq!(results["4394"].status, CheckStatus::Pending);
        assert_eq!(results["4394"].timestamp, 1_795_507_927);
        assert_eq!(results["623f"].status, CheckStatus::Failure);
        assert_eq!(&*results["623f"].output, "");
    }

    #[test]
    fn a_check_that_updates_ignore_tells_nothing_of_health() {
        let json = r#"{"Name":"app","Provider":"nomad","OnUpdate":"ignore","Checks":[{"Name":"a"},
            {"Name":"b","OnUpdate":"require_healthy"},{"Name":"c","OnUpdate":"ignore"},{"Name":"d","OnUpdate":"ignore_warnings"}]}"#;
        let service: Service = serde_json::from_str(json).unwrap();
        let names: Vec<_> = service.health_checks().map(|check| &*check.name).collect();
        assert_eq!(names, ["b", "d"]);
        assert_eq!(service.provider(), Provider::Nomad);
        assert_eq!(Service::default().provider(), Provider::Consul);
    }
}
