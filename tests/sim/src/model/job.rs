//! Jobs: the stored specification, what the server counts about it, and the list stub.

use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::canonical;
use super::error::ApiError;
use super::spec::{Constraint, TaskGroup};
use super::summary::JobSummary;
use super::time::{Time, as_nanos};

/// One version of a job. Serializes as the API's job object with all its keys.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    pub name: String,
    pub namespace: String,
    /// `service`, `batch`, `system` or `sysbatch`.
    pub kind: String,
    pub priority: i64,
    pub datacenters: Vec<String>,
    pub node_pool: String,
    pub parent_id: String,
    pub constraints: Vec<Constraint>,
    pub groups: Arc<Vec<TaskGroup>>,
    pub version: u64,
    /// Stopped by an operator.
    pub stop: bool,
    pub stable: bool,
    /// `pending`, `running` or `dead`.
    pub status: &'static str,
    pub submit_time: Time,
    pub create_index: u64,
    /// Last change of the stored job, its status included.
    pub modify_index: u64,
    /// Last registration, stop or scaling.
    pub job_modify_index: u64,
    /// Every other key of the object, canonical.
    spec: Arc<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    namespace: String,
    r#type: String,
    priority: i64,
    datacenters: Vec<String>,
    node_pool: String,
    #[serde(rename = "ParentID")]
    parent_id: String,
    constraints: Option<Vec<Constraint>>,
    task_groups: Vec<TaskGroup>,
}

impl Job {
    /// Reads the `Job` of a registration and fills in what the agent fills in. Version and indexes
    /// are zero: the server counts them.
    ///
    /// # Errors
    /// 500 with Nomad's list of validation errors; 400 for values of a wrong type.
    pub fn parse(input: &Value) -> Result<Self, ApiError> {
        let spec = canonical::job(input)?;
        let read: Read = serde_json::from_value(Value::Object(spec.clone()))
            .map_err(|error| ApiError::new(400, format!("json: {error}")))?;
        Ok(Self {
            id: read.id,
            name: read.name,
            namespace: read.namespace,
            kind: read.r#type,
            priority: read.priority,
            datacenters: read.datacenters,
            node_pool: read.node_pool,
            parent_id: read.parent_id,
            constraints: read.constraints.unwrap_or_default(),
            groups: Arc::new(read.task_groups),
            version: 0,
            stop: false,
            stable: false,
            status: "pending",
            submit_time: Time(0),
            create_index: 0,
            modify_index: 0,
            job_modify_index: 0,
            spec: Arc::new(spec),
        })
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&TaskGroup> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Is the specification the same, whatever the server counts?
    pub fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    /// Is the specification of this group the same but for its count? Then its allocations need no
    /// replacing.
    pub fn same_group(&self, other: &Self, group: &str) -> bool {
        // Nomad compares what a running task would see; counts and policies can change in place.
        let relevant = |job: &Self| -> Option<Value> {
            let groups = job.spec.get("TaskGroups")?.as_array()?;
            let mut group = groups.iter().find(|g| g["Name"] == group)?.clone();
            let map = group.as_object_mut()?;
            for key in ["Count", "Update", "Migrate", "ReschedulePolicy", "Scaling"] {
                map.remove(key);
            }
            Some(group)
        };
        self.spec.get("Meta") == other.spec.get("Meta") && relevant(self) == relevant(other)
    }

    /// Sets the count of a group; false if there is no such group.
    pub fn set_count(&mut self, group: &str, count: u32) -> bool {
        let groups = Arc::make_mut(&mut self.groups);
        let Some(found) = groups.iter_mut().find(|g| g.name == group) else {
            return false;
        };
        found.count = count;
        let spec = Arc::make_mut(&mut self.spec);
        if let Some(Value::Array(list)) = spec.get_mut("TaskGroups") {
            for entry in list.iter_mut().filter(|g| g["Name"] == group) {
                entry["Count"] = count.into();
            }
        }
        true
    }

    /// A periodic or parameterized job owns no allocations.
    pub fn is_parent(&self) -> bool {
        self.is_periodic() || self.is_parameterized()
    }

    /// Runs at set times as child jobs.
    pub fn is_periodic(&self) -> bool {
        !self.spec["Periodic"].is_null()
    }

    /// Is dispatched as child jobs (and is not such a child).
    pub fn is_parameterized(&self) -> bool {
        !self.spec["ParameterizedJob"].is_null() && self.spec["Dispatched"] == false
    }

    /// Any key of the canonical specification.
    pub fn field(&self, key: &str) -> &Value {
        self.spec.get(key).unwrap_or(&Value::Null)
    }

    /// The element of the job list.
    pub fn stub<'a>(&'a self, summary: &'a JobSummary) -> JobStub<'a> {
        JobStub { job: self, summary }
    }
}

impl Serialize for Job {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Merged in the order of the keys, because the agent sorts them.
        let counted: [(&str, Value); 9] = [
            ("CreateIndex", self.create_index.into()),
            ("JobModifyIndex", self.job_modify_index.into()),
            ("ModifyIndex", self.modify_index.into()),
            ("Stable", self.stable.into()),
            ("Status", self.status.into()),
            ("StatusDescription", "".into()),
            ("Stop", self.stop.into()),
            ("SubmitTime", self.submit_time.nanos().into()),
            ("Version", self.version.into()),
        ];
        let tag = Value::Null;
        let mut all: Vec<(&str, &Value)> = counted.iter().map(|(k, v)| (*k, v)).collect();
        all.push(("VersionTag", &tag));
        all.extend(self.spec.iter().map(|(k, v)| (k.as_str(), v)));
        all.sort_by_key(|(key, _)| *key);
        let mut map = serializer.serialize_map(Some(all.len()))?;
        for (key, value) in all {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Element of `GET /v1/jobs`.
#[derive(Clone, Copy, Debug)]
pub struct JobStub<'a> {
    job: &'a Job,
    summary: &'a JobSummary,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StubWire<'a> {
    create_index: u64,
    datacenters: &'a [String],
    #[serde(rename = "ID")]
    id: &'a str,
    job_modify_index: u64,
    job_summary: &'a JobSummary,
    modify_index: u64,
    multiregion: &'a Value,
    name: &'a str,
    namespace: &'a str,
    node_pool: &'a str,
    parameterized_job: bool,
    #[serde(rename = "ParentID")]
    parent_id: &'a str,
    periodic: bool,
    priority: i64,
    status: &'static str,
    status_description: &'static str,
    stop: bool,
    #[serde(serialize_with = "as_nanos")]
    submit_time: Time,
    r#type: &'a str,
}

impl Serialize for JobStub<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let job = self.job;
        StubWire {
            create_index: job.create_index,
            datacenters: &job.datacenters,
            id: &job.id,
            job_modify_index: job.job_modify_index,
            job_summary: self.summary,
            modify_index: job.modify_index,
            multiregion: job.field("Multiregion"),
            name: &job.name,
            namespace: &job.namespace,
            node_pool: &job.node_pool,
            parameterized_job: job.is_parameterized(),
            parent_id: &job.parent_id,
            periodic: job.is_periodic(),
            priority: job.priority,
            status: job.status,
            status_description: "",
            stop: job.stop,
            submit_time: job.submit_time,
            r#type: &job.kind,
        }
        .serialize(serializer)
    }
}
