//! Restarts in place that fail: each ends by itself, with a sentence that names the cause.

use std::time::Duration;

use nomad_sim::cluster::{State, Truth};
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::jobs::{SECOND, group, job, plain, running, task, web, web_with, with};
use super::scene::{Ran, Scene, Stage, allocations};

/// One allocation whose task obeys these rules, with this restart policy.
async fn restarted(simulate: &Value, policy: Value, args: &[&str]) -> Ran {
    let group = with(
        &group("web", 1, &[task("app", simulate)]),
        json!({"RestartPolicy": policy}),
    );
    let cluster = running(&job(&[group])).await;
    let mut scene = Scene::of(&cluster).args(["-yes"]);
    for arg in args {
        scene = scene.args([*arg]);
    }
    scene.args(["web"]).run().await
}

fn policy(attempts: u32, delay: i64, mode: &str) -> Value {
    json!({"Attempts": attempts, "Interval": 1800 * SECOND, "Delay": delay * SECOND, "Mode": mode})
}

/// What stderr holds when the one allocation of a run failed with this text.
#[track_caller]
fn failed_with(mut ran: Ran, text: &str) -> Ran {
    // What the task's events and logs add is for the tests of that.
    let is_evidence =
        |line: &str| line.starts_with("      ") || line.trim_start().starts_with("Last events of");
    ran.stderr = ran
        .stderr
        .split_inclusive('\n')
        .filter(|line| !is_evidence(line))
        .collect();
    let entry = format!("Error restarting allocation \"<id 1>\": {text}");
    ran.ended_with(1)
        .warned(&[
            &format!("    <TS>: {entry}"),
            "",
            "1 error occurred while restarting job:",
            &format!("* {entry}"),
            "",
            "0 of 1 allocation restarted, 1 failed.",
        ])
        .printed(&[
            "==> <TS>: Restarting 1 allocation",
            "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
            "==> <TS>: Job restart finished with errors",
        ])
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop() {
    let crashes = json!([{"start_from": 2, "run_for": "0s", "exit_code": 78}]);
    let ran = restarted(&crashes, policy(10, 5, "fail"), &[]).await;
    let ran = failed_with(
        ran,
        "task \"app\" does not stay up: restarted 3 times since (Terminated: Exit Code: 78); see \"nomad alloc logs -stderr 2845ca54 app\"",
    );
    assert!(ran.took() < Duration::from_secs(30), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_for_good() {
    let crashes = json!([{"start_from": 2, "run_for": "0s", "exit_code": 78}]);
    let ran = restarted(&crashes, policy(1, 5, "fail"), &[]).await;
    let ran = failed_with(
        ran,
        "task \"app\" failed: Terminated: Exit Code: 78 (Not Restarting: Exceeded allowed attempts 1 in interval 30m0s and mode is \"fail\"); see \"nomad alloc status 2845ca54\"",
    );
    assert!(ran.took() < Duration::from_secs(30), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn what_fails_while_the_rest_of_its_batch_is_waited_for_is_not_done() {
    let rules = json!([{"index": 0, "start_from": 2, "run_for": "5s", "exit_code": 3},
        {"index": 1, "start_block_for": "30s"}]);
    let group = with(
        &group("web", 2, &[task("app", &rules)]),
        json!({"RestartPolicy": policy(0, 1, "fail")}),
    );
    let cluster = running(&job(&[group])).await;
    Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "web"])
        .run()
        .await
        .ended_with(1)
        .explained(
            "it ran again and has failed since: task \"app\" failed: Terminated: Exit Code: 3",
        )
        .explained("1 of 2 allocations restarted, 1 failed.");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_once_is_no_failure() {
    // The restart policy tries again.
    let rules =
        json!([{"start": 2, "start_error": "pull failed", "start_error_recoverable": true}]);
    let ran = restarted(&rules, policy(3, 5, "fail"), &[]).await;
    let ran = ran.ended_with(0).warned(&[]);
    assert!(ran.took() > Duration::from_secs(5), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_again_and_again() {
    let rules =
        json!([{"start_from": 2, "start_error": "pull failed", "start_error_recoverable": true}]);
    let ran = restarted(&rules, policy(1, 5, "fail"), &[]).await;
    failed_with(
        ran,
        "task \"app\" failed: Driver Failure: pull failed (Not Restarting: Exceeded allowed attempts 1 in interval 30m0s and mode is \"fail\"); see \"nomad alloc status 2845ca54\"",
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_that_cannot_succeed() {
    // Recording b09
    let rules = json!([{"start_from": 2, "start_error": "no such image"}]);
    let ran = restarted(&rules, policy(10, 5, "fail"), &[]).await;
    let ran = failed_with(
        ran,
        "task \"app\" failed: Driver Failure: no such image (Not Restarting: Error was unrecoverable); see \"nomad alloc status 2845ca54\"",
    );
    assert!(ran.took() < Duration::from_secs(5), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn what_ends_the_wait_for_two_tasks_is_one_error() {
    let broken = json!([{"start_from": 2, "start_error": "image not found"}]);
    let tasks = [task("app", &broken), plain("side")];
    let cluster = running(&job(&[group("web", 1, &tasks)])).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-task=app", "-task=side", "web"])
        .run()
        .await
        .ended_with(1)
        .explained("1 error occurred while restarting job:")
        .explained("0 of 1 allocation restarted, 1 failed.");
    // When it happens, and in the list.
    let told = ran.stderr.matches("Error restarting allocation").count();
    assert_eq!(told, 2, "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn a_next_start_beyond_the_time_limit() {
    let crashes = json!([{"start_from": 2, "run_for": "0s", "exit_code": 1}]);
    let ran = restarted(&crashes, policy(3, 600, "fail"), &["-timeout=2m"]).await;
    let ran = failed_with(
        ran,
        "task \"app\" is not started again before 11m12s have passed, which is beyond the time limit of 2m0s (Terminated: Exit Code: 1); the restart policy of its group sets the delay, -timeout the limit",
    );
    assert!(ran.took() < Duration::from_secs(30), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_longer_than_the_time_limit() {
    let slow = json!([{"start_from": 2, "start_block_for": "10m"}]);
    let ran = restarted(&slow, policy(1, 5, "fail"), &["-timeout=20s"]).await;
    let ran = failed_with(
        ran,
        "not seen running again within 20s: \"<id 1>\" is \"pending\": task \"app\" is \"pending\" (Restarting: Task restarting in 0s); that may still come, -timeout gives it longer",
    );
    assert_eq!(ran.took().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_restart_without_effect() {
    // D34. Something answered for the agent.
    let cluster = running(&web(1)).await;
    let answer = Fault::Status(200, "{\"Index\":0}".to_owned());
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .fault(Rule::on("/restart", answer))
        .run()
        .await;
    let ran = failed_with(ran, "not restarted: no task was running");
    assert!(ran.took() < Duration::from_secs(12), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_a_run_that_asks_nothing() {
    let slow = json!([{"start_from": 2, "start_block_for": "10m"}]);
    let cluster = running(&web_with(3, &slow)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=20s", "web"])
        .run()
        .await
        .ended_with(1)
        .explained("0 of 3 allocations restarted, 1 failed, 2 not touched.")
        .printed(&[
            "==> <TS>: Restarting 3 allocations",
            "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
            "==> <TS>: Stopping job restart due to unrecoverable error",
            "==> <TS>: Job restart finished with errors",
        ]);
    assert_eq!(ran.touched(), ids[..1]);
}

#[tokio::test(start_paused = true)]
async fn stopped_by_somebody_else_while_it_is_being_restarted() {
    let slow = json!([{"start_from": 2, "start_block_for": "30s"}]);
    let cluster = running(&web_with(1, &slow)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move {
            let id = in_flight(&stage).await;
            stage.cluster.stop_allocation(&id, false).unwrap();
        })
        .run()
        .await;
    let ran = failed_with(
        ran,
        "replaced by \"<id 2>\" while it was being restarted: alloc is being migrated",
    );
    assert!(ran.took() < Duration::from_secs(12), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_while_it_restarts_one() {
    // N20
    let slow = json!([{"start_from": 2, "start_block_for": "30s"}]);
    let cluster = running(&web_with(1, &slow)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move {
            let id = in_flight(&stage).await;
            let allocation = |state: &State| state.allocation(&id).map(|it| it.node_name.clone());
            let node = stage.cluster.read(allocation).unwrap();
            assert!(stage.cluster.kill_agent(&node));
        })
        .run()
        .await;
    failed_with(
        ran,
        "replaced by \"<id 2>\" while it was being restarted: alloc is lost since its node is down",
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_stopped_or_purged_meanwhile() {
    // N35
    for (purge, cause, ended) in [
        (
            false,
            "Nomad stops the allocation: alloc not needed due to job update; it is not running again",
            "stopped",
        ),
        (true, "the allocation no longer exists", "purged"),
    ] {
        let slow = json!([{"start_from": 2, "start_block_for": "30s"}]);
        let cluster = running(&web_with(2, &slow)).await;
        let ran = Scene::of(&cluster)
            .without_stream()
            .args(["-yes", "web"])
            .meanwhile(move |stage| async move {
                in_flight(&stage).await;
                stage.cluster.deregister("default", "web", purge).unwrap();
            })
            .run()
            .await
            .ended_with(1)
            .warned(&[
                &format!("    <TS>: Error restarting allocation \"<id 1>\": {cause}"),
                "",
                "2 errors occurred while restarting job:",
                &format!("* Error restarting allocation \"<id 1>\": {cause}"),
                &format!("* Job \"web\" was {ended}, nothing more is restarted"),
                "",
                "0 of 2 allocations restarted, 1 failed, 1 not touched.",
                "    failed: 1d67c34f",
                "    not touched: 2e19c353",
            ]);
        assert_eq!(ran.writes().len(), 1, "{purge}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_purged_and_registered_again() {
    // N39: the allocations of the new one are not those of this run.
    let slow = json!([{"start_from": 2, "start_block_for": "30s"}]);
    let cluster = running(&web_with(2, &slow)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move {
            in_flight(&stage).await;
            stage.cluster.deregister("default", "web", true).unwrap();
            stage.cluster.register(&web(2)).unwrap();
        })
        .run()
        .await
        .ended_with(1)
        .explained("Error restarting allocation \"<id 1>\": the allocation no longer exists\n")
        .explained("Skipping allocation \"<id 2>\" because it no longer exists\n")
        .explained("0 of 2 allocations restarted, 1 failed, 1 skipped.");
    assert_eq!(ran.touched(), ids[..1]);
}

/// Waits until the first restart has been under way for ten seconds; gives its allocation.
async fn in_flight(stage: &Stage) -> String {
    stage.joint.writes(1).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let last = |truth: &Truth| truth.writes.last().map(|write| write.target.clone());
    stage.cluster.read_truth(last).unwrap()
}
