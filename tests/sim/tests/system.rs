//! System jobs: what a stop and an evaluate do together, as recordings d01 to d03 found it.

use std::time::Duration;

use nomad_sim::cluster::{Cluster, Config, State};
use nomad_sim::model::ClientStatus;
use serde_json::{Value, json};
use tokio::time::sleep;

fn job(groups: usize) -> Value {
    let groups: Vec<Value> = (0..groups)
        .map(|number| {
            json!({"Name": format!("g{number}"), "Count": 1, "Tasks": [{
                "Name": "app", "Driver": "mock_driver", "Config": {"run_for": "1h"},
                "Resources": {"CPU": 10, "MemoryMB": 10}}],
                "Update": {"MinHealthyTime": 500_000_000, "MaxParallel": 10}})
        })
        .collect();
    json!({"ID": "agent", "Type": "system", "Datacenters": ["dc1"], "TaskGroups": groups})
}

async fn steady(nodes: usize, groups: usize) -> Cluster {
    let cluster = Cluster::new(Config::seeded(11).with_nodes(nodes));
    cluster.register(&job(groups)).unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(cluster.read(running), nodes * groups);
    cluster
}

fn running(state: &State) -> usize {
    let allocs = state.job_allocations("default", "agent");
    allocs
        .filter(|a| a.client == ClientStatus::Running && !a.server_terminal())
        .count()
}

fn ids(state: &State) -> Vec<String> {
    let allocs = state.job_allocations("default", "agent");
    allocs
        .filter(|a| !a.terminal())
        .map(|a| a.id.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_allocation_of_each_group_runs_on_every_node() {
    let cluster = steady(3, 2).await;
    let mut places: Vec<(String, String)> = cluster.read(|state| {
        let allocs = state.job_allocations("default", "agent");
        allocs
            .map(|a| (a.group.clone(), a.node_name.clone()))
            .collect()
    });
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn stops_leave_successors_out_and_one_evaluate_after_them_brings_all() {
    let cluster = steady(3, 1).await;
    let old = cluster.read(ids);
    for id in &old {
        cluster.stop_allocation(id, false).unwrap();
    }
    sleep(Duration::from_secs(30)).await;
    // The evaluation of a later stop finds the node of an earlier one free.
    assert!(cluster.read(running) < 3);
    cluster.evaluate("default", "agent", false).unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(cluster.read(running), 3);
    cluster.read(|state| {
        for id in &old {
            let old = state.allocation(id).unwrap();
            let new = state.allocation(&old.next).unwrap();
            assert_eq!(new.previous, old.id);
            assert_eq!(new.node_id, old.node_id);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn stop_and_evaluate_pairs_lose_a_replacement_until_one_more_evaluate() {
    let cluster = steady(1, 3).await;
    for id in cluster.read(ids) {
        cluster.stop_allocation(&id, false).unwrap();
        cluster.evaluate("default", "agent", false).unwrap();
    }
    sleep(Duration::from_secs(30)).await;
    assert!(
        cluster.read(running) < 3,
        "the evaluations were processed together"
    );
    let cancelled = cluster.read(|state| {
        let evals = state.job_evaluations("default", "agent");
        evals
            .filter(|e| e.status_description == "canceled after more recent eval was processed")
            .count()
    });
    assert!(cancelled > 0);
    cluster.evaluate("default", "agent", false).unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(cluster.read(running), 3);
}
