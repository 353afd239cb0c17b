//! `/v1/client/…`: what the agent passes on to the allocation's node.

use serde_json::{Value, json};

use super::acl::Style;
use super::allocations::full_id;
use super::call::Call;
use super::reply::{Outcome, Reply};
use super::{Api, writes};
use crate::model::ApiError;

/// What a restart call asks for.
struct Restart {
    task: String,
    all: bool,
}

impl Restart {
    /// The empty body asks for the running tasks.
    fn read(call: &Call) -> Result<Self, ApiError> {
        if call.body.is_empty() {
            return Ok(Self {
                task: String::new(),
                all: false,
            });
        }
        let body = writes::body(call, 500)?;
        let wrong = |field: &str, value: &Value, kind: &str| {
            let got = writes::go_kind(value);
            ApiError::internal(format!(
                "json: cannot unmarshal {got} into Go struct field .{field} of type {kind}"
            ))
        };
        let task = match &body["TaskName"] {
            Value::Null => String::new(),
            Value::String(task) => task.clone(),
            other => return Err(wrong("TaskName", other, "string")),
        };
        let all = match &body["AllTasks"] {
            Value::Null => false,
            Value::Bool(all) => *all,
            other => return Err(wrong("AllTasks", other, "bool")),
        };
        Ok(Self { task, all })
    }
}

impl Api {
    pub(super) async fn client_allocation(&self, call: &Call, rest: &str) -> Outcome {
        match rest.split_once('/') {
            Some((id, "restart")) => self.restart(call, id).await,
            Some((id, "checks")) => self.checks(call, id),
            Some((id, "stats")) => self.allocation_stats(call, id),
            // Without an id the multiplexer has made this of `…/allocation//restart`.
            None if rest == "restart" => Err(ApiError::internal("Missing allocation ID")),
            _ => Err(ApiError::not_found("resource not found")),
        }
    }

    /// The checks that every call to an allocation's node has to pass: known allocation, valid token,
    /// one of the capabilities in the allocation's namespace.
    pub(super) fn reach(&self, call: &Call, id: &str, any_of: &[&str]) -> Result<(), ApiError> {
        let found = self.cluster.read(|state| {
            let alloc = state.allocation(id)?;
            let known = state.node(&alloc.node_id).is_some();
            Some((alloc.namespace.clone(), alloc.node_id.clone(), known))
        });
        let Some((namespace, node, known)) = found else {
            // Unknown ones are found out by the server, which tells of a bad token in its own way.
            self.enter(call, Style::Ordinary)?;
            full_id(id, "alloc")?;
            return Err(ApiError::not_found(format!("Unknown allocation {id:?}")));
        };
        let who = self.enter(call, Style::Client)?;
        who.need_any(&namespace, any_of)?;
        if known {
            return Ok(());
        }
        let status = self.cluster.version().unknown_node();
        Err(ApiError::new(status, format!("Unknown node {node}")))
    }

    /// Any method will do.
    async fn restart(&self, call: &Call, id: &str) -> Outcome {
        let wanted = Restart::read(call)?;
        self.reach(call, id, &["alloc-lifecycle"])?;
        self.cluster
            .restart_allocation(id, &wanted.task, wanted.all)
            .await?;
        Ok(Reply::plain(&json!({"Index": 0})))
    }

    /// Any method will do.
    pub(super) fn checks(&self, call: &Call, id: &str) -> Outcome {
        self.reach(call, id, &["read-job"])?;
        Ok(Reply::plain(&self.cluster.checks(id)?))
    }

    /// Nothing is measured: as in the first moments of a real allocation.
    fn allocation_stats(&self, call: &Call, id: &str) -> Outcome {
        self.reach(call, id, &["read-job"])?;
        self.cluster.reach_allocation(id)?;
        let usage = json!({"CpuStats": {"Measured": null, "Percent": 0.0, "SystemMode": 0.0,
                "ThrottledPeriods": 0, "ThrottledTime": 0, "TotalTicks": 0.0, "UserMode": 0.0},
            "DeviceStats": [],
            "MemoryStats": {"Cache": 0, "KernelMaxUsage": 0, "KernelUsage": 0, "MappedFile": 0,
                "MaxUsage": 0, "Measured": null, "RSS": 0, "Swap": 0, "Usage": 0}});
        Ok(Reply::plain(
            &json!({"ResourceUsage": usage, "Tasks": {}, "Timestamp": 0}),
        ))
    }

    pub(super) fn client_stats(&self, call: &Call) -> Outcome {
        let who = self.enter(call, Style::Client)?;
        who.need_node_read()?;
        let id = call.param("node_id").unwrap_or_default();
        let node = self.cluster.read(|state| {
            let mut nodes = state.nodes();
            if id.is_empty() {
                nodes.next().cloned()
            } else {
                state.node(id).cloned()
            }
        });
        let node = node.ok_or_else(|| ApiError::not_found(format!("Unknown node {id}")))?;
        let now = self.cluster.now();
        let mega = 1_048_576;
        let (disk, memory) = (node.disk_mb * mega, node.memory_mb * mega);
        let storage = |device: &str, mount: &str| {
            json!({"Available": disk, "Device": device, "InodesUsedPercent": 1.0,
                   "Mountpoint": mount, "Size": disk, "Used": 0, "UsedPercent": 0.0})
        };
        let cpu = |name: &str| {
            json!({"CPU": name, "Idle": 98.0, "System": 1.0, "TotalPercent": 2.0,
                   "TotalTicks": 0.0, "User": 1.0})
        };
        Ok(Reply::plain(
            &json!({"AllocDirStats": storage("", ""), "CPU": [cpu("cpu0"), cpu("cpu1")],
            "CPUTicksConsumed": 0.0, "DeviceStats": null,
            "DiskStats": [storage("/dev/vda", "/")],
            "Memory": {"Available": memory, "Free": memory, "Total": memory, "Used": 0},
            "Timestamp": now.nanos(), "Uptime": now.since(self.started).as_secs()}),
        ))
    }
}
