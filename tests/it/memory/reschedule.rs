//! Rescheduling: what ends the wait for a replacement, and what is charged to whom.

use std::time::Duration;

use http::Method;
use nomad_sim::cluster::{Behaviour, Cluster, Selector};
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::jobs::{SECOND, group, job, plain, prestart, running, task, web, web_with, with};
use super::scene::{Ran, Scene, allocations};

pub(super) async fn rescheduled(cluster: &Cluster, args: &[&str]) -> Ran {
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
async fn a_job_that_is_stopped_purged_or_scaled_down() {
    // N22, N35
    let not_needed = "\"<id 2>\" was stopped and is not replaced: alloc not needed due to job update; the job was scaled down, stopped or updated meanwhile";
    for (what, text) in [
        (
            "stop",
            "the job was stopped meanwhile; nothing is started again",
        ),
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
    // D49
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

/// Lets the servers forget an allocation once it is stopped, as their garbage collection does: without a word.
fn forgetting(cluster: &Cluster, id: &str) -> Scene {
    let gone = Fault::Status(404, "alloc not found".to_owned());
    let (forgotten, servers) = (id.to_owned(), cluster.clone());
    Scene::of(cluster)
        .args(["-yes", "-reschedule", "web"])
        .fault(Rule::on(&format!("/v1/allocation/{id}"), gone).method(Method::GET))
        .tamper(move |path, _, body| {
            let stopped = servers.read(|state| {
                let allocation = state.allocation(&forgotten);
                allocation.is_none_or(|it| it.server_terminal())
            });
            if let Some(list) = body.as_array_mut()
                && path.ends_with("/allocations")
                && stopped
            {
                list.retain(|allocation| allocation["ID"] != forgotten.as_str());
            }
        })
}

#[tokio::test(start_paused = true)]
async fn one_that_is_garbage_collected_after_its_stop() {
    // N18
    let slow = json!([{"replacement": true, "start_block_for": "20s"}]);
    let cluster = running(&web_with(1, &slow)).await;
    let ids = allocations(&cluster, "web");
    let ran = forgetting(&cluster, &ids[0]).run().await;
    let ran = ran.ended_with(0).warned(&[]);
    assert_eq!(ran.touched(), ids);
    assert!(ran.ended >= ran.runs_again(successor(&ran, &ids[0]), "app"));
    assert!(ran.reads() < 40, "{}", ran.reads());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_garbage_collected_and_never_replaced() {
    let cluster = running(&web(1)).await;
    let ids = allocations(&cluster, "web");
    for node in ["node-1", "node-2"] {
        cluster.set_eligible(node, false);
    }
    let ran = forgetting(&cluster, &ids[0])
        .fault(Rule::on(
            "/evaluations",
            Fault::Status(500, "boom".to_owned()),
        ))
        .run()
        .await
        .ended_with(1)
        .explained("\"<id 1>\" was stopped and nothing has replaced it: it no longer exists");
    assert_eq!(ran.touched(), ids);
    assert!(ran.reads() < 40, "{}", ran.reads());
}
