//! Signals without a terminal: nothing new is started, calls on their way are waited for, and the command that continues does the rest
//! and nothing else.

use std::time::Duration;

use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::jobs::{SECOND, group, job, running, task, web, web_with, with};
use super::scene::{Scene, allocations};

const SIGNALS: [(i32, u8); 3] = [(1, 129), (2, 130), (15, 143)];

#[tokio::test(start_paused = true)]
async fn before_the_look_up() {
    // D82
    for (signal, code) in SIGNALS {
        let cluster = running(&web(2)).await;
        let slow = Fault::Delay(Duration::from_secs(5));
        for wait in [0, 1] {
            let ran = Scene::of(&cluster)
                .args(["-yes", "web"])
                .fault(Rule::on("/v1/job", slow.clone()))
                .signal_after(0, Duration::from_secs(wait), signal)
                .run()
                .await
                .ended_with(code)
                .printed(&["", "Canceling job restart process"])
                .warned(&["", "No allocations were restarted."]);
            assert!(ran.writes().is_empty());
            assert!(ran.requests.len() <= 1, "{:?}", ran.requests);
            assert_eq!(ran.took().as_secs(), wait);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_batch() {
    // N56, N57, D63
    for (signal, code) in SIGNALS {
        let slow = json!([{"kill_after": "2s", "start_block_for": "5s"}]);
        let cluster = running(&web_with(5, &slow)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=2", "web"])
            .signal_after(3, Duration::from_secs(1), signal)
            .run()
            .await
            .ended_with(code)
            .printed(&[
                "==> <TS>: Restarting 5 allocations",
                "==> <TS>: Restarting 1st batch of 2 allocations",
                "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
                "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
                "==> <TS>: Restarting 2nd batch of 2 allocations",
                "    <TS>: Restarting running tasks in allocation \"<id 3>\" for group \"web\"",
                "    <TS>: Restarting running tasks in allocation \"<id 4>\" for group \"web\"",
                "",
                "Canceling job restart process",
            ]);
        let short: Vec<_> = ids.iter().map(|id| &id[..8]).collect();
        let summary = format!(
            "\n2 of 5 allocations restarted, 2 in flight, 1 not touched.
    restarted: {}, {}
    in flight, not seen running again yet: {}, {}
    not touched: {}

To continue, run:
    nomad-restart -yes -batch-size=2 -started-before=",
            short[0], short[1], short[2], short[3], short[4]
        );
        assert!(ran.stderr.starts_with(&summary), "{}", ran.stderr);
        assert_eq!(ran.touched(), ids[..4]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_surely_not_taken_is_not_in_flight() {
    let cluster = running(&web(2)).await;
    let busy = Fault::Status(429, "Too many requests".to_owned());
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .fault(Rule::on("/restart", busy))
        .signal_after(4, Duration::from_millis(100), 15)
        .run()
        .await
        .ended_with(143)
        .explained("0 of 2 allocations restarted, 2 not touched.");
    assert!(ran.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_on_their_way_are_waited_for_for_five_seconds() {
    // And what they bring about for a second and a half, within the five.
    for (kill_after, ended) in [("3s", 4), ("5900ms", 6), ("20s", 6)] {
        let slow = json!([{"kill_after": kill_after, "start_block_for": "60s"}]);
        let slow = with(&task("app", &slow), json!({"KillTimeout": 25 * SECOND}));
        let cluster = running(&job(&[group("web", 2, &[slow])])).await;
        let ran = Scene::of(&cluster)
            .args(["-yes", "web"])
            .signal_after(1, Duration::from_secs(1), 2)
            .run()
            .await
            .ended_with(130)
            .explained("0 of 2 allocations restarted, 1 in flight, 1 not touched.");
        assert_eq!(ran.took().as_secs(), ended, "{kill_after}");
        assert_eq!(ran.touched().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_runs_again_while_calls_are_waited_for_is_done() {
    // Of two allocations in flight one is slow to end; the other runs again meanwhile.
    let rules = json!([{"index": 0, "kill_after": "4s", "start_block_for": "30s"},
        {"index": 1, "kill_after": "1s"}]);
    let cluster = running(&web_with(2, &rules)).await;
    Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "web"])
        .signal_after(2, Duration::from_millis(500), 2)
        .run()
        .await
        .ended_with(130)
        .explained("1 of 2 allocations restarted, 1 in flight.");
}

#[tokio::test(start_paused = true)]
async fn in_a_pause() {
    // N60, N57
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-wait=10m", "web"])
        .signal_after(1, Duration::from_secs(20), 15)
        .run()
        .await
        .ended_with(143)
        .explained("1 of 3 allocations restarted, 2 not touched.")
        .explained("nomad-restart -yes -batch-wait=10m -started-before=");
    assert_eq!(ran.touched(), ids[..1]);
    assert_eq!(ran.took().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn while_a_write_waits_to_be_sent_again() {
    // D64. The gate is closed: what was not taken is not sent any more.
    let cluster = running(&web(2)).await;
    let busy = Fault::Status(429, "slow down".to_owned());
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .fault(Rule::on("/restart", busy))
        .signal_after(2, Duration::from_millis(100), 2)
        .run()
        .await
        .ended_with(130)
        .explained("0 of 2 allocations restarted, 2 not touched.");
    assert!(ran.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn in_a_batch_larger_than_the_connections_allow() {
    // What waits for a connection is not touched any more.
    let slow = json!([{"kill_after": "3s", "start_block_for": "10s"}]);
    let cluster = running(&web_with(60, &slow)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=100%", "web"])
        .signal_after(42, Duration::from_secs(1), 15)
        .run()
        .await
        .ended_with(143)
        .explained("0 of 60 allocations restarted, 42 in flight, 18 not touched.");
    assert_eq!(ran.touched(), ids[..42]);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_at_once() {
    // N56, D61
    let slow = json!([{"kill_after": "4s"}]);
    let cluster = running(&web_with(2, &slow)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .signal_after(1, Duration::from_secs(1), 2)
        .signal_after(1, Duration::from_secs(2), 15)
        .run()
        .await
        .ended_with(143);
    assert_eq!(ran.took().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_errors_they_are_not_lost() {
    // N59
    let cluster = running(&web(3)).await;
    let refused = Fault::Status(500, "Could not find task runner".to_owned());
    Scene::of(&cluster)
        .args(["-yes", "-batch-wait=1m", "web"])
        .fault(Rule::on("/restart", refused).nth(1))
        .signal_after(1, Duration::from_secs(20), 2)
        .run()
        .await
        .ended_with(130)
        .explained("1 error occurred while restarting job:\n* Error restarting allocation \"<id 1>\": Unexpected response code: 500 (Could not find task runner)\n")
        .explained("0 of 3 allocations restarted, 1 failed, 2 not touched.");
}

#[tokio::test(start_paused = true)]
async fn the_command_that_continues_does_the_rest() {
    // D27, D74. Also when it is run at once, with restarts of the first run still under way.
    for mode in ["-all-tasks=false", "-all-tasks", "-reschedule", "-task=app"] {
        for pause in [0, 300, 700, 1500, 2100, 3000, 5100] {
            for at_once in [false, true] {
                let slow = json!([{"kill_after": "1s", "start_block_for": "2s"}]);
                let cluster = running(&web_with(5, &slow)).await;
                let ids = allocations(&cluster, "web");
                let mut scene = Scene::of(&cluster)
                    .args(["-yes", mode, "-batch-size=2", "web"])
                    .signal_after(1, Duration::from_millis(pause), 15);
                if at_once {
                    scene = scene.cut_off();
                }
                let ran = scene.run().await.ended_with(143);
                let command = ran.resume().to_owned();
                let ran = Scene::of(&cluster).command(&command).run().await;
                let ran = ran.ended_with(0);
                for id in &ids {
                    let writes: Vec<_> = ran.truth.writes_on(id).collect();
                    assert_eq!(
                        writes.len(),
                        1,
                        "{mode} {pause} {at_once} {id}\n{command}\n{}{writes:?}",
                        ran.stdout
                    );
                }
            }
        }
    }
}
