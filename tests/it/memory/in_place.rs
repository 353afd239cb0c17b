//! Restarts in place: which tasks, which allocations, how many at once, and that a batch ends when its tasks run again.

use std::time::Duration;

use serde_json::{Value, json};

use super::jobs::{SECOND, group, job, plain, prestart, running, task, web, web_with, with};
use super::scene::{Ran, Scene, allocations};

/// The job of the peer's own tests: `single` (3 allocations: `main`), `multiple` (2: `init` that has finished, `side`, `main`).
fn two_groups() -> Value {
    let side = with(
        &plain("side"),
        json!({"Lifecycle": {"Hook": "prestart", "Sidecar": true}}),
    );
    job(&[
        group("single", 3, &[plain("main")]),
        group("multiple", 2, &[prestart("init"), side, plain("main")]),
    ])
}

/// What [`two_groups`] was left with: how often each task was started in this run, by group.
fn starts(ran: &Ran) -> Vec<(&str, &str, usize)> {
    let mut all: Vec<_> = ran
        .truth
        .allocations
        .iter()
        .flat_map(|(id, alloc)| {
            let tasks = alloc.processes.keys();
            tasks.map(|task| (alloc.group.as_str(), task.as_str(), ran.starts(id, task)))
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[tokio::test(start_paused = true)]
async fn one_by_one() {
    // A1
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    let ran = ran.ended_with(0).warned(&[]).printed(&[
        "==> <TS>: Restarting 3 allocations",
        "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
        "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
        "    <TS>: Restarting running tasks in allocation \"<id 3>\" for group \"web\"",
        "==> <TS>: Finished job restart",
        "",
        "All allocations restarted successfully!",
    ]);
    assert_eq!(ran.touched(), ids);
}

#[tokio::test(start_paused = true)]
async fn the_next_one_is_touched_when_the_one_before_runs_again() {
    // D33. The agent answers the call when the old process has ended, four seconds too early.
    let cluster = running(&web_with(3, &json!([{"start_block_for": "4s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    let ran = ran.ended_with(0);
    assert_eq!(ran.touched(), ids);
    let writes = ran.writes();
    for (id, next) in ids.iter().zip(&writes[1..]) {
        assert!(
            next.time >= ran.runs_again(id, "app"),
            "{id} did not run yet when {} was touched",
            next.target
        );
    }
    assert!(ran.took() > Duration::from_secs(12), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn by_default_what_runs_is_restarted_and_what_has_finished_is_not() {
    // T23
    let cluster = running(&two_groups()).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=100%", "web"])
        .run()
        .await
        .ended_with(0);
    assert_eq!(
        starts(&ran),
        [
            ("multiple", "init", 0),
            ("multiple", "main", 1),
            ("multiple", "side", 1),
            ("single", "main", 1),
        ]
    );
    assert_eq!(ran.writes().len(), 5);
    assert!(ran.stdout.contains("Restarting 1st batch of 5 allocations"));
    assert!(!ran.stdout.contains("Waiting"), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn all_tasks_starts_with_the_prestart_task() {
    // T26, T4
    let cluster = running(&two_groups()).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-all-tasks", "-group=multiple", "web"])
        .run()
        .await
        .ended_with(0)
        .warned(&[])
        .printed(&[
            "==> <TS>: Restarting 2 allocations",
            "    <TS>: Restarting all tasks in allocation \"<id 1>\" for group \"multiple\"",
            "    <TS>: Restarting all tasks in allocation \"<id 2>\" for group \"multiple\"",
            "==> <TS>: Finished job restart",
            "",
            "All allocations restarted successfully!",
        ]);
    // T31
    assert_eq!(
        starts(&ran),
        [
            ("multiple", "init", 1),
            ("multiple", "main", 1),
            ("multiple", "side", 1),
            ("single", "main", 0),
        ]
    );
    // The second one is touched when the last task of the first runs again, not when its first does.
    let (first, second) = (ran.writes()[0], ran.writes()[1]);
    assert!(second.time >= ran.runs_again(&first.target, "main"));
}

#[tokio::test(start_paused = true)]
async fn named_tasks_in_every_allocation_that_has_them() {
    // T25, D32, D78
    let cluster = running(&two_groups()).await;
    let ran = Scene::of(&cluster)
        .args([
            "-yes",
            "-verbose",
            "-task=main",
            "-task=side",
            "-batch-size=100%",
            "web",
        ])
        .run()
        .await
        .ended_with(0);
    assert_eq!(
        starts(&ran),
        [
            ("multiple", "init", 0),
            ("multiple", "main", 1),
            ("multiple", "side", 1),
            ("single", "main", 1),
        ]
    );
    // One call per task, none for all of them.
    assert_eq!(ran.writes().len(), 3 + 2 * 2);
    for (text, times) in [
        ("Restarting task \"main\" in allocation", 5),
        ("Restarting task \"side\" in allocation", 2),
        ("Skipping task \"side\" in allocation", 3),
        ("because the allocation doesn't have it", 3),
    ] {
        assert_eq!(ran.stdout.matches(text).count(), times, "{}", ran.stdout);
    }
}

#[tokio::test(start_paused = true)]
async fn one_named_task_in_one_group() {
    // T24, T29, T30
    for (args, expected) in [
        (vec!["-task=main"], [0, 1, 0, 1]),
        (vec!["-task=main", "-group=single"], [0, 0, 0, 1]),
        (
            vec!["-task=main", "-task=side", "-group=multiple"],
            [0, 1, 1, 0],
        ),
        (vec!["-group=single"], [0, 0, 0, 1]), // T27
        (vec!["-task=side"], [0, 0, 1, 0]),
    ] {
        let cluster = running(&two_groups()).await;
        let mut scene = Scene::of(&cluster).args(["-yes"]);
        for arg in &args {
            scene = scene.args([arg]);
        }
        let ran = scene.args(["web"]).run().await.ended_with(0);
        let counts: Vec<usize> = starts(&ran).into_iter().map(|(.., count)| count).collect();
        assert_eq!(counts, expected, "{args:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_task_that_has_finished_is_an_error_and_not_touched() {
    // T28
    let cluster = running(&two_groups()).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-task=init", "web"])
        .run()
        .await
        .ended_with(1);
    assert!(ran.writes().is_empty(), "{:?}", ran.writes());
    ran.printed(&[
        "==> <TS>: Restarting 2 allocations",
        "==> <TS>: Job restart finished with errors",
    ])
    .warned(&[
        "    <TS>: Error restarting allocation \"<id 1>\": Failed to restart task \"init\": Task not running",
        "    <TS>: Error restarting allocation \"<id 2>\": Failed to restart task \"init\": Task not running",
        "",
        "2 errors occurred while restarting job:",
        "* Error restarting allocation \"<id 1>\": Failed to restart task \"init\": Task not running",
        "* Error restarting allocation \"<id 2>\": Failed to restart task \"init\": Task not running",
        "",
        "0 of 2 allocations restarted, 2 failed.",
    ]);
}

#[tokio::test(start_paused = true)]
async fn batches_with_a_wait_between_them() {
    // T32, T33, A2
    for size in ["-batch-size=3", "-batch-size=50%"] {
        let cluster = running(&web(5)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", size, "-batch-wait=3s", "web"])
            .run()
            .await
            .ended_with(0)
            .warned(&[])
            .printed(&[
                "==> <TS>: Restarting 5 allocations",
                "==> <TS>: Restarting 1st batch of 3 allocations",
                "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
                "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
                "    <TS>: Restarting running tasks in allocation \"<id 3>\" for group \"web\"",
                "==> <TS>: Waiting 3s before restarting the next batch",
                "==> <TS>: Restarting 2nd batch of 2 allocations",
                "    <TS>: Restarting running tasks in allocation \"<id 4>\" for group \"web\"",
                "    <TS>: Restarting running tasks in allocation \"<id 5>\" for group \"web\"",
                "==> <TS>: Finished job restart",
                "",
                "All allocations restarted successfully!",
            ]);
        assert_eq!(ran.touched(), ids);
        let judged = ids[..3].iter().map(|id| ran.runs_again(id, "app")).max();
        let writes = ran.writes();
        let pause = writes[3].time.since(judged.unwrap());
        assert!(
            (Duration::from_secs(3)..Duration::from_millis(3300)).contains(&pause),
            "{pause:?}"
        );
        // The members of a batch are touched together.
        assert!(writes[2].time.since(writes[0].time) < Duration::from_millis(10));
        assert!(writes[4].time.since(writes[3].time) < Duration::from_millis(10));
    }
}

#[tokio::test(start_paused = true)]
async fn yes_neither_asks_nor_waits() {
    // T34
    let cluster = running(&web(3)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "-batch-wait=ask", "web"])
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched().len(), 3);
    assert!(
        !ran.stdout.contains('?') && !ran.stdout.contains("Waiting"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(start_paused = true)]
async fn what_ignores_the_signal_is_waited_for_until_it_is_killed() {
    let stubborn = json!([{"ignore_signal": true}]);
    let stubborn = with(&task("app", &stubborn), json!({"KillTimeout": 20 * SECOND}));
    let cluster = running(&job(&[group("web", 2, &[stubborn])])).await;
    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    let ran = ran.ended_with(0).warned(&[]);
    let writes = ran.writes();
    assert!(writes[1].time.since(writes[0].time) >= Duration::from_secs(20));
    assert!(writes[1].time >= ran.runs_again(&writes[0].target, "app"));
}

#[tokio::test(start_paused = true)]
async fn the_group_delay_is_waited_for_except_for_a_single_task() {
    // Recording b05
    let delayed = with(
        &group("web", 1, &[plain("app")]),
        json!({"ShutdownDelay": 30 * SECOND}),
    );
    for (args, least, most) in [(vec![], 30, 33), (vec!["-task=app"], 0, 3)] {
        let cluster = running(&job(std::slice::from_ref(&delayed))).await;
        let mut scene = Scene::of(&cluster).args(["-yes"]);
        for arg in &args {
            scene = scene.args([arg]);
        }
        let ran = scene.args(["web"]).run().await.ended_with(0);
        let took = ran.took();
        let range = Duration::from_secs(least)..Duration::from_secs(most);
        assert!(range.contains(&took), "{args:?} {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_is_waited_for_with_a_line_a_minute() {
    // N67, D50
    let cluster = running(&web_with(
        1,
        &json!([{"start": 2, "start_block_for": "200s"}]),
    ))
    .await;
    let waiting = "    <TS>: Still waiting for allocation \"<id 1>\" to be running again: \"<id 1>\" is \"pending\": task \"app\" is \"pending\" (Restarting: Task restarting in 0s)";
    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    ran.ended_with(0).warned(&[]).printed(&[
        "==> <TS>: Restarting 1 allocation",
        "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
        waiting,
        waiting,
        waiting,
        "==> <TS>: Finished job restart",
        "",
        "All allocations restarted successfully!",
    ]);
}
