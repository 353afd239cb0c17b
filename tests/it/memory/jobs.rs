//! Job specifications for the scenes, and clusters in which they have been running for a while.

use std::time::Duration;

use nomad_sim::cluster::{Cluster, Config};
use nomad_sim::model::{ClientStatus, Time, Version};
use serde_json::{Map, Value, json};

pub(crate) const SECOND: i64 = 1_000_000_000;

/// A task that runs until it is killed; `simulate` holds the rules of its processes.
pub(crate) fn task(name: &str, simulate: &Value) -> Value {
    json!({"Name": name, "Driver": "docker", "Config": {"image": "app:1", "simulate": simulate},
        "KillTimeout": 5 * SECOND, "Resources": {"CPU": 10, "MemoryMB": 10}})
}

/// The ordinary task: ends half a second after the signal, needs half a second to start.
pub(crate) fn plain(name: &str) -> Value {
    task(
        name,
        &json!([{"kill_after": "500ms", "start_block_for": "500ms"}]),
    )
}

/// A prestart task that ends by itself after a second.
pub(crate) fn prestart(name: &str) -> Value {
    let rules = json!([{"run_for": "1s", "exit_code": 0}]);
    let lifecycle = json!({"Hook": "prestart", "Sidecar": false});
    with(&task(name, &rules), json!({"Lifecycle": lifecycle}))
}

/// A group without restart delays; a task that fails is started again twice, a failed allocation is not replaced.
pub(crate) fn group(name: &str, count: u32, tasks: &[Value]) -> Value {
    json!({"Name": name, "Count": count, "Tasks": tasks, "EphemeralDisk": {"SizeMB": 10},
        "RestartPolicy": {"Attempts": 2, "Interval": 1800 * SECOND, "Delay": SECOND, "Mode": "fail"},
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
        "Migrate": {"MaxParallel": 300, "HealthCheck": "task_states", "MinHealthyTime": SECOND,
                    "HealthyDeadline": 120 * SECOND},
        "Update": {"MaxParallel": 300, "HealthCheck": "task_states", "MinHealthyTime": SECOND,
                   "HealthyDeadline": 120 * SECOND, "ProgressDeadline": 300 * SECOND}})
}

pub(crate) fn job(groups: &[Value]) -> Value {
    json!({"ID": "web", "Name": "web", "Type": "service", "Datacenters": ["dc1"], "TaskGroups": groups})
}

/// The ordinary job: one group `web` of one task `app`.
pub(crate) fn web(count: u32) -> Value {
    job(&[group("web", count, &[plain("app")])])
}

/// The same job with the rules for the processes of its task.
pub(crate) fn web_with(count: u32, simulate: &Value) -> Value {
    job(&[group("web", count, &[task("app", simulate)])])
}

/// The specification with these keys replaced.
pub(crate) fn with(base: &Value, keys: Value) -> Value {
    let mut changed = base.clone();
    let keys: Map<String, Value> = serde_json::from_value(keys).unwrap();
    for (key, value) in keys {
        changed[key] = value;
    }
    changed
}

/// A cluster of two nodes, the same in every run.
pub(crate) fn cluster() -> Cluster {
    Cluster::new(config())
}

fn config() -> Config {
    Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        ..Config::seeded(5)
    }
    .with_nodes(2)
}

/// A cluster in which this job has been running for ten minutes.
pub(crate) async fn running(job: &Value) -> Cluster {
    run_on(cluster(), job).await
}

/// The same, on servers of this version.
pub(crate) async fn running_on(version: Version, job: &Value) -> Cluster {
    run_on(Cluster::new(config().with_version(version)), job).await
}

async fn run_on(cluster: Cluster, job: &Value) -> Cluster {
    cluster.register(job).unwrap();
    settled(&cluster, job["ID"].as_str().unwrap()).await;
    cluster
}

/// Waits until all allocations of a job run and its deployment is over, and ten minutes more.
pub(crate) async fn settled(cluster: &Cluster, job: &str) {
    cluster
        .until(|state| {
            let running = state
                .job_allocations("default", job)
                .all(|alloc| alloc.client == ClientStatus::Running || alloc.server_terminal());
            let deployed = state
                .job_deployments("default", job)
                .all(|deployment| deployment.status == "successful");
            let any = state.job_allocations("default", job).next().is_some();
            (running && deployed && any).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
}
