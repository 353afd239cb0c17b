//! Life cycles of allocations and jobs: disconnected, collected, on their way out, rescheduled without end; and what is printed of them.

use std::time::Duration;

use nomad_sim::cluster::{Cluster, Config, NodeConfig};
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use crate::memory::jobs::{SECOND, group, job, plain, running, settled, task, web, web_with, with};
use crate::memory::scene::{Scene, allocations};

/// The entries of a list of allocations.
fn entries<'a>(path: &str, body: &'a mut Value) -> Option<&'a mut Vec<Value>> {
    body.as_array_mut()
        .filter(|_| path.ends_with("/allocations"))
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_named_in_full_with_verbose() {
    // T52
    let cluster = running(&web(2)).await;
    let mut changed = job(&[group(
        "web",
        2,
        &[task("app", &json!([{"start_block_for": "1m"}]))],
    )]);
    changed["TaskGroups"][0]["Update"]["MaxParallel"] = json!(1);
    cluster.register(&changed).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let deployment = cluster.read(|state| {
        let last = state.job_deployments("default", "web").last().unwrap();
        last.id.clone()
    });
    let ran = Scene::of(&cluster)
        .args(["-on-error=fail", "-verbose", "web"])
        .run()
        .await
        .ended_with(1)
        .explained(&format!("* Deployment \"{deployment}\" is \"running\"\n"));
    assert_eq!(deployment.len(), 36);
    assert!(ran.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_collected_before_its_turn_is_skipped() {
    // N19
    let cluster = running(&web_with(3, &json!([{"start_block_for": "20s"}]))).await;
    let ids = allocations(&cluster, "web");
    let gone = ids[1].clone();
    let truth = cluster.clone();
    let before = cluster.read_truth(|truth| truth.writes.len());
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .fault(Rule::on(
            &gone,
            Fault::Status(404, "alloc not found".to_owned()),
        ))
        .tamper(move |path, _, body| {
            let begun = truth.read_truth(|truth| truth.writes.len() > before);
            if let Some(list) = entries(path, body).filter(|_| begun) {
                list.retain(|it| it["ID"] != *gone);
            }
        })
        .run()
        .await
        .ended_with(0)
        .warned(&["    <TS>: Skipping allocation \"<id 1>\" because it no longer exists"]);
    assert_eq!(ran.touched(), [&*ids[0], &ids[2]]);
    let end = "Finished job restart\n\n2 of 3 allocations restarted, 1 skipped.\n";
    assert!(ran.stdout.ends_with(end), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_one_is_left_out_in_place() {
    // N21
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let away = ids[1].clone();
    let ran = Scene::of(&cluster)
        .args(["-yes", "-verbose", "web"])
        .tamper(move |path, _, body| {
            let list = entries(path, body).into_iter().flatten();
            for it in list.filter(|it| it["ID"] == *away) {
                it["ClientStatus"] = "unknown".into();
            }
        })
        .run()
        .await
        .ended_with(0);
    let reason = format!(
        "Skipping allocation \"{}\" because its node is disconnected (client status is \"unknown\"); -reschedule can move it\n",
        ids[1]
    );
    assert!(ran.stdout.contains(&reason), "{}", ran.stdout);
    assert_eq!(ran.touched(), [&*ids[0], &ids[2]]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_rescheduled_again_and_again_ends_at_the_limit() {
    // N24
    let rules = json!([{"replacement": true, "start_error": "image not found"}]);
    let policy = json!({"Delay": 5 * SECOND, "DelayFunction": "exponential", "MaxDelay": 600 * SECOND,
        "Unlimited": true, "Attempts": 0, "Interval": 0});
    let persistent = with(
        &group("web", 2, &[task("app", &rules)]),
        json!({"ReschedulePolicy": policy}),
    );
    let cluster = running(&job(&[persistent])).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "-timeout=5m", "web"])
        .run()
        .await
        .ended_with(1)
        .explained("not seen replaced by one that runs within 5m0s: ")
        .explained("image not found")
        .explained("0 of 2 allocations rescheduled, 1 failed, 1 not touched.");
    assert_eq!(ran.took().as_secs(), 300);
    assert_eq!(ran.touched(), ids[..1]);
    // Each attempt and each minute has its line.
    assert!(
        ran.stdout.matches(" replaced by ").count() >= 4,
        "{}",
        ran.stdout
    );
    let waiting = format!(
        "Still waiting for allocation \"{}\" to be replaced: ",
        &ids[0][..8]
    );
    assert!(ran.stdout.matches(&waiting).count() >= 4, "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_stopped_is_left_out() {
    // N29
    let slow = json!([{"kill_after": "25s", "start_block_for": "1s"}]);
    let slow = with(&task("app", &slow), json!({"KillTimeout": 29 * SECOND}));
    for mode in ["-all-tasks=false", "-reschedule"] {
        let cluster = running(&job(&[group("web", 3, std::slice::from_ref(&slow))])).await;
        cluster.scale("default", "web", "web", 1).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let left = allocations(&cluster, "web");
        assert_eq!(left.len(), 1);
        let ran = Scene::of(&cluster)
            .args(["-yes", "-verbose", mode, "web"])
            .run()
            .await
            .ended_with(0);
        let reason = "because desired status is \"stop\" and client status is \"running\"";
        assert_eq!(ran.stdout.matches(reason).count(), 2, "{}", ran.stdout);
        assert_eq!(ran.touched(), left, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_group_that_cannot_be_placed_fails() {
    // N40
    let large = json!({"Resources": {"CPU": 10, "MemoryMB": 200}});
    let nodes = [("large", 300), ("small", 100)].map(|(name, memory_mb)| NodeConfig {
        memory_mb,
        ..NodeConfig::named(name)
    });
    let cluster = Cluster::new(Config {
        nodes: nodes.to_vec(),
        ..Config::seeded(5)
    });
    let groups = [
        group("big", 1, &[with(&plain("app"), large)]),
        group("small", 1, &[plain("app")]),
    ];
    cluster.register(&job(&groups)).unwrap();
    settled(&cluster, "web").await;
    cluster.set_eligible("large", false);
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "-batch-size=2", "web"])
        .run()
        .await
        .ended_with(1)
        .explained("1 error occurred while restarting job:")
        .explained("has placement failures for group \"big\":")
        .explained("1 of 2 allocations rescheduled, 1 failed.");
    assert_eq!(ran.touched().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_state_is_printed_once() {
    // D77: the allocation changes with each event of its task; its state does not.
    let slow = json!([{"replacement": true, "start_block_for": "90s"}]);
    let cluster = running(&web_with(1, &slow)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "-verbose", "web"])
        .run()
        .await
        .ended_with(0);
    for (state, times) in [("pending", 1), ("running", 1), ("complete", 1)] {
        let text = format!("\" is \"{state}\"\n");
        let shown = ran.stdout.matches(&text).count();
        assert!(shown <= times, "{state} {}", ran.stdout);
    }
    assert!(ran.stdout.contains("\" is \"pending\"\n"), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn tasks_are_restarted_in_the_order_in_which_they_are_named() {
    // D78
    let names = ["c", "a", "d", "b"];
    let tasks = names.map(plain);
    for order in [["a", "b", "c", "d"], ["d", "c", "b", "a"]] {
        let cluster = running(&job(&[group("web", 2, &tasks)])).await;
        let named = order.map(|name| format!("-task={name}"));
        let ran = Scene::of(&cluster)
            .args(["-yes"])
            .args(named.each_ref().map(String::as_str))
            .args(["web"])
            .run()
            .await
            .ended_with(0);
        let shown = ran.stdout.split("Restarting task \"").skip(1);
        let shown: Vec<&str> = shown.map(|rest| &rest[..1]).collect();
        assert_eq!(shown, [order, order].concat(), "{}", ran.stdout);
    }
}
