//! Rescheduling: what ends the wait for a replacement, and what is charged to whom.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Config, NodeConfig, Selector};
use nomad_sim::model::Time;
use serde_json::{Value, json};

use super::jobs::{
    SECOND, group, job, plain, prestart, running, settled, task, web, web_with, with,
};
use super::scene::{Ran, Scene, allocations};

async fn rescheduled(cluster: &Cluster, args: &[&str]) -> Ran {
    let mut scene = Scene::of(cluster).args(["-yes", "-reschedule"]);
    for arg in args {
        scene = scene.args([*arg]);
    }
    scene.args(["web"]).run().await
}

/// One group whose failed allocations are replaced so often, five seconds later.
fn persistent(count: u32, simulate: &Value, attempts: u32) -> Value {
    let policy = json!({"Attempts": attempts, "Interval": 3600 * SECOND, "Delay": 5 * SECOND,
        "DelayFunction": "constant", "Unlimited": false});
    let group = group("web", count, &[task("app", simulate)]);
    job(&[with(&group, json!({"ReschedulePolicy": policy}))])
}

/// The successor of an allocation, whether or not the API links them.
#[track_caller]
fn successor<'a>(ran: &'a Ran, id: &str) -> &'a str {
    ran.truth.allocations[id].replaced_by.as_deref().unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_by_one() {
    // A3
    let cluster = running(&web(2)).await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduled(&cluster, &[]).await.ended_with(0).warned(&[]).printed(&[
        "==> <TS>: Restarting 2 allocations",
        "    <TS>: Rescheduling allocation \"<id 1>\" for group \"web\"",
        "    <TS>: Allocation \"<id 1>\" replaced by \"<id 2>\", waiting for \"<id 2>\" to start running",
        "    <TS>: Allocation \"<id 2>\" is \"running\"",
        "    <TS>: Rescheduling allocation \"<id 3>\" for group \"web\"",
        "    <TS>: Allocation \"<id 3>\" replaced by \"<id 4>\", waiting for \"<id 4>\" to start running",
        "    <TS>: Allocation \"<id 4>\" is \"running\"",
        "==> <TS>: Finished job restart",
        "",
        "All allocations restarted successfully!",
    ]);
    assert_eq!(ran.touched(), ids);
    let first = successor(&ran, &ids[0]);
    assert!(ran.writes()[1].time >= ran.runs_again(first, "app"));
    assert!(ran.stdout.contains(&first[..8]));
}

