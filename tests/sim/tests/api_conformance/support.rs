//! What the tests of this target share: a small cluster, jobs, and calls to it.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use nomad_sim::cluster::{Cluster, Config};
use nomad_sim::front::{Answer, Broken, MemoryFront};
use nomad_sim::model::{ClientStatus, Time};
use serde_json::{Value, json};

/// One node, always the same ids, always the same time of day.
pub(crate) fn cluster() -> Cluster {
    Cluster::new(Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        ..Config::seeded(11)
    })
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

/// Registers a job and waits until it runs and its deployment is over.
pub(crate) async fn running(cluster: &Cluster, job: &Value) {
    cluster.register(job).expect("registered");
    let id = job["ID"].as_str().expect("an id");
    let namespace = job["Namespace"].as_str().unwrap_or("default");
    cluster
        .until(|state| {
            let mut allocations = state.job_allocations(namespace, id);
            let running = allocations.all(|alloc| alloc.client == ClientStatus::Running);
            let mut deployments = state.job_deployments(namespace, id);
            let deployed = deployments.any(|deployment| deployment.status == "successful");
            (running && deployed).then_some(())
        })
        .await;
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

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Whole {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// `X-Nomad-Index`.
    pub(crate) fn index(&self) -> u64 {
        let header = self.headers.get("x-nomad-index").expect("an index");
        header.to_str().expect("text").parse().expect("a number")
    }
}

pub(crate) fn request(method: &Method, target: &str, body: &str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(target)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .expect("a request")
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(front: &MemoryFront, request: Request<Bytes>) -> Result<Whole, Broken> {
    let Answer {
        status,
        headers,
        mut body,
    } = front.handle(request).await?;
    Ok(Whole {
        status: status.as_u16(),
        headers,
        body: body.bytes().await?,
    })
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
