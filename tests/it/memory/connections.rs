//! What a run costs the agent: how many calls are open at once, how many reads a batch and a wait take, and what becomes of lists too
//! large to be followed.

use std::time::Duration;

use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::jobs::{group, job, plain, running, web, web_with};
use super::scene::{Scene, allocations};

/// What a batch of all is warned of.
const WHOLE_GROUP: &str = "    <TS>: Warning: A batch holds every running allocation of group \"web\": none is left while it is restarted, a smaller -batch-size leaves some";

#[tokio::test(start_paused = true)]
async fn a_batch_of_two_hundred() {
    // N5, N69, D43
    let slow = json!([{"kill_after": "3s", "start_block_for": "2s"}]);
    let cluster = running(&web_with(200, &slow)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=200", "web"])
        .run()
        .await
        .ended_with(0)
        .warned(&[WHOLE_GROUP]);
    assert_eq!(ran.touched().len(), 200);
    assert!((43..=50).contains(&ran.most_open), "{}", ran.most_open);
    assert!(
        ran.stdout
            .contains("At most 42 restart calls are sent at once")
    );
    // Five times 42 calls of three seconds, and the last starts.
    assert!(ran.took() < Duration::from_secs(19), "{:?}", ran.took());
    assert!(ran.reads() < 40, "{}", ran.reads());

    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=200", "-reschedule", "web"])
        .run()
        .await
        .ended_with(0)
        .warned(&[WHOLE_GROUP]);
    assert_eq!(ran.touched().len(), 200);
    assert!(ran.most_open <= 50, "{}", ran.most_open);
    assert!(ran.took() < Duration::from_secs(7), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_too_large_to_be_followed() {
    // N68. Above two megabytes what is in flight is read one by one.
    let tasks: Vec<_> = (1..=8)
        .map(|number| plain(&format!("app-{number}")))
        .collect();
    let cluster = running(&job(&[group("web", 250, &tasks)])).await;
    for (mode, most) in [("-all-tasks=false", 4), ("-reschedule", 6)] {
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .without_stream()
            .args(["-yes", "-batch-size=100", mode, "web"])
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
        assert_eq!(ran.touched(), ids);
        let lists = ran.count(|entry| entry.path.ends_with("/allocations"));
        assert!(lists <= 3, "{mode} {lists}");
        // A few reads for each allocation, never one a change.
        assert!(ran.reads() < most * 250, "{mode} {}", ran.reads());
    }
}

#[tokio::test(start_paused = true)]
async fn reads_do_not_grow_with_the_batch() {
    // N69, D35, D44. As many writes as allocations and O(1) reads for a batch.
    for mode in ["-all-tasks=false", "-reschedule"] {
        let mut reads = Vec::new();
        for count in [2, 80] {
            let cluster = running(&web(count)).await;
            let ran = Scene::of(&cluster)
                .args(["-yes", "-batch-size=50%", mode, "web"])
                .run()
                .await
                .ended_with(0);
            assert_eq!(ran.touched().len(), count as usize);
            reads.push(ran.reads());
        }
        assert!(reads[1] <= reads[0] + 6, "{mode} {reads:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_costs_little() {
    // D46. Ten minutes of waiting for one allocation: a held query and a targeted read every half minute.
    let cluster = running(&web_with(
        1,
        &json!([{"start": 2, "start_block_for": "9m"}]),
    ))
    .await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=0", "web"])
        .run()
        .await
        .ended_with(0);
    assert!(ran.reads() < 80, "{}", ran.reads());
}

#[tokio::test(start_paused = true)]
async fn budgets_of_connections() {
    // N5. Whatever the budget, it is kept to, used, and enough to hear the news.
    let slow = json!([{"kill_after": "3s", "start_block_for": "2s"}]);
    for (budget, at_once) in [(4, 1), (10, 7), (50, 42), (80, 72)] {
        let cluster = running(&web_with(24 + at_once, &slow)).await;
        let most = format!("-max-connections={budget}");
        for mode in ["-all-tasks=false", "-reschedule"] {
            let ran = Scene::of(&cluster)
                .args(["-yes", "-batch-size=100%", &most, mode, "web"])
                .run()
                .await
                .ended_with(0)
                .warned(&[WHOLE_GROUP]);
            assert_eq!(ran.touched().len(), 24 + at_once as usize);
            assert!(ran.most_open <= budget, "{budget} {}", ran.most_open);
            let pipelined = match at_once {
                1 => "Restart calls are sent one at a time".to_owned(),
                _ => format!("At most {at_once} restart calls are sent at once"),
            };
            if mode == "-reschedule" {
                assert!(!ran.stdout.contains(&pipelined), "{}", ran.stdout);
                assert!(ran.took() < Duration::from_secs(12), "{:?}", ran.took());
            } else {
                assert_eq!(ran.stdout.matches(&pipelined).count(), 1, "{}", ran.stdout);
                assert!(ran.most_open >= at_once as usize, "{}", ran.most_open);
                let rounds = (24 + at_once).div_ceil(at_once);
                let bound = Duration::from_secs(u64::from(rounds) * 3 + 2);
                assert!(
                    ran.took() < bound + Duration::from_secs(8),
                    "{budget} {:?}",
                    ran.took()
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_waits_for_count() {
    // N5. An allocation is done as soon as it runs again; the agent holds the answer, and with it the connection, for ten seconds.
    let late = Fault::DelayAnswer(Duration::from_secs(10));
    for (budget, at_once) in [(4, 1), (10, 7), (50, 42), (80, 72)] {
        let cluster = running(&web(at_once * 2)).await;
        let most = format!("-max-connections={budget}");
        let ran = Scene::of(&cluster)
            .fault(Rule::on("/restart", late.clone()))
            .args(["-yes", "-batch-size=50%", &most, "web"])
            .run()
            .await
            .ended_with(0);
        assert_eq!(ran.touched().len(), at_once as usize * 2);
        assert!(ran.most_open <= budget, "{budget} {}", ran.most_open);
        // The second batch begins with the answers to the first, and does not wait for its own.
        let took = ran.took();
        assert!((10..15).contains(&took.as_secs()), "{budget} {took:?}");
    }
}
