//! Replacements that find no node, or find one late, and which allocations they are charged to.

use std::time::Duration;

use nomad_sim::cluster::{Cluster, Config, NodeConfig};
use nomad_sim::model::Time;
use serde_json::json;

use super::jobs::{group, job, plain, running, settled, web, with};
use super::reschedule::rescheduled;
use super::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn nowhere_to_go() {
    // T50, A5, D56
    let cluster = running(&web(3)).await;
    cluster.set_eligible("node-1", false);
    cluster.set_eligible("node-2", false);
    let ids = allocations(&cluster, "web");
    let failure = "Evaluation \"<id 2>\" has placement failures for group \"web\":";
    let ran = rescheduled(&cluster, &[]).await.ended_with(1).warned(&[
        &format!("    <TS>: Error restarting allocation \"<id 1>\": {failure}"),
        "                              * No nodes were eligible for evaluation",
        "",
        "1 error occurred while restarting job:",
        &format!("* Error restarting allocation \"<id 1>\": {failure}"),
        "    * No nodes were eligible for evaluation",
        "",
        "0 of 3 allocations rescheduled, 1 failed, 2 not touched.",
        "    failed: 27f1e5e5",
        "    not touched: 2e19c353, efb5c7f9",
    ]);
    assert!(
        ran.stdout
            .contains("Stopping job restart due to unrecoverable error")
    );
    assert_eq!(ran.touched(), ids[..1]);
    assert!(ran.took() < Duration::from_secs(3), "{:?}", ran.took());
}

/// Three allocations, with room for only two of them once the node `small` takes none.
async fn crowded() -> Cluster {
    let large = json!({"Resources": {"CPU": 100, "MemoryMB": 100}});
    let nodes = [("small", 100), ("large", 250)].map(|(name, memory_mb)| NodeConfig {
        memory_mb,
        ..NodeConfig::named(name)
    });
    let cluster = Cluster::new(Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        nodes: nodes.to_vec(),
        ..Config::seeded(5)
    });
    let group = group("web", 3, &[with(&plain("app"), large)]);
    cluster.register(&job(&[group])).unwrap();
    settled(&cluster, "web").await;
    cluster.set_eligible("small", false);
    cluster
}

#[tokio::test(start_paused = true)]
async fn one_of_three_cannot_be_placed() {
    // D47
    let cluster = crowded().await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduled(&cluster, &["-batch-size=3"])
        .await
        .ended_with(1)
        .explained("1 error occurred while restarting job:")
        .explained("    * Dimension \"memory\" exhausted on 1 nodes")
        .explained("2 of 3 allocations rescheduled, 1 failed.");
    assert_eq!(ran.touched(), ids);
    let without: Vec<_> = ids
        .iter()
        .filter(|id| ran.truth.allocations[*id].replaced_by.is_none())
        .collect();
    assert_eq!(without.len(), 1);
    let charged = format!("* Error restarting allocation \"{}\":", &without[0][..8]);
    assert!(ran.stderr.contains(&charged), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn placed_late_without_links() {
    // Recording c06
    let none = group("web", 0, &[plain("app")]);
    let cluster = running(&job(&[group("api", 2, &[plain("app")]), none])).await;
    cluster.scale("default", "web", "web", 2).unwrap();
    settled(&cluster, "web").await;
    let ids = allocations(&cluster, "web");
    for node in ["node-1", "node-2"] {
        cluster.set_eligible(node, false);
    }
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "-batch-size=2", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(2).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            stage.cluster.set_eligible("node-1", true);
        })
        .run()
        .await;
    let links = |id: &String| cluster.read(|state| state.allocation(id).unwrap().next.clone());
    assert!(ids[..2].iter().all(|id| links(id).is_empty()));
    // Both groups fit into one batch each, and the program says so; there is no other warning.
    let ran = ran.ended_with(0);
    assert!(
        ran.stderr
            .lines()
            .all(|line| line.contains("A batch holds every running allocation of group")),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.touched(), ids);
    assert!(
        ran.stdout
            .contains("of the replacements that were placed late: it is \"running\"\n"),
        "{}",
        ran.stdout
    );
    // The second batch waits for the end of the deployment that the first one's replacements began.
    let deployed = cluster.read(|state| {
        let ended = state.job_deployments("default", "web").last().unwrap();
        assert_eq!(ended.status, "successful");
        ended.modify_time
    });
    assert!(ran.writes()[2].time >= deployed);
}
