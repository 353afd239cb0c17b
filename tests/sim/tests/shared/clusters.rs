//! A small cluster, always the same, and a job that runs on it. Shared by test targets.

use nomad_sim::cluster::{Cluster, Config};
use nomad_sim::model::{ClientStatus, Time, Version};
use serde_json::Value;

/// One node, always the same ids, always the same time of day.
pub(crate) fn cluster_of(version: Version) -> Cluster {
    Cluster::new(Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        version,
        ..Config::seeded(11)
    })
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
