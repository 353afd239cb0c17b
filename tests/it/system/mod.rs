//! System, batch and sysbatch jobs under `-reschedule`, over the simulated cluster in memory: what replaces their allocations, which
//! right that takes, and how servers of different versions differ in it.

mod batch;
mod lifecycle;
mod rights;
mod system_jobs;
mod versions;

use nomad_sim::cluster::{Cluster, Config, State};
use nomad_sim::model::{ClientStatus, Time, Version};
use serde_json::{Value, json};

use crate::memory::jobs::{job, plain, settled, with};
use crate::memory::scene::{Ran, Scene};

/// A system job: one allocation of each of these groups on every node.
pub(crate) fn system(groups: &[&str]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|name| daemon(name, &plain("app")))
        .collect();
    with(&job(&groups), json!({"Type": "system"}))
}

/// A group of a system job, which has no `migrate` and no `reschedule` block.
fn daemon(name: &str, task: &Value) -> Value {
    let second = 1_000_000_000_i64;
    json!({"Name": name, "Count": 1, "Tasks": [task], "EphemeralDisk": {"SizeMB": 10},
        "RestartPolicy": {"Attempts": 2, "Interval": 1800 * second, "Delay": second, "Mode": "fail"},
        "Update": {"MaxParallel": 10, "HealthCheck": "task_states", "MinHealthyTime": second,
                   "HealthyDeadline": 120 * second, "ProgressDeadline": 300 * second}})
}

/// A cluster of three nodes.
fn three_nodes(seed: u64) -> Cluster {
    older(Version::default(), seed)
}

/// The same with this version of Nomad.
pub(crate) fn older(version: Version, seed: u64) -> Cluster {
    let config = Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        ..Config::seeded(seed)
    };
    Cluster::new(config.with_version(version).with_nodes(3))
}

/// A cluster of three nodes on which this job has been running for ten minutes.
async fn steady(job: &Value) -> Cluster {
    let cluster = three_nodes(5);
    cluster.register(job).unwrap();
    settled(&cluster, "web").await;
    cluster
}

/// Runs `nomad-restart -yes -reschedule … web`.
fn rescheduling(cluster: &Cluster, args: &[&str]) -> Scene {
    let mut scene = Scene::of(cluster).args(["-yes", "-reschedule"]);
    for arg in args {
        scene = scene.args([*arg]);
    }
    scene.args(["web"])
}

/// How many allocations of the job are to run and run.
fn running(cluster: &Cluster) -> usize {
    cluster.read(|state: &State| {
        state
            .job_allocations("default", "web")
            .filter(|alloc| alloc.client == ClientStatus::Running && !alloc.server_terminal())
            .count()
    })
}

/// How many evaluations the program asked for.
fn evaluations(ran: &Ran) -> usize {
    ran.count(|entry| entry.method == "PUT" && entry.path.ends_with("/evaluate"))
}

/// Fails unless each of these allocations was stopped once and another one runs in its place.
#[track_caller]
fn all_replaced(ran: &Ran, ids: &[String]) {
    let mut touched = ran.touched();
    touched.sort_unstable();
    let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(touched, expected);
    for id in ids {
        let by = ran.truth.allocations[id].replaced_by.as_deref();
        let by = by.unwrap_or_else(|| panic!("{id} was not replaced:\n{}", ran.stdout));
        ran.runs_again(by, "app");
    }
}
