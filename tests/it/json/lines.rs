//! The lines on the way: what each tells, and its exact shape.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Selector};
use serde_json::{Value, json};

use super::{all, lines, the, types};
use crate::memory::jobs::{SECOND, group, job, plain, running, web, web_with, with};
use crate::memory::scene::allocations;
use crate::options::scene;

#[tokio::test(start_paused = true)]
async fn in_place() {
    // D74
    let cluster = running(&web(3)).await;
    let ran = scene(
        &cluster,
        &["-json", "-yes", "-batch-size=2", "-batch-wait=1m30s"],
    );
    let ran = ran.run().await.ended_with(0);
    let lines = lines(&ran.stdout);
    assert_eq!(
        types(&lines),
        [
            "version",
            "plan",
            "batch_start",
            "alloc_start",
            "alloc_start",
            "alloc_done",
            "alloc_done",
            "batch_done",
            "waiting",
            "batch_start",
            "alloc_start",
            "alloc_done",
            "batch_done",
            "summary",
        ]
    );
    assert_eq!(the(&lines, "waiting")["wait_ms"], 90_000);
    assert_eq!(the(&lines, "plan")["dry_run"], false);
    let batch = all(&lines, "batch_start")[1];
    assert_eq!(
        [
            &batch["batch"],
            &batch["batches"],
            &batch["batch_size"],
            &batch["allocations"]
        ],
        [2, 2, 2, 1]
    );
    for line in all(&lines, "alloc_start") {
        assert_eq!(line["action"], "restart_running_tasks");
        assert_eq!(line["group"], "web");
    }
    // Half a second to end, half a second to start, and what Nomad takes to tell.
    for line in all(&lines, "alloc_done") {
        let took = line["duration_ms"].as_u64().unwrap();
        assert!((1_000..4_000).contains(&took), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn reschedule_and_the_way_to_the_replacement() {
    let cluster = running(&web_with(1, &json!([{"start_block_for": "90s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-json", "-yes", "-reschedule"]);
    let ran = ran.run().await.ended_with(0);
    let new = allocations(&cluster, "web");
    let lines = lines(&ran.stdout);
    let replaced = the(&lines, "alloc_replaced");
    assert_eq!(replaced["allocation"], *ids[0]);
    assert_eq!(replaced["replaced"], *ids[0]);
    assert_eq!(replaced["replacement"], *new[0]);
    let progress = all(&lines, "alloc_progress");
    assert!(
        progress.iter().all(|it| it["allocation"] == *ids[0]),
        "{progress:#?}"
    );
    let of_new: Vec<_> = progress
        .iter()
        .filter(|it| it["current"] == *new[0])
        .collect();
    let statuses: Vec<_> = of_new
        .iter()
        .filter_map(|it| it["status"].as_str())
        .collect();
    assert_eq!(statuses, ["pending", "running"]);
    // Once a minute.
    assert_eq!(
        of_new.iter().filter(|it| it["state"].is_string()).count(),
        1
    );
    let done = the(&lines, "alloc_done");
    assert_eq!(done["replacement"], *new[0]);
    assert_eq!(the(&lines, "summary")["action"], "reschedule");
}

#[tokio::test(start_paused = true)]
async fn named_tasks_and_those_that_are_missing() {
    let both = group("both", 1, &[plain("app"), plain("log")]);
    let cluster = running(&job(&[group("one", 1, &[plain("app")]), both])).await;
    let ran = scene(
        &cluster,
        &["-json", "-yes", "-task=app", "-task=log", "-batch-size=2"],
    );
    let ran = ran.run().await.ended_with(0);
    let lines = lines(&ran.stdout);
    let mut tasks: Vec<_> = all(&lines, "alloc_start")
        .into_iter()
        .map(|it| (it["group"].as_str().unwrap(), it["task"].as_str().unwrap()))
        .collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [("both", "app"), ("both", "log"), ("one", "app")]);
    // One for each allocation.
    assert_eq!(all(&lines, "alloc_done").len(), 2);
    let missing: Vec<_> = all(&lines, "diagnostic")
        .into_iter()
        .filter(|it| it["message"].as_str().unwrap().contains("\"log\""))
        .collect();
    assert_eq!(missing.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn warnings_are_lines_and_on_stderr() {
    let cluster = running(&web(2)).await;
    let ran = scene(&cluster, &["-json", "-yes", "-batch-size=100%"]);
    let ran = ran.run().await.ended_with(0);
    let lines = lines(&ran.stdout);
    let warning = the(&lines, "diagnostic");
    assert_eq!(warning["severity"], "warning");
    let text = warning["message"].as_str().unwrap();
    assert!(
        ran.stderr.contains(&format!("Warning: {text}")),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_waited_for() {
    let cluster = running(&web(2)).await;
    let slow = web_with(2, &json!([{"start_block_for": "30s"}]));
    cluster.register(&slow).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ran = scene(&cluster, &["-json", "-yes", "-on-deployment=wait"]);
    let ran = ran.run().await.ended_with(0);
    let lines = lines(&ran.stdout);
    let waiting = all(&lines, "waiting")[0];
    assert_eq!(waiting["for"], "deployment");
    assert_eq!(waiting["wait_ms"], Value::Null);
    assert_eq!(waiting["deployment"]["status"], "running");
}

#[tokio::test(start_paused = true)]
async fn a_skipped_allocation_and_one_that_fails_after_it_was_done() {
    let policy = json!({"Attempts": 0, "Interval": 1800 * SECOND, "Delay": SECOND, "Mode": "fail"});
    let once = with(
        &group("web", 3, &[plain("app")]),
        json!({"RestartPolicy": policy}),
    );
    let cluster = running(&job(&[once])).await;
    let ids = allocations(&cluster, "web");
    // The first one of the batch is back at once and fails three seconds later, while the second one is still waited for.
    let start = |id: &str| Selector::default().allocation(id).start(2);
    cluster.behave(start(&ids[0]), Behaviour::exits_after(3 * SECOND, 9));
    cluster.behave(start(&ids[1]), Behaviour::starts_after(15 * SECOND));
    let victim = ids[2].clone();
    let ran = scene(
        &cluster,
        &["-json", "-yes", "-batch-size=2", "-batch-wait=30s"],
    )
    .meanwhile(|stage| async move {
        stage.joint.writes(2).await;
        stage.cluster.stop_allocation(&victim, false).unwrap();
    });
    let ran = ran.run().await.ended_with(1);
    let lines = lines(&ran.stdout);
    let told: Vec<_> = all(&lines, "alloc_done")
        .into_iter()
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap();
            (text("allocation"), text("outcome"))
        })
        .collect();
    assert_eq!(
        told,
        [
            (&*ids[0], "done"),
            (&*ids[1], "done"),
            (&*ids[0], "failed"),
            (&*ids[2], "skipped"),
        ],
        "{}",
        ran.stdout
    );
    let ends = all(&lines, "alloc_done");
    let error = &ends[2]["error"];
    assert_eq!(error["class"], "failure");
    let text = error["message"].as_str().unwrap();
    assert!(
        text.starts_with("it ran again and has failed since: task \"app\" failed"),
        "{text}"
    );
    assert!(ends[2]["duration_ms"].as_u64() > ends[0]["duration_ms"].as_u64());
    assert_eq!(ends[3]["duration_ms"], Value::Null);
    let reason = &ends[3]["reason"];
    assert!(reason.is_string());

    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "done_with_errors");
    let fates = summary["allocations"].as_array().unwrap();
    assert_eq!(fates[0]["outcome"], "failed");
    assert_eq!(fates[0]["error"], *error);
    assert_eq!(fates[2]["reason"], *reason);
    let batch = all(&lines, "batch_done")[0];
    assert_eq!([&batch["done"], &batch["failed"]], [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_was_skipped_needs_no_other_run() {
    let cluster = running(&web(3)).await;
    let victim = allocations(&cluster, "web")[1].clone();
    let ran =
        scene(&cluster, &["-json", "-yes", "-batch-wait=30s"]).meanwhile(|stage| async move {
            stage.joint.writes(1).await;
            stage.cluster.stop_allocation(&victim, false).unwrap();
        });
    let ran = ran.run().await.ended_with(0);
    let lines = lines(&ran.stdout);
    let summary = the(&lines, "summary");
    assert_eq!(summary["counts"]["skipped"], 1);
    assert_eq!(summary["resume"], Value::Null);
}
