//! What an allocation takes of its node.

use serde_json::{Value, json};

use super::spec::TaskGroup;

/// What an allocation takes of its node, in the four shapes that the API prints.
#[derive(Clone, Debug)]
pub struct TaskResources {
    /// `AllocatedResources`.
    pub allocated: Value,
    /// `Resources`.
    pub total: Value,
    /// `SharedResources`.
    pub shared: Value,
    /// `TaskResources`.
    pub tasks: Value,
}

impl TaskResources {
    /// Nothing: for a group that its job does not have.
    pub(crate) fn none() -> Self {
        Self {
            allocated: Value::Null,
            total: Value::Null,
            shared: Value::Null,
            tasks: Value::Null,
        }
    }

    /// The resources of one allocation of this group.
    pub fn of(group: &TaskGroup) -> Self {
        let legacy = |cpu: u64, memory: u64, max: u64, disk: u64| {
            json!({"CPU": cpu, "Cores": 0, "Devices": null, "DiskMB": disk, "IOPS": 0,
                   "MemoryMB": memory, "MemoryMaxMB": max, "NUMA": null, "Networks": null,
                   "SecretsMB": 0})
        };
        let (cpu, memory, disk) = group.demand();
        // A task without a maximum of its own counts with its memory.
        let max: u64 = group
            .tasks
            .iter()
            .map(|task| task.resources.memory_max_mb.max(task.resources.memory_mb))
            .sum();
        let (mut modern, mut tasks) = (serde_json::Map::new(), serde_json::Map::new());
        for task in &group.tasks {
            let r = &task.resources;
            modern.insert(
                task.name.clone(),
                json!({"Cpu": {"CpuShares": r.cpu, "ReservedCores": null}, "Devices": null,
                       "Memory": {"MemoryMB": r.memory_mb, "MemoryMaxMB": r.memory_max_mb},
                       "Networks": null}),
            );
            tasks.insert(
                task.name.clone(),
                legacy(r.cpu, r.memory_mb, r.memory_max_mb, 0),
            );
        }
        Self {
            allocated: json!({
                "Shared": {"DiskMB": disk, "Networks": null, "Ports": null},
                "TaskLifecycles": group.lifecycles(),
                "Tasks": modern,
            }),
            total: legacy(cpu, memory, max, disk),
            shared: legacy(0, 0, 0, disk),
            tasks: tasks.into(),
        }
    }
}
