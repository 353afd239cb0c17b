//! What the tests of this target share: a small cluster, jobs, and calls to it.

use http::Method;
use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Broken, MemoryFront};
use nomad_sim::model::Version;
use serde_json::{Value, json};

pub(crate) use crate::calls::{Whole, request, send};
use crate::clusters::cluster_of;
pub(crate) use crate::clusters::running;

/// A cluster of the newest version.
pub(crate) fn cluster() -> Cluster {
    cluster_of(Version::default())
}

/// A service job with one group `web` of one task `app`, which ends `kill` after the signal.
pub(crate) fn job(id: &str, count: u32, kill: &str) -> Value {
    json!({"ID": id, "Name": id, "Type": "service", "Datacenters": ["dc1"], "TaskGroups": [{
        "Name": "web", "Count": count,
        "Tasks": [{"Name": "app", "Driver": "mock_driver",
                   "Config": {"run_for": "1h", "kill_after": kill},
                   "KillTimeout": 20_000_000_000_i64, "Resources": {"CPU": 10, "MemoryMB": 10}}],
        "Update": {"MaxParallel": 10, "MinHealthyTime": 500_000_000,
                   "HealthCheck": "task_states"}}]})
}

/// The ids of a job's allocations.
pub(crate) fn allocations(cluster: &Cluster, job: &str) -> Vec<String> {
    cluster.read(|state| {
        let all = state.job_allocations("default", job);
        all.map(|alloc| alloc.id.clone()).collect()
    })
}

/// How often a task of an allocation was restarted, as the servers know it.
pub(crate) fn restarts(cluster: &Cluster, alloc: &str) -> u64 {
    cluster.read(|state| {
        let states = state
            .allocation(alloc)
            .and_then(|alloc| alloc.task_states.as_ref());
        states.map_or(0, |states| states["app"].restarts)
    })
}

impl Whole {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Reads something that must be there.
pub(crate) async fn get(front: &MemoryFront, target: &str) -> Whole {
    let answer = send(front, request(&Method::GET, target, "")).await;
    answer.expect("an answer")
}

/// Writes something.
pub(crate) async fn put(front: &MemoryFront, target: &str, body: &str) -> Result<Whole, Broken> {
    send(front, request(&Method::PUT, target, body)).await
}
