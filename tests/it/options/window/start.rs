//! Who starts when: one for each that is done, after the wait, and never beside more than the window.

use std::time::Duration;

use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::{away, longest_gap, most_away, scene, starts};
use crate::memory::jobs::{group, job, plain, running, task, web, web_with, with};
use crate::memory::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn what_is_printed() {
    // The second one takes long: the others pass it by.
    let cluster = running(&web_with(4, &starts(&[1_000, 8_000, 1_000, 1_000]))).await;
    let ids = allocations(&cluster, "web");
    let slow = cluster.read(|state| {
        let all = state.job_allocations("default", "web");
        let mut slow = all.filter(|it| it.name.ends_with("[1]"));
        slow.next().unwrap().id.clone()
    });
    let ran = scene(&cluster, &["-batch-size=2"]).run().await;
    let ran = ran.ended_with(0).warned(&[""]).printed(&[
        "==> <TS>: Restarting 4 allocations, at most 2 at once",
        "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
        "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
        "    <TS>: Restarting running tasks in allocation \"<id 3>\" for group \"web\"",
        "    <TS>: Restarting running tasks in allocation \"<id 4>\" for group \"web\"",
        "==> <TS>: Finished job restart",
        "",
        "All allocations restarted successfully!",
    ]);
    assert_eq!(ran.touched(), ids);
    let last = ran.writes()[3].time;
    assert!(last < ran.runs_again(&slow, "app"));
    assert_eq!(most_away(&ran), 2);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_window_whatever_brings_news() {
    for mode in ["-all-tasks", "-task=app", "-reschedule"] {
        for stream in [true, false] {
            for size in [1, 3, 7, 50] {
                let times: Vec<_> = (0..12).map(|it| 200 + it * 731 % 4_000).collect();
                let cluster = running(&web_with(12, &starts(&times))).await;
                let ids = allocations(&cluster, "web");
                let given = format!("-batch-size={size}");
                let mut scene = scene(&cluster, &[mode, &given]);
                if !stream {
                    scene = scene.without_stream();
                }
                let ran = scene.run().await.ended_with(0);
                assert_eq!(ran.touched(), ids, "{mode} {stream} {size}");
                assert_eq!(most_away(&ran), size.min(12), "{mode} {stream} {size}");
                let gap = longest_gap(&ran, size);
                assert!(
                    gap < Duration::from_millis(400),
                    "{mode} {stream} {size}: {gap:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_for_each_place_and_not_for_the_first_ones() {
    let times = [500, 3_000, 700, 900, 1_500, 1_100];
    let cluster = running(&web_with(6, &starts(&times))).await;
    let ran = scene(&cluster, &["-batch-size=2", "-batch-wait=10s"])
        .run()
        .await;
    let ran = ran.ended_with(0);
    let text = ": Waiting 10s after each allocation before restarting another one\n";
    assert_eq!(ran.stdout.matches(text).count(), 1, "{}", ran.stdout);
    let away = away(&ran);
    assert_eq!(away[0].from, away[1].from);
    let mut back: Vec<_> = away.iter().map(|it| it.until.unwrap()).collect();
    back.sort_unstable();
    for (back, next) in back.iter().zip(&away[2..]) {
        let waited = next.from.since(*back);
        assert!(
            waited >= Duration::from_secs(10) && waited < Duration::from_millis(10_400),
            "{waited:?}"
        );
    }
    // The two places wait beside each other, not one after the other, and nothing is waited for at the end.
    assert!(ran.took() < Duration::from_secs(27), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn what_is_skipped_makes_room_at_once() {
    let cluster = running(&web_with(4, &json!([{"start_block_for": "1s"}]))).await;
    let ids = allocations(&cluster, "web");
    let gone = ids[1].clone();
    let ran = scene(&cluster, &["-batch-wait=30s"])
        .meanwhile(move |stage| async move {
            stage.joint.writes(1).await;
            stage.cluster.stop_allocation(&gone, false).unwrap();
        })
        .run()
        .await
        .ended_with(0)
        .explained("Skipping allocation \"<id 1>\" because");
    let away = away(&ran);
    let ours: Vec<_> = ran
        .touched()
        .into_iter()
        .filter(|id| *id != ids[1])
        .collect();
    assert_eq!(ours, [&ids[0], &ids[2], &ids[3]].map(String::as_str));
    assert!(away.len() >= 3);
    assert!(ran.took() < Duration::from_secs(70), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn more_than_the_connections_allow() {
    // 42 calls are sent at once; the window is larger.
    let cluster = running(&web_with(
        60,
        &json!([{"kill_after": "1s", "start_block_for": "2s"}]),
    ))
    .await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-batch-size=50"])
        .run()
        .await
        .ended_with(0);
    assert!(
        ran.stdout
            .contains("At most 42 restart calls are sent at once"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.touched(), ids);
    assert!(most_away(&ran) <= 50);
}

#[tokio::test(start_paused = true)]
async fn the_guard_costs_no_read_for_each() {
    for (stream, most) in [(true, 12), (false, 80)] {
        let rules = json!([{"kill_after": "100ms", "start_block_for": "1s"}]);
        let cluster = running(&web_with(100, &rules)).await;
        let mut scene = scene(&cluster, &["-batch-size=4"]);
        if !stream {
            scene = scene.without_stream();
        }
        let ran = scene.run().await.ended_with(0);
        let guards = ran.count(|entry| {
            entry.method == "GET"
                && (entry.path == "/v1/job/web" || entry.path == "/v1/job/web/deployment")
        });
        assert!(guards <= most, "{stream}: {guards} in {:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn several_tasks_of_one_are_one_place() {
    let slow = |name| {
        task(
            name,
            &json!([{"kill_after": "1s", "start_block_for": "2s"}]),
        )
    };
    let other = with(&plain("side"), json!({}));
    let cluster = running(&job(&[group("web", 5, &[slow("app"), other])])).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-batch-size=2", "-task=app", "-task=side"])
        .run()
        .await
        .ended_with(0);
    let mut touched = ran.touched();
    assert_eq!(touched.len(), 10);
    touched.dedup();
    assert_eq!(touched, ids);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_continues_one() {
    for then in [0, 700, 1_900, 2_600, 5_300] {
        for mode in ["-reschedule=false", "-reschedule"] {
            let times = [900, 4_000, 1_200, 2_500, 700, 1_800, 1_000];
            let cluster = running(&web_with(7, &starts(&times))).await;
            let ids = allocations(&cluster, "web");
            let ran = scene(&cluster, &["-batch-size=3", mode])
                .signal_after(3, Duration::from_millis(then), 2)
                .run()
                .await
                .ended_with(130);
            assert!(most_away(&ran) <= 3);
            let command = ran.resume().to_owned();
            assert!(command.contains(" -batch-mode=window "), "{command}");
            let ran = Scene::of(&cluster)
                .command(&command)
                .run()
                .await
                .ended_with(0);
            let is_window =
                |line: &str| line.contains(": Restarting ") && line.contains(", at most ");
            assert!(
                ran.stdout.lines().any(is_window) || ran.writes().is_empty(),
                "{}",
                ran.stdout
            );
            for id in &ids {
                let writes = ran.truth.writes_on(id).count();
                assert_eq!(writes, 1, "{then} {mode} {id}\n{command}\n{}", ran.stdout);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_has_to_be_sent_again_keeps_its_place() {
    let cluster = running(&web(6)).await;
    let ids = allocations(&cluster, "web");
    let busy = Fault::Status(429, "slow down".to_owned());
    let ran = scene(&cluster, &["-batch-size=2"])
        .fault(Rule::on("/restart", busy).calls(2..=4))
        .run()
        .await
        .ended_with(0);
    let mut touched = ran.touched();
    touched.sort_unstable();
    let mut all: Vec<_> = ids.iter().map(String::as_str).collect();
    all.sort_unstable();
    assert_eq!(touched, all);
    assert!(most_away(&ran) <= 2);
}