#[tokio::test(start_paused = true)]
async fn in_batches() {
    // T35
    let cluster = running(&web(5)).await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduled(&cluster, &["-batch-size=3"])
        .await
        .ended_with(0)
        .warned(&[]);
    for header in ["1st batch of 3 allocations", "2nd batch of 2 allocations"] {
        assert!(ran.stdout.contains(header), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("Waiting"), "{}", ran.stdout);
    assert_eq!(ran.touched(), ids);
    let judged = ids[..3]
        .iter()
        .map(|id| ran.runs_again(successor(&ran, id), "app"))
        .max();
    assert!(ran.writes()[3].time >= judged.unwrap());
}

#[tokio::test(start_paused = true)]
async fn one_group_only() {
    // T36
    let cluster = running(&job(&[
        group("web", 2, &[plain("app")]),
        group("api", 2, &[plain("app")]),
    ]))
    .await;
    let ran = rescheduled(&cluster, &["-group=api"]).await.ended_with(0);
    let groups = ran
        .touched()
        .into_iter()
        .map(|id| ran.truth.allocations[id].group.as_str());
    assert!(groups.eq(["api", "api"]));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_replaced_twice() {
    // N25, T51
    let cluster = running(&persistent(1, &json!([]), 5)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "web"])
        .meanwhile(|stage| async move {
            let replacements = || Selector::job("web").replacements();
            let broken = Behaviour::start_fails("image not found");
            stage.cluster.behave(replacements(), broken);
            tokio::time::sleep(Duration::from_secs(8)).await;
            stage
                .cluster
                .behave(replacements(), Behaviour::start_fails(""));
        })
        .run()
        .await;
    let replaced = |by: u32, old: u32| {
        format!(
            "    <TS>: Allocation \"<id {old}>\" replaced by \"<id {by}>\", waiting for \"<id {by}>\" to start running"
        )
    };
    ran.ended_with(0).warned(&[]).printed(&[
        "==> <TS>: Restarting 1 allocation",
        "    <TS>: Rescheduling allocation \"<id 1>\" for group \"web\"",
        &replaced(2, 1),
        &replaced(3, 2),
        &replaced(4, 3),
        "    <TS>: Allocation \"<id 4>\" is \"running\"",
        "==> <TS>: Finished job restart",
        "",
        "All allocations restarted successfully!",
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_fails_for_good() {
    // N23
    let rules = json!([{"replacement": true, "start_error": "image not found"}]);
    let cluster = running(&persistent(2, &rules, 1)).await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduled(&cluster, &[]).await.ended_with(1).explained(
        "Error restarting allocation \"<id 1>\": \"<id 2>\" failed and Nomad has not planned another attempt: task \"app\" failed: Driver Failure: image not found (Not Restarting: Error was unrecoverable); see \"nomad alloc status",
    ).explained("0 of 2 allocations rescheduled, 1 failed, 1 not touched.");
    assert!(
        ran.stdout
            .contains("Stopping job restart due to unrecoverable error")
    );
    assert_eq!(ran.touched(), ids[..1]);
    assert!(ran.took() < Duration::from_secs(15), "{:?}", ran.took());
    let first = successor(&ran, &ids[0]);
    assert!(
        ran.stderr.contains(&successor(&ran, first)[..8]),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn nowhere_to_go() {
    // T50, A5
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
    // CLAIMS 6
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
    let ran = ran.ended_with(0).warned(&[]);
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

#[tokio::test(start_paused = true)]
async fn a_job_that_is_stopped_purged_or_scaled_down() {
    // N22, N35
    let not_needed = "\"<id 2>\" was stopped and is not replaced: alloc not needed due to job update; the job was scaled down, stopped or updated meanwhile";
    for (what, text) in [
        ("stop", not_needed),
        ("scale", not_needed),
        (
            "purge",
            "the job was purged meanwhile; nothing is started again",
        ),
    ] {
        let slow = json!([{"replacement": true, "start_block_for": "30s"}]);
        let cluster = running(&web_with(3, &slow)).await;
        let ran = Scene::of(&cluster)
            .args(["-yes", "-reschedule", "web"])
            .meanwhile(move |stage| async move {
                stage.joint.writes(1).await;
                tokio::time::sleep(Duration::from_secs(10)).await;
                match what {
                    "scale" => stage.cluster.scale("default", "web", "web", 0),
                    what => stage.cluster.deregister("default", "web", what == "purge"),
                }
                .unwrap();
            })
            .run()
            .await
            .ended_with(1)
            .explained(&format!("Error restarting allocation \"<id 1>\": {text}"))
            .explained("0 of 3 allocations rescheduled, 1 failed, 2 not touched.");
        assert_eq!(ran.touched().len(), 1, "{what}");
        assert!(
            ran.took() < Duration::from_secs(12),
            "{what} {:?}",
            ran.took()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_prestart_task_that_runs_is_not_enough() {
    // CLAIMS 29
    let init = with(
        &prestart("init"),
        json!({"Config": {"image": "app:1", "simulate": [{"run_for": "20s"}]}}),
    );
    let cluster = running(&job(&[group("web", 2, &[init, plain("app")])])).await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduled(&cluster, &[]).await.ended_with(0);
    assert_eq!(ran.touched(), ids);
    let first = successor(&ran, &ids[0]);
    assert!(ran.writes()[1].time >= ran.runs_again(first, "app"));
    assert!(ran.took() > Duration::from_secs(40), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_predecessor_that_ends_slowly() {
    let slow = with(
        &group("web", 1, &[plain("app")]),
        json!({"ShutdownDelay": 70 * SECOND}),
    );
    let cluster = running(&job(&[slow])).await;
    let ran = rescheduled(&cluster, &[]).await.ended_with(0).warned(&[]).printed(&[
        "==> <TS>: Restarting 1 allocation",
        "    <TS>: Rescheduling allocation \"<id 1>\" for group \"web\"",
        "    <TS>: Allocation \"<id 1>\" replaced by \"<id 2>\", waiting for \"<id 2>\" to start running",
        "    <TS>: Still waiting for allocation \"<id 1>\" to be replaced: \"<id 2>\" is \"pending\" until \"<id 1>\" has ended",
        "    <TS>: Allocation \"<id 2>\" is \"running\"",
        "==> <TS>: Finished job restart",
        "",
        "All allocations restarted successfully!",
    ]);
    assert_eq!(ran.took().as_secs(), 71);
}

#[tokio::test(start_paused = true)]
async fn with_and_without_the_shutdown_delay() {
    // T53, T54
    let slow = with(&plain("app"), json!({"ShutdownDelay": 30 * SECOND}));
    for (args, seconds) in [(&[][..], 31), (&["-no-shutdown-delay"], 1)] {
        let cluster = running(&job(&[group("web", 1, std::slice::from_ref(&slow))])).await;
        let ran = rescheduled(&cluster, args).await.ended_with(0);
        assert_eq!(ran.took().as_secs(), seconds, "{args:?}");
    }
}
