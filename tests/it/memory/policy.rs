//! What follows a batch with errors, and the guard against deployments.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::jobs::{group, job, running, task, web, web_with, with};
use super::scene::{Ran, Scene, allocations};

fn boom() -> Rule {
    Rule::on(
        "/restart",
        Fault::Status(500, "Could not find task runner".to_owned()),
    )
}

#[tokio::test(start_paused = true)]
async fn with_yes_a_recoverable_error_does_not_stop_the_run() {
    // D54, D55
    let cluster = running(&web(4)).await;
    let ids = allocations(&cluster, "web");
    let text = "Error restarting allocation \"<id 1>\": Unexpected response code: 500 (Could not find task runner)";
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "-batch-wait=5s", "web"])
        .fault(boom().nth(1))
        .run()
        .await
        .ended_with(1)
        .printed(&[
            "==> <TS>: Restarting 4 allocations",
            "==> <TS>: Restarting 1st batch of 2 allocations",
            "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
            "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
            "==> <TS>: Waiting 5s before restarting the next batch",
            "==> <TS>: Restarting 2nd batch of 2 allocations",
            "    <TS>: Restarting running tasks in allocation \"<id 3>\" for group \"web\"",
            "    <TS>: Restarting running tasks in allocation \"<id 4>\" for group \"web\"",
            "==> <TS>: Job restart finished with errors",
        ])
        .warned(&[
            &format!("    <TS>: {text}"),
            "",
            "1 error occurred while restarting job:",
            &format!("* {text}"),
            "",
            "3 of 4 allocations restarted, 1 failed.",
        ]);
    assert_eq!(ran.touched(), ids[1..]);
}

#[tokio::test(start_paused = true)]
async fn on_error_fail_stops_after_the_batch() {
    // T55
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    for args in [&["-on-error=fail"][..], &["-on-error=fail", "-yes"]] {
        let mut scene = Scene::of(&cluster);
        for arg in args {
            scene = scene.args([*arg]);
        }
        let ran = scene
            .args(["web"])
            .fault(boom().nth(2))
            .run()
            .await
            .ended_with(1)
            .printed(&[
                "==> <TS>: Restarting 3 allocations",
                "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
                "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
                "==> <TS>: Stopping job restart due to error",
                "==> <TS>: Job restart finished with errors",
            ])
            .explained("1 of 3 allocations restarted, 1 failed, 1 not touched.\n    restarted: ");
        // Exactly two requests, one of which was accepted.
        assert_eq!(ran.count(|entry| entry.path.ends_with("/restart")), 2);
        assert_eq!(ran.touched(), ids[..1]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unrecoverable_error_leaves_the_unsent_members_of_its_batch() {
    // In mid-batch it leaves unsent members untouched and joins the sent ones. 42 calls are sent at once.
    let slow = json!([{"kill_after": "3s", "start_block_for": "4s"}]);
    let cluster = running(&web_with(60, &slow)).await;
    let denied = Fault::Status(403, "Permission denied".to_owned());
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=100%", "web"])
        .fault(Rule::on("/restart", denied).nth(1))
        .run()
        .await
        .ended_with(1);
    let sent = ran.count(|entry| entry.path.ends_with("/restart"));
    assert!(sent < 60, "{sent}");
    let text = format!(
        "{} of 60 allocations restarted, 1 failed, {} not touched.",
        sent - 1,
        60 - sent
    );
    ran.explained(&text);
}

/// Registers a new version of the job, which is rolled out one by one, for a minute.
fn update(cluster: &Cluster, count: u32) {
    let slow = task("app", &json!([{"start_block_for": "20s"}]));
    let slow = with(&slow, json!({"Env": {"VERSION": "2"}}));
    let mut changed = job(&[group("web", count, &[slow])]);
    changed["TaskGroups"][0]["Update"]["MaxParallel"] = json!(1);
    cluster.register(&changed).unwrap();
}

#[track_caller]
fn blocked(ran: Ran) -> Ran {
    ran.ended_with(1)
        .explained("* Deployment \"<id ")
        .explained("\" is \"running\"\n    Job \"web\" is being deployed in version 1")
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_runs_at_the_start() {
    // T52, A8, N34
    for mode in ["-all-tasks=false", "-reschedule"] {
        let cluster = running(&web(3)).await;
        update(&cluster, 3);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let ran = Scene::of(&cluster)
            .args(["-on-error=fail", mode, "web"])
            .run()
            .await;
        assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
        let ran = blocked(ran);
        assert!(ran.writes().is_empty(), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_starts_in_a_batch_is_noticed_after_what_is_in_flight_is_judged() {
    // N32, N33, D36, D37
    let cluster = running(&web_with(4, &json!([{"start_block_for": "5s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(2).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            update(&stage.cluster, 4);
        })
        .run()
        .await;
    let ran = blocked(ran);
    assert_eq!(ran.touched(), ids[..2]);
    let judged = ran.stdout.contains("Job restart finished with errors");
    assert!(
        judged && ran.took() > Duration::from_secs(5),
        "{}",
        ran.stdout
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_starts_in_a_pause_ends_it() {
    // N33, D38, D62
    let cluster = running(&web(4)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "-batch-wait=10m", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(2).await;
            tokio::time::sleep(Duration::from_secs(40)).await;
            update(&stage.cluster, 4);
        })
        .run()
        .await;
    let ran = blocked(ran).explained("2 of 4 allocations restarted, 2 not touched.");
    assert_eq!(ran.touched(), ids[..2]);
    assert!(ran.took() < Duration::from_secs(43), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_stopped_in_a_pause_ends_it() {
    // N35
    for (purge, ended) in [(false, "stopped"), (true, "purged")] {
        let cluster = running(&web(4)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=2", "-batch-wait=10m", "web"])
            .meanwhile(move |stage| async move {
                stage.joint.writes(2).await;
                tokio::time::sleep(Duration::from_secs(30)).await;
                stage.cluster.deregister("default", "web", purge).unwrap();
            })
            .run()
            .await
            .ended_with(1)
            .explained(&format!(
                "* Job \"web\" was {ended}, nothing more is restarted\n"
            ))
            .explained("2 of 4 allocations restarted, 2 not touched.");
        assert_eq!(ran.touched(), ids[..2]);
        assert!(ran.took() < Duration::from_secs(65), "{:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_has_ended_is_no_obstacle() {
    // N34
    let cluster = running(&web(2)).await;
    cluster.read(|state| {
        let last = state.job_deployments("default", "web").last().unwrap();
        assert_eq!(last.status, "successful");
    });
    Scene::of(&cluster)
        .args(["-yes", "web"])
        .run()
        .await
        .ended_with(0);
}
