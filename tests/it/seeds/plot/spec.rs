//! The specification of the job of a scene.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Check, Group, JOB, Part, Plot, Task};

const SECOND: i64 = 1_000_000_000;
/// What `migrate` and `update` of a group say.
pub(in crate::seeds) const MIN_HEALTHY: Duration = Duration::from_secs(1);
/// Where they say nothing.
pub(in crate::seeds) const MIN_HEALTHY_ELSE: Duration = Duration::from_secs(10);

impl Plot {
    /// The specification of the job.
    pub(in crate::seeds) fn job(&self) -> Value {
        json!({"ID": JOB, "Name": JOB, "Type": self.kind, "Namespace": self.namespace, "Datacenters": ["dc1"],
            "TaskGroups": self.groups.iter().map(|group| group.spec(self.kind)).collect::<Vec<_>>()})
    }

    /// A new version of it, which replaces every allocation.
    pub(in crate::seeds) fn changed_job(&self) -> Value {
        let mut job = self.job();
        job["Meta"] = json!({"version": "next"});
        job
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap()
}

impl Group {
    fn spec(&self, kind: &str) -> Value {
        let mut spec = json!({"Name": self.name, "Count": self.count,
            "Tasks": self.tasks.iter().map(Task::spec).collect::<Vec<_>>(),
            "EphemeralDisk": {"SizeMB": 10},
            "ShutdownDelay": nanos(self.shutdown_delay),
            "RestartPolicy": {"Attempts": self.restarts, "Interval": 1800 * SECOND, "Delay": SECOND,
                              "Mode": self.mode}});
        if kind != "system" {
            spec["ReschedulePolicy"] = json!({"Attempts": self.reschedules.unwrap_or(0),
                "Unlimited": self.reschedules.is_none(), "Interval": 3600 * SECOND,
                "Delay": 5 * SECOND, "DelayFunction": "constant"});
        }
        let by = if self.has_checks() {
            "checks"
        } else {
            "task_states"
        };
        if kind == "service" {
            spec["Migrate"] = json!({"MaxParallel": 3, "HealthCheck": by,
                "MinHealthyTime": nanos(MIN_HEALTHY), "HealthyDeadline": 120 * SECOND});
        }
        if kind != "batch" {
            spec["Update"] = json!({"MaxParallel": 5, "HealthCheck": by,
                "MinHealthyTime": nanos(MIN_HEALTHY), "HealthyDeadline": 120 * SECOND,
                "ProgressDeadline": 300 * SECOND});
        }
        spec
    }
}

impl Task {
    fn spec(&self) -> Value {
        let lifecycle = match self.part {
            Part::Main => Value::Null,
            Part::Prestart => json!({"Hook": "prestart", "Sidecar": false}),
            Part::Sidecar => json!({"Hook": "prestart", "Sidecar": true}),
            Part::Poststart => json!({"Hook": "poststart", "Sidecar": false}),
            Part::Poststop => json!({"Hook": "poststop", "Sidecar": false}),
        };
        json!({"Name": self.name, "Driver": "docker", "Lifecycle": lifecycle,
            "Config": {"image": "app:1", "simulate": self.rules}, "Services": self.service(),
            "KillTimeout": nanos(self.kill_timeout), "ShutdownDelay": nanos(self.shutdown_delay),
            "Resources": {"CPU": 10, "MemoryMB": 10}})
    }

    fn service(&self) -> Value {
        if self.checks.is_empty() {
            return Value::Null;
        }
        let checks = self.checks.iter().enumerate().map(Check::spec);
        json!([{"Name": self.name, "Provider": "nomad", "PortLabel": "http", "Checks": checks.collect::<Vec<_>>()}])
    }
}

impl Check {
    fn spec((number, check): (usize, &Self)) -> Value {
        json!({"Name": format!("check-{number}"), "Type": if check.http { "http" } else { "tcp" }, "Path": "/",
            "Interval": nanos(check.interval), "Timeout": SECOND,
            "OnUpdate": if check.counts { "require_healthy" } else { "ignore" }})
    }
}
