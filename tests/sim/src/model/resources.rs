//! What an allocation takes of its node.

use serde_json::{Value, json};

use super::spec::TaskGroup;

/// Of every node.
const ADDRESS: &str = "127.0.0.1";

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
    /// The port with this label.
    pub(crate) fn port(&self, label: &str) -> Option<u64> {
        let ports = self.allocated["Shared"]["Ports"].as_array()?;
        let found = ports.iter().find(|port| port["Label"] == label)?;
        found["Value"].as_u64()
    }

    /// Nothing: for a group that its job does not have.
    pub(crate) fn none() -> Self {
        Self {
            allocated: Value::Null,
            total: Value::Null,
            shared: Value::Null,
            tasks: Value::Null,
        }
    }

    /// The resources of one allocation of this group. `port` chooses each dynamic port.
    pub fn of(group: &TaskGroup, mut port: impl FnMut() -> u64) -> Self {
        let (networks, ports) = networks(group, &mut port);
        let legacy = |cpu: u64, memory: u64, max: u64, disk: u64, networks: &Value| {
            json!({"CPU": cpu, "Cores": 0, "Devices": null, "DiskMB": disk, "IOPS": 0,
                   "MemoryMB": memory, "MemoryMaxMB": max, "NUMA": null, "Networks": networks,
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
                legacy(r.cpu, r.memory_mb, r.memory_max_mb, 0, &Value::Null),
            );
        }
        Self {
            allocated: json!({
                "Shared": {"DiskMB": disk, "Networks": networks, "Ports": ports},
                "TaskLifecycles": group.lifecycles(),
                "Tasks": modern,
            }),
            total: legacy(cpu, memory, max, disk, &networks),
            shared: legacy(0, 0, 0, disk, &networks),
            tasks: tasks.into(),
        }
    }
}

/// The networks of an allocation, and its ports by label; `null` for a group without.
fn networks(group: &TaskGroup, port: &mut impl FnMut() -> u64) -> (Value, Value) {
    let Some(networks) = group.networks.as_ref().filter(|list| !list.is_empty()) else {
        return (Value::Null, Value::Null);
    };
    let mut all = Vec::new();
    let mut shown = Vec::new();
    for network in networks {
        let mut entry = serde_json::Map::new();
        for (key, ports) in [
            ("DynamicPorts", &network.dynamic_ports),
            ("ReservedPorts", &network.reserved_ports),
        ] {
            let mut list = Vec::new();
            for asked in ports.iter().flatten() {
                let value = if asked.value == 0 {
                    port()
                } else {
                    asked.value
                };
                list.push(json!({"HostNetwork": "default", "Label": asked.label, "Value": value}));
                all.push(json!({"HostIP": ADDRESS, "Label": asked.label, "Value": value}));
            }
            if !list.is_empty() {
                entry.insert(key.to_owned(), list.into());
            }
        }
        entry.insert("IP".to_owned(), ADDRESS.into());
        entry.insert("Mode".to_owned(), network.mode.as_str().into());
        shown.push(Value::Object(entry));
    }
    (shown.into(), all.into())
}
