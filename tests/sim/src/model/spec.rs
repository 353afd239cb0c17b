//! The parts of a job specification that decide what the cluster does, read from the canonical JSON.
//!
//! Durations are nanoseconds, as in the API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How often a failed task is started again on its node.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestartPolicy {
    pub attempts: u32,
    pub delay: i64,
    pub interval: i64,
    pub mode: RestartMode,
}

/// What happens when the attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestartMode {
    /// The task fails.
    Fail,
    /// The task waits for the rest of the interval and starts again.
    Delay,
}

/// How the delay between reschedules grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DelayFunction {
    Constant,
    Exponential,
    Fibonacci,
}

/// Whether and when a failed allocation is placed again.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReschedulePolicy {
    pub attempts: u32,
    pub delay: i64,
    pub delay_function: DelayFunction,
    pub interval: i64,
    pub max_delay: i64,
    pub unlimited: bool,
}

impl ReschedulePolicy {
    /// Does it allow any reschedule at all?
    pub fn enabled(&self) -> bool {
        self.unlimited || self.attempts > 0
    }
}

/// How a new version is rolled out.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStrategy {
    pub auto_promote: bool,
    pub auto_revert: bool,
    pub canary: u32,
    pub health_check: String,
    pub healthy_deadline: i64,
    pub max_parallel: u32,
    pub min_healthy_time: i64,
    pub progress_deadline: i64,
}

/// When a replacement outside a deployment counts as healthy.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MigrateStrategy {
    pub health_check: String,
    pub healthy_deadline: i64,
    pub max_parallel: u32,
    pub min_healthy_time: i64,
}

/// What becomes of allocations whose node is out of sight.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Disconnect {
    /// How long they are unknown instead of lost, in nanoseconds; zero is not at all.
    #[serde(default)]
    pub lost_after: i64,
}

/// When a task runs relative to the main tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Lifecycle {
    /// `prestart`, `poststart` or `poststop`.
    pub hook: String,
    pub sidecar: bool,
}

/// A placement condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Constraint {
    #[serde(rename = "LTarget", default)]
    pub l_target: String,
    pub operand: String,
    #[serde(rename = "RTarget", default)]
    pub r_target: String,
}

/// What a task asks of its node.
#[derive(Clone, Debug, Deserialize)]
pub struct Resources {
    /// MHz.
    #[serde(rename = "CPU")]
    pub cpu: u64,
    #[serde(rename = "MemoryMB")]
    pub memory_mb: u64,
    #[serde(rename = "MemoryMaxMB")]
    pub memory_max_mb: u64,
}

/// Disk of an allocation.
#[derive(Clone, Debug, Deserialize)]
pub struct EphemeralDisk {
    #[serde(rename = "SizeMB")]
    pub size_mb: u64,
}

/// A port of a group's network.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Port {
    pub label: String,
    /// The port itself, where the job names it.
    #[serde(default)]
    pub value: u64,
}

/// A network of a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    pub mode: String,
    #[serde(default)]
    pub dynamic_ports: Option<Vec<Port>>,
    #[serde(default)]
    pub reserved_ports: Option<Vec<Port>>,
}

/// A health check of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceCheck {
    pub name: String,
    pub interval: i64,
    /// `require_healthy`, `ignore_warnings` or `ignore`.
    pub on_update: String,
    pub path: String,
    /// Of the service, unless set.
    pub port_label: String,
    /// `http` or `tcp`.
    pub r#type: String,
}

/// A service of a task or of a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    pub name: String,
    pub port_label: String,
    /// `nomad` or `consul`; only the checks of the former are the node's business.
    pub provider: String,
    pub checks: Option<Vec<ServiceCheck>>,
}

/// One task of a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    pub name: String,
    pub driver: String,
    /// The driver's configuration as registered; see `cluster::Behaviour` for what is read from it.
    pub config: Option<Map<String, Value>>,
    pub constraints: Option<Vec<Constraint>>,
    pub kill_timeout: i64,
    pub leader: bool,
    pub lifecycle: Option<Lifecycle>,
    pub meta: Option<BTreeMap<String, String>>,
    pub resources: Resources,
    pub restart_policy: RestartPolicy,
    pub services: Option<Vec<Service>>,
    pub shutdown_delay: i64,
}

impl Task {
    /// Is it one of the group's main tasks?
    pub fn is_main(&self) -> bool {
        self.lifecycle.is_none()
    }

    /// Does it have this lifecycle hook?
    pub fn has_hook(&self, hook: &str) -> bool {
        self.lifecycle.as_ref().is_some_and(|l| l.hook == hook)
    }

    /// Is it meant to run as long as the main tasks do?
    pub fn is_sidecar(&self) -> bool {
        self.lifecycle.as_ref().is_some_and(|l| l.sidecar)
    }
}

/// One group of a job.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskGroup {
    pub name: String,
    pub count: u32,
    pub constraints: Option<Vec<Constraint>>,
    pub disconnect: Option<Disconnect>,
    pub ephemeral_disk: EphemeralDisk,
    pub migrate: Option<MigrateStrategy>,
    pub networks: Option<Vec<Network>>,
    pub reschedule_policy: Option<ReschedulePolicy>,
    pub restart_policy: RestartPolicy,
    pub services: Option<Vec<Service>>,
    pub shutdown_delay: Option<i64>,
    pub tasks: Vec<Task>,
    pub update: Option<UpdateStrategy>,
}

impl TaskGroup {
    /// The task of this name.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// CPU (MHz), memory (MB) and disk (MB) that one allocation takes.
    pub fn demand(&self) -> (u64, u64, u64) {
        let (cpu, memory) = self.tasks.iter().fold((0, 0), |(cpu, memory), task| {
            (cpu + task.resources.cpu, memory + task.resources.memory_mb)
        });
        (cpu, memory, self.ephemeral_disk.size_mb)
    }

    /// Lifecycle of each task by name, `null` for main tasks.
    pub(crate) fn lifecycles(&self) -> BTreeMap<&str, Option<&Lifecycle>> {
        self.tasks
            .iter()
            .map(|task| (task.name.as_str(), task.lifecycle.as_ref()))
            .collect()
    }
}
