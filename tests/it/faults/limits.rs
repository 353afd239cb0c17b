//! An agent that counts connections: the program never needs more than its share, and lives with less.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use nomad_sim::front::{Fault, Rule};
use serde_json::json;
use tokio::sync::oneshot;

use super::{IN_PLACE, RESCHEDULE, SUCCESS, after, batch_by_batch, four, seconds, unhurried};
use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn large_batches_keep_below_an_agents_limit() {
    // N5, N69. The agent's default limit, of which the program takes half at most, calls that it has given up included.
    let slow = json!([{"kill_after": "2s", "start_block_for": "1s"}]);
    for count in [200, 500] {
        let cluster = running(&web_with(count, &slow)).await;
        for mode in [IN_PLACE, RESCHEDULE] {
            let ids = allocations(&cluster, "web");
            let (sender, agent) = oneshot::channel();
            let ran = Scene::of(&cluster)
                .args(["-yes", "-batch-size=100%", mode, "web"])
                .meanwhile(|stage| async move {
                    stage.agent.limit_connections(Some(100));
                    sender.send(stage.agent).unwrap();
                })
                .run()
                .await
                .ended_with(0);
            let agent = agent.await.unwrap();
            assert!(ran.stdout.ends_with(SUCCESS));
            batch_by_batch(&ran, &ids, ids.len());
            assert!(
                agent.most_connections() <= 50,
                "{}",
                agent.most_connections()
            );
            assert_eq!(agent.turned_away(), 0);
            let writes = ran.count(|entry| entry.method == "PUT");
            assert_eq!(writes, ids.len());
            if count == 200 {
                assert!(ran.reads() < 100, "{mode}: {}", ran.reads());
            } else {
                // A list of 500 is too large to be followed: what is in flight is read one by one, once a second, with its successor.
                let most = 2 * ids.len() * usize::try_from(ran.took().as_secs() + 1).unwrap();
                assert!(ran.reads() <= most, "{mode}: {}", ran.reads());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_turns_every_call_away_at_first() {
    // 429 to the first attempt of each request, as often as it is made anew.
    for (mode, size) in [(IN_PLACE, 2), (RESCHEDULE, 2)] {
        let cluster = running(&web_with(4, &unhurried())).await;
        let ids = allocations(&cluster, "web");
        let seen = Mutex::new(HashMap::<(Method, String), u32>::new());
        let first = move |method: &Method, path: &str, _: &str| {
            let mut seen = seen.lock().unwrap();
            let count = seen.entry((method.clone(), path.to_owned())).or_default();
            *count += 1;
            *count % 2 == 1
        };
        let ran = Scene::of(&cluster)
            .args(["-yes", &format!("-batch-size={size}"), mode, "web"])
            .fault(Rule::on("", Fault::Busy).when(first))
            .run()
            .await
            .ended_with(0);
        assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
        batch_by_batch(&ran, &ids, size);
        assert_eq!(ran.writes().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_always_too_busy() {
    // Before the first write: up to 20 s; with work under way: a minute.
    let text =
        "429 (Your IP is issuing too many concurrent connections, please rate limit your calls)";
    let cluster = running(&web_with(4, &unhurried())).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .fault(Rule::on("", Fault::Busy))
        .run()
        .await
        .ended_with(1)
        .printed(&[])
        .explained(&format!(
            "Error querying job \"web\": Unexpected response code: {text}"
        ));
    assert!(ran.writes().is_empty());
    assert_eq!(ran.took().as_secs(), 20);

    for mode in [IN_PLACE, RESCHEDULE] {
        let cluster = running(&web_with(4, &unhurried())).await;
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=2", mode, "web"])
            .meanwhile(|stage| async move {
                after(&stage, 2, seconds(1)).await;
                stage.agent.faults().add(Rule::on("", Fault::Busy));
            })
            .run()
            .await
            .ended_with(1)
            .explained(text)
            .explained(" of 4 allocations ");
        assert_eq!(ran.touched().len(), 2);
        assert!(ran.took() < seconds(130), "{:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_refused_in_every_shape_for_a_while() {
    // h01: told with 429, closed without a byte, reset. Reads only: a write that was cut off may have been carried out.
    for fault in [Fault::Busy, Fault::Closed, Fault::ResetBefore] {
        for mode in [IN_PLACE, RESCHEDULE] {
            for moment in 0..12 {
                let (scene, ids) = four(mode, 2).await;
                let rule = Rule::on("", fault.clone()).method(Method::GET);
                let ran = scene
                    .meanwhile(move |stage| async move {
                        tokio::time::sleep(Duration::from_millis(moment * 700)).await;
                        stage.agent.faults().add(rule);
                        tokio::time::sleep(seconds(10)).await;
                        stage.agent.faults().clear();
                    })
                    .run()
                    .await
                    .ended_with(0);
                batch_by_batch(&ran, &ids, 2);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_with_fewer_connections_left_than_the_program_wants() {
    // The rest is taken by others. Stops are repeated. A restart that is turned away with 429 is sent again; one whose connection is
    // closed without a word may have arrived, is not repeated, and is told as what it is.
    let slow = json!([{"kill_after": "3s"}]);
    for mode in [IN_PLACE, RESCHEDULE] {
        let cluster = running(&web_with(60, &slow)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=100%", mode, "web"])
            .meanwhile(|stage| async move { stage.agent.limit_connections(Some(20)) })
            .run()
            .await;
        // At most once each: `Ran::check`.
        if mode == RESCHEDULE {
            let ran = ran.ended_with(0);
            batch_by_batch(&ran, &ids, 60);
            continue;
        }
        let not_done = ids.iter().filter(|id| ran.starts(id, "app") == 0).count();
        let told = ran.stderr.matches("outcome unknown, not repeated").count() / 2;
        assert_eq!(not_done, told, "{}", ran.stderr);
        assert_eq!(ran.code == 0, not_done == 0, "{}", ran.stderr);
    }
}
