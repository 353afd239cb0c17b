//! Client nodes: the full object and the list stub.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::time::Time;

/// A client node. Serializes as `GET /v1/node/:id`.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub address: String,
    pub http_addr: String,
    pub datacenter: String,
    pub class: String,
    pub pool: String,
    /// Names of the healthy drivers.
    pub drivers: Vec<String>,
    /// MHz.
    pub cpu: u64,
    pub memory_mb: u64,
    pub disk_mb: u64,
    pub meta: Map<String, Value>,
    pub drain: bool,
    pub eligible: bool,
    /// `initializing`, `ready`, `down` or `disconnected`.
    pub status: &'static str,
    pub status_updated_at: Time,
    pub registered_at: Time,
    /// Stands for the hash of what distinguishes nodes for constraints.
    pub computed_class: String,
    pub create_index: u64,
    pub modify_index: u64,
    pub last_alloc_update_index: u64,
}

impl Node {
    /// Can the scheduler place allocations here?
    pub fn is_usable(&self) -> bool {
        self.status == "ready" && self.eligible && !self.drain
    }

    fn eligibility(&self) -> &'static str {
        if self.eligible {
            "eligible"
        } else {
            "ineligible"
        }
    }

    fn driver_map(&self) -> Value {
        let entries = self.drivers.iter().map(|driver| {
            let mut attributes = Map::new();
            attributes.insert(format!("driver.{driver}"), "true".into());
            let info = json!({"Attributes": attributes, "Detected": true,
                "HealthDescription": "Healthy", "Healthy": true,
                "UpdateTime": self.registered_at.rfc3339()});
            (driver.clone(), info)
        });
        Value::Object(entries.collect())
    }

    /// The node's attributes, which constraints can name (`${attr.…}`).
    pub fn attributes(&self) -> Map<String, Value> {
        let mut attributes = Map::new();
        let cpu = self.cpu.to_string();
        for (key, value) in [
            ("cpu.arch", "amd64"),
            ("cpu.frequency", "2596"),
            ("cpu.numcores", "2"),
            ("cpu.totalcompute", &cpu),
            ("cpu.usablecompute", &cpu),
            ("kernel.arch", "x86_64"),
            ("kernel.name", "linux"),
            (
                "memory.totalbytes",
                &(self.memory_mb * 1_048_576).to_string(),
            ),
            ("nomad.service_discovery", "true"),
            ("nomad.version", "2.0.5"),
            ("os.name", "debian"),
            ("os.version", "12.11"),
            ("unique.advertise.address", &self.http_addr),
            ("unique.hostname", &self.name),
            ("unique.network.ip-address", &self.address),
            (
                "unique.storage.bytestotal",
                &(self.disk_mb * 1_048_576).to_string(),
            ),
        ] {
            attributes.insert(key.to_owned(), value.into());
        }
        for driver in &self.drivers {
            attributes.insert(format!("driver.{driver}"), "1".into());
        }
        attributes
    }

    fn resources(&self) -> Value {
        json!({"Cpu": {"CpuShares": self.cpu, "ReservableCpuCores": [0, 1], "TotalCpuCores": 2},
               "Devices": null, "Disk": {"DiskMB": self.disk_mb}, "MaxDynamicPort": 32000,
               "Memory": {"MemoryMB": self.memory_mb}, "MinDynamicPort": 20000,
               "Networks": [{"Mode": "bridge"},
                            {"CIDR": format!("{}/32", self.address), "Device": "eth0",
                             "IP": self.address, "MBits": 1000, "Mode": "host"}],
               "NodeNetworks": [{"Addresses": null, "Device": "", "MacAddress": "",
                                 "Mode": "bridge", "Speed": 0},
                                {"Addresses": [{"Address": self.address, "Alias": "default",
                                                "Family": "ipv4", "Gateway": "",
                                                "ReservedPorts": ""}],
                                 "Device": "eth0", "MacAddress": "02:00:00:00:00:01",
                                 "Mode": "host", "Speed": 1000}],
               "Processors": {"Topology": {"Cores": null, "Distances": null, "Nodes": [0],
                              "OverrideTotalCompute": self.cpu, "OverrideWitholdCompute": 0}}})
    }

    /// The element of the node list.
    pub fn stub(&self) -> NodeStub<'_> {
        NodeStub(self)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({"Attributes": self.attributes(), "CSIControllerPlugins": {}, "CSINodePlugins": {},
               "CgroupParent": "nomad.slice", "ComputedClass": self.computed_class,
               "CreateIndex": self.create_index, "Datacenter": self.datacenter,
               "Drain": self.drain, "DrainStrategy": null, "Drivers": self.driver_map(),
               "Events": [{"CreateIndex": 0, "Details": null, "Message": "Node registered",
                           "Subsystem": "Cluster",
                           "Timestamp": Time(self.registered_at.seconds() * 1_000_000_000)}],
               "GCVolumesOnNodeGC": false, "HTTPAddr": self.http_addr, "HostNetworks": null,
               "HostVolumes": {}, "ID": self.id, "IdentitySigningKeyID": "",
               "LastAllocUpdateIndex": self.last_alloc_update_index, "LastDrain": null,
               "LastMissedHeartbeatIndex": 0, "Links": {}, "Meta": self.meta,
               "ModifyIndex": self.modify_index, "Name": self.name, "NodeClass": self.class,
               "NodeMaxAllocs": 0, "NodePool": self.pool, "NodeResources": self.resources(),
               "ReservedResources": {"Cpu": {"CpuShares": 0, "ReservedCpuCores": null},
                                     "Disk": {"DiskMB": 0}, "Memory": {"MemoryMB": 0},
                                     "Networks": {"ReservedHostPorts": ""}},
               "SchedulingEligibility": self.eligibility(), "SecretID": "",
               "Status": self.status, "StatusDescription": "",
               "StatusUpdatedAt": self.status_updated_at.seconds(), "TLSEnabled": false})
        .serialize(serializer)
    }
}

/// Element of `GET /v1/nodes`.
#[derive(Clone, Copy, Debug)]
pub struct NodeStub<'a>(&'a Node);

impl Serialize for NodeStub<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.0;
        json!({"Address": node.address, "CreateIndex": node.create_index,
               "Datacenter": node.datacenter, "Drain": node.drain, "Drivers": node.driver_map(),
               "HostVolumes": {}, "ID": node.id, "LastDrain": null,
               "ModifyIndex": node.modify_index, "Name": node.name, "NodeClass": node.class,
               "NodePool": node.pool, "SchedulingEligibility": node.eligibility(),
               "Status": node.status, "StatusDescription": "", "Version": "2.0.5"})
        .serialize(serializer)
    }
}
