//! What the tests of this target share: a cluster with one job, and a reader of streams.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Answer, Body, Broken, MemoryFront};
use nomad_sim::model::Version;
use serde_json::{Value, json};
use tokio::time::timeout;

pub(crate) use crate::clusters::cluster_of as cluster;
use crate::clusters::running;

/// A service job with one group `web` of one task `app`.
pub(crate) fn job(id: &str, count: u32) -> Value {
    json!({"ID": id, "Name": id, "Type": "service", "Datacenters": ["dc1"], "TaskGroups": [{
        "Name": "web", "Count": count,
        "Tasks": [{"Name": "app", "Driver": "mock_driver", "Config": {"run_for": "1h"},
                   "KillTimeout": 2_000_000_000_i64, "Resources": {"CPU": 10, "MemoryMB": 10}}],
        "Update": {"MaxParallel": 10, "MinHealthyTime": 500_000_000,
                   "HealthCheck": "task_states"}}]})
}

/// Registers a job and waits until it runs, its deployment is over and nothing more happens.
pub(crate) async fn settled(cluster: &Cluster, job: &Value) {
    running(cluster, job).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
}

/// A front of a cluster on which `web` has been running for a while.
pub(crate) async fn front() -> MemoryFront {
    front_of(Version::default()).await
}

pub(crate) async fn front_of(version: Version) -> MemoryFront {
    let cluster = cluster(version);
    settled(&cluster, &job("web", 1)).await;
    MemoryFront::of(cluster)
}

/// The id of the job's only allocation.
pub(crate) fn allocation(cluster: &Cluster, job: &str) -> String {
    cluster.read(|state| {
        let mut all = state.job_allocations("default", job);
        all.next().expect("an allocation").id.clone()
    })
}

/// Index of the newest transaction.
pub(crate) fn newest(front: &MemoryFront) -> u64 {
    front
        .agent()
        .cluster()
        .read(nomad_sim::cluster::State::latest_index)
}

/// The reader of one stream.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Body,
    rest: Vec<u8>,
}

/// What a reader got.
#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    Line(Value),
    /// The end of the body, with what had come of the last line.
    End(String),
    Broken(Broken),
    /// Nothing for as long as was waited.
    Nothing,
}

pub(crate) async fn open_as(front: &MemoryFront, query: &str, token: &str) -> Reader {
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("/v1/event/stream?{query}"))
        .header("x-nomad-token", token)
        .body(Bytes::new())
        .expect("a request");
    Reader::of(front.handle(request).await.expect("a head"))
}

/// The JSON of another endpoint.
pub(crate) async fn get_as(front: &MemoryFront, target: &str, token: &str) -> Value {
    let request = Request::get(target).header("x-nomad-token", token);
    let request = request.body(Bytes::new()).expect("a request");
    let mut answer = front.handle(request).await.expect("a head");
    let body = answer.body.bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

pub(crate) async fn get(front: &MemoryFront, target: &str) -> Value {
    get_as(front, target, "").await
}

pub(crate) async fn open(front: &MemoryFront, query: &str) -> Reader {
    open_as(front, query, "").await
}

impl Reader {
    pub(crate) fn of(answer: Answer) -> Self {
        Self {
            status: answer.status.as_u16(),
            headers: answer.headers,
            body: answer.body,
            rest: Vec::new(),
        }
    }

    /// All that comes until the end.
    pub(crate) async fn rest(&mut self) -> String {
        let bytes = self.body.bytes().await.expect("an end");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The next line, if it comes within this time.
    pub(crate) async fn next(&mut self, within: Duration) -> Got {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Got::Line(serde_json::from_slice(&line).expect("JSON"));
            }
            match timeout(within, self.body.chunk()).await {
                Err(_) => return Got::Nothing,
                Ok(Ok(Some(bytes))) => self.rest.extend_from_slice(&bytes),
                Ok(Ok(None)) => {
                    return Got::End(String::from_utf8_lossy(&self.rest).into_owned());
                }
                Ok(Err(broken)) => return Got::Broken(broken),
            }
        }
    }

    /// The lines that come until nothing comes for this long.
    pub(crate) async fn lines(&mut self, pause: Duration) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Got::Line(line) = self.next(pause).await {
            lines.push(line);
        }
        lines
    }
}

/// Index and events of a line; a heartbeat has index 0 and none.
pub(crate) fn shortened(line: &Value) -> (u64, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = line["Events"].as_array().into_iter().flatten();
    let events = events.map(|event| {
        let [topic, kind, key] = ["Topic", "Type", "Key"].map(|name| text(&event[name]));
        format!("{topic}/{kind} {key}")
    });
    (line["Index"].as_u64().unwrap_or(0), events.collect())
}
