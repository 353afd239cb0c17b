//! A sliding window for machines: no lines of batches, and how many are away in each line of a start.

use std::collections::BTreeSet;

use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::{all, lines, the, types};
use crate::memory::jobs::{group, job, plain, running, web, web_with};
use crate::memory::scene::{Ran, allocations};
use crate::options::scene;

/// Seven allocations, each of which takes another time to start again.
fn seven() -> Value {
    let times = [2_000, 600, 3_100, 900, 2_400, 700, 1_500];
    let rules = (0..).zip(times).map(|(index, start)| {
        json!({"index": index, "kill_after": "100ms", "start_block_for": format!("{start}ms")})
    });
    web_with(7, &Value::Array(rules.collect()))
}

/// The number of every `alloc_start`, after it was held against the lines before: begun and not judged.
#[track_caller]
fn away(ran: &Ran) -> Vec<u64> {
    let mut begun = BTreeSet::new();
    let mut told = Vec::new();
    for line in lines(&ran.stdout) {
        let allocation = line["allocation"].as_str().map(str::to_owned);
        match line["type"].as_str() {
            Some("alloc_start") => {
                begun.insert(allocation.unwrap());
                let away = line["away"].as_u64().unwrap();
                assert_eq!(away, begun.len() as u64, "{line}\n{}", ran.stdout);
                told.push(away);
            }
            Some("alloc_done") => {
                begun.remove(&allocation.unwrap());
            }
            _ => {}
        }
    }
    told
}

#[tokio::test(start_paused = true)]
async fn no_batches_and_never_more_away_than_the_window() {
    for mode in ["-reschedule=false", "-all-tasks", "-reschedule"] {
        for size in [1, 3, 9] {
            let cluster = running(&seven()).await;
            let ids = allocations(&cluster, "web");
            let given = format!("-batch-size={size}");
            let args = ["-json", "-yes", "-batch-mode=window", &given, mode];
            let ran = scene(&cluster, &args).run().await.ended_with(0);
            let lines = lines(&ran.stdout);
            let kinds: BTreeSet<_> = types(&lines).into_iter().collect();
            assert!(!kinds.contains("batch_start") && !kinds.contains("batch_done"));
            let plan = the(&lines, "plan");
            let window = size.min(ids.len() as u64);
            assert_eq!(plan["window"], window);
            assert_eq!(plan["batches"].as_array().unwrap().len(), 1);
            for done in all(&lines, "alloc_done") {
                assert_eq!(done["batch"], Value::Null);
                assert_eq!(done["outcome"], "done");
            }
            let started: Vec<_> = all(&lines, "alloc_start")
                .into_iter()
                .map(|it| it["allocation"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(started, ids, "{mode} {size}");
            let away = away(&ran);
            // Full at all times once it is: whoever starts takes the last place.
            let expected: Vec<_> = (1..=ids.len() as u64).map(|it| it.min(window)).collect();
            assert_eq!(away, expected, "{mode} {size}\n{}", ran.stdout);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_with_several_tasks_is_away_once() {
    let both = group("both", 3, &[plain("app"), plain("log")]);
    let cluster = running(&job(&[both])).await;
    let args = [
        "-json",
        "-yes",
        "-batch-mode=window",
        "-batch-size=2",
        "-task=app",
        "-task=log",
    ];
    let ran = scene(&cluster, &args).run().await.ended_with(0);
    let away = away(&ran);
    assert_eq!(away.len(), 6);
    assert_eq!(away.iter().max(), Some(&2), "{away:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_failed_is_away_no_longer() {
    let cluster = running(&seven()).await;
    let refused = Fault::Status(500, "Could not find task runner".to_owned());
    let args = ["-json", "-yes", "-batch-mode=window", "-batch-size=2"];
    let ran = scene(&cluster, &args)
        .fault(Rule::on("/restart", refused).calls(1..=3))
        .run()
        .await
        .ended_with(1);
    let away = away(&ran);
    assert_eq!(away.len(), 7);
    assert_eq!(away.iter().max(), Some(&2), "{away:?}");
    assert_eq!(the(&lines(&ran.stdout), "summary")["counts"]["failed"], 3);
}

#[tokio::test(start_paused = true)]
async fn the_wait_of_each_place_is_told_once() {
    let cluster = running(&seven()).await;
    let args = [
        "-json",
        "-yes",
        "-batch-mode=window",
        "-batch-size=2",
        "-batch-wait=10s",
    ];
    let ran = scene(&cluster, &args).run().await.ended_with(0);
    let lines = lines(&ran.stdout);
    let waiting = the(&lines, "waiting");
    assert_eq!(waiting["for"], "next_allocation");
    assert_eq!(waiting["wait_ms"], 10_000);
    assert_eq!(away(&ran).iter().max(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn batches_count_too() {
    let cluster = running(&web(5)).await;
    let ran = scene(&cluster, &["-json", "-yes", "-batch-size=2"]);
    let ran = ran.run().await.ended_with(0);
    assert_eq!(away(&ran), [1, 2, 1, 2, 1]);
}
