//! What is not touched, and why: allocations left out at the start, and those that are skipped when their turn comes.

use std::time::Duration;

use serde_json::json;

use super::jobs::{cluster, group, job, plain, running, settled, task, web, web_with, with};
use super::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn failed_and_stopped_ones() {
    // D1. One of the four fails for good, one is scaled away, one has been replaced.
    let rules = json!([{"index": 0, "run_for": "60s", "exit_code": 1},
        {"index": 0, "start_from": 2, "run_for": "0s"}]);
    let cluster = cluster();
    cluster.register(&web_with(4, &rules)).unwrap();
    settled(&cluster, "web").await;
    cluster.scale("default", "web", "web", 3).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let replaced = allocations(&cluster, "web").pop().unwrap();
    cluster.stop_allocation(&replaced, false).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;

    let ran = Scene::of(&cluster)
        .args(["-yes", "-verbose", "web"])
        .run()
        .await
        .ended_with(0)
        .warned(&[]);
    for (reason, times) in [
        (
            "because it has failed and is not going to be rescheduled; \"nomad job eval -force-reschedule web\" replaces it now",
            1,
        ),
        (
            "because desired status is \"stop\" and client status is \"complete\"",
            1,
        ),
        ("because it has already been replaced by", 1),
        ("Restarting running tasks in allocation", 2),
    ] {
        assert_eq!(ran.stdout.matches(reason).count(), times, "{}", ran.stdout);
    }
    assert_eq!(ran.touched().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pending_one_is_left_out_in_place_and_rescheduled() {
    // N30, D26
    let slow = json!([{"index": 0, "start_block_for": "1h"}]);
    let cluster = cluster();
    cluster.register(&web_with(2, &slow)).unwrap();
    // Its deployment has failed for want of progress.
    tokio::time::sleep(Duration::from_secs(400)).await;
    let pending = allocations(&cluster, "web").remove(0);

    let ran = Scene::of(&cluster)
        .args(["-yes", "-verbose", "web"])
        .run()
        .await
        .ended_with(0);
    assert!(ran.stdout.contains(&format!(
        "Skipping allocation \"{pending}\" because none of its tasks is running (client status is \"pending\")"
    )));
    assert_eq!(ran.touched().len(), 1);
    assert!(!ran.touched().contains(&&*pending));

    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "-timeout=10s", "web"])
        .run()
        .await
        .ended_with(1)
        .explained("not seen replaced by one that runs within 10s");
    assert_eq!(ran.touched(), [&*pending]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_eligible() {
    // T49
    let cluster = cluster();
    let nowhere = with(&web(1), json!({"Datacenters": ["dc9"]}));
    cluster.register(&nowhere).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    let ran = ran
        .ended_with(0)
        .printed(&["No allocations to restart"])
        .warned(&[]);
    assert!(ran.writes().is_empty());

    // D26: what was left out for its state is counted.
    let rules = json!([{"run_for": "60s", "exit_code": 1}, {"start_from": 2, "run_for": "0s"}]);
    let cluster = super::jobs::cluster();
    cluster.register(&web_with(2, &rules)).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    let ran = ran.ended_with(0).warned(&[]).printed(&[
        "No allocations to restart",
        "Left out: 2 failed. \"nomad job eval -force-reschedule web\" replaces the failed ones now.",
    ]);
    assert!(ran.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unknown_groups_and_tasks_are_errors() {
    // N43, N45, T68, T69, T70, D6
    let cluster = running(&job(&[
        group("web", 1, &[plain("app")]),
        group("api", 1, &[plain("main")]),
    ]))
    .await;
    for (args, text) in [
        (
            ["-group=web,api", "-yes"],
            "Job \"web\" has no group \"web,api\". Known groups: \"api\", \"web\"",
        ),
        (
            ["-task=nope", "-yes"],
            "Job \"web\" has no task \"nope\". Known tasks: \"app\", \"main\"",
        ),
        (
            ["-task=app", "-group=api"],
            "Group \"api\" of job \"web\" has no task \"app\". Known tasks: \"main\"",
        ),
    ] {
        let ran = Scene::of(&cluster)
            .args(args)
            .args(["-on-error=fail", "web"])
            .run()
            .await
            .ended_with(1)
            .printed(&[])
            .warned(&[text]);
        assert!(ran.writes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_replaced_before_its_turn_is_skipped() {
    // N31, D28
    for (mode, verb) in [
        ("-all-tasks=false", "restarted"),
        ("-reschedule", "rescheduled"),
    ] {
        let cluster = running(&web_with(3, &json!([{"start_block_for": "20s"}]))).await;
        let ids = allocations(&cluster, "web");
        let second = ids[1].clone();
        let ran = Scene::of(&cluster)
            .args(["-yes", mode, "web"])
            .meanwhile(move |stage| async move {
                stage.joint.writes(1).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                stage.cluster.stop_allocation(&second, false).unwrap();
            })
            .run()
            .await
            .ended_with(0)
            .warned(&["    <TS>: Skipping allocation \"<id 1>\" because it has already been replaced by \"<id 2>\""]);
        let end = format!("Finished job restart\n\n2 of 3 allocations {verb}, 1 skipped.\n");
        assert!(ran.stdout.ends_with(&end), "{}", ran.stdout);
        assert!(ran.stderr.contains(&ids[1][..8]), "{}", ran.stderr);
        // The second write is the other's own.
        assert_eq!(ran.touched(), ids, "{mode}");
        assert_eq!(ran.count(|entry| entry.method == "PUT"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_skipped_with_two_tasks_is_told_once() {
    let slow = json!([{"start_block_for": "20s"}]);
    let tasks = [task("app", &slow), plain("side")];
    let cluster = running(&job(&[group("web", 2, &tasks)])).await;
    let second = allocations(&cluster, "web").remove(1);
    Scene::of(&cluster)
        .args(["-yes", "-task=app", "-task=side", "web"])
        .meanwhile(move |stage| async move {
            stage.joint.writes(1).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            stage.cluster.stop_allocation(&second, false).unwrap();
        })
        .run()
        .await
        .ended_with(0)
        .warned(&["    <TS>: Skipping allocation \"<id 1>\" because it has already been replaced by \"<id 2>\""]);
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_before_its_turn_is_skipped() {
    // N31
    let rules = json!([{"start_block_for": "20s"}]);
    let cluster = running(&web_with(4, &rules)).await;
    let ids = allocations(&cluster, "web");
    let node_of = |id: &str| cluster.read(|state| state.allocation(id).unwrap().node_name.clone());
    let drained = node_of(&ids[1]);
    let (away, stay): (Vec<_>, Vec<_>) = ids.iter().partition(|id| node_of(id) == drained);
    assert!(away.len() < 4 && node_of(&ids[0]) != drained, "{away:?}");
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(move |stage| async move {
            stage.joint.writes(1).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(stage.cluster.drain(&drained, true));
        })
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), stay);
    let skipped = ran.stderr.matches("Skipping allocation").count();
    assert_eq!(skipped, away.len(), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_scaled_away_before_its_turn_is_not_touched() {
    // N22: scaling starts a deployment, which ends the run.
    let cluster = running(&web_with(3, &json!([{"start_block_for": "20s"}]))).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(1).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            stage.cluster.scale("default", "web", "web", 1).unwrap();
        })
        .run()
        .await
        .ended_with(1)
        .explained("Nomad stops the allocation: alloc not needed due to job update; it is not running again")
        .explained("* Deployment \"<id 2>\" is \"running\"")
        .explained("0 of 3 allocations restarted, 1 failed, 2 not touched.");
    assert_eq!(ran.touched().len(), 1);
}
