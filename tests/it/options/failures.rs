//! `-max-failures`: failures are told when they happen and not asked about, until they are too many.

use std::time::Duration;

use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::scene;
use crate::memory::jobs::{running, web, web_with};
use crate::memory::scene::allocations;

fn boom() -> Rule {
    Rule::on(
        "/restart",
        Fault::Status(500, "Could not find task runner".to_owned()),
    )
}

#[tokio::test(start_paused = true)]
async fn up_to_the_number_the_run_goes_on() {
    for (max, code, touched) in [
        ("-max-failures=0", 4, 0),
        ("-max-failures=1", 4, 0),
        ("-max-failures=2", 3, 4),
        // Rounded down: one of six.
        ("-max-failures=33%", 4, 0),
        ("-max-failures=34%", 3, 4),
        ("-max-failures=100%", 3, 4),
    ] {
        let cluster = running(&web(6)).await;
        let ids = allocations(&cluster, "web");
        let ran = scene(&cluster, &["-yes", max, "-detailed-exitcode"])
            .fault(boom().calls(1..=2))
            .run()
            .await
            .ended_with(code);
        let expected: &[String] = if touched == 0 { &[] } else { &ids[2..] };
        assert_eq!(ran.touched(), expected, "{max}\n{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_when_there_are_too_many() {
    let cluster = running(&web(4)).await;
    let text = "Error restarting allocation \"<id 1>\": Unexpected response code: 500 (Could not find task runner)";
    let second = text.replace('1', "2");
    scene(&cluster, &["-yes", "-max-failures=1", "-batch-wait=5s"])
        .fault(boom().calls(1..=2))
        .run()
        .await
        .ended_with(1)
        .printed(&[
            "==> <TS>: Restarting 4 allocations",
            "    <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"",
            "==> <TS>: Waiting 5s before restarting the next batch",
            "    <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"",
            "==> <TS>: Stopping job restart due to error: 2 allocations failed and -max-failures allows 1",
            "==> <TS>: Job restart finished with errors",
        ])
        .explained(&format!("    <TS>: {text}\n    <TS>: {second}\n\n2 errors occurred"))
        .explained("0 of 4 allocations restarted, 2 failed, 2 not touched.\n");
}

#[tokio::test(start_paused = true)]
async fn in_mid_batch_what_is_not_sent_yet_is_not_touched() {
    // 42 calls are sent at once.
    let slow = json!([{"kill_after": "3s", "start_block_for": "4s"}]);
    let cluster = running(&web_with(60, &slow)).await;
    for (max, all) in [("-max-failures=1", false), ("-max-failures=2", true)] {
        let ran = scene(
            &cluster,
            &["-yes", "-batch-size=100%", max, "-detailed-exitcode"],
        )
        .fault(boom().calls(1..=2))
        .run()
        .await
        .ended_with(if all { 3 } else { 4 });
        let sent = ran.count(|entry| entry.path.ends_with("/restart"));
        assert_eq!(sent == 60, all, "{sent}");
        let untouched = if all {
            String::new()
        } else {
            format!(", {} not touched", 60 - sent)
        };
        ran.explained(&format!(
            "{} of 60 allocations restarted, 2 failed{untouched}.",
            sent - 2
        ));
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unrecoverable_error_stops_as_without_it() {
    let cluster = running(&web(3)).await;
    let denied = Fault::Status(403, "Permission denied".to_owned());
    let ran = scene(
        &cluster,
        &["-yes", "-max-failures=100%", "-detailed-exitcode"],
    )
    .fault(Rule::on("/restart", denied).nth(1))
    .run()
    .await
    .ended_with(1);
    assert!(
        ran.stdout
            .contains(": Stopping job restart due to unrecoverable error\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.writes().is_empty());
}
