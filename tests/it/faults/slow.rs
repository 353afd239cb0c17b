//! Answers that are slow, that drip, or that say less than they should; and a cluster that is busy with other things.

use std::time::Duration;

use http::Method;
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::{IN_PLACE, RESCHEDULE, SUCCESS, after, batch_by_batch, four, seconds};
use crate::memory::jobs::{running, web, web_with, with};
use crate::memory::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_two_seconds_for_each_call() {
    // N17: one guard for a batch, so that a batch of 50 costs a few calls and not 50.
    for mode in [IN_PLACE, RESCHEDULE] {
        let cluster = running(&web_with(50, &json!([{"start_block_for": "1s"}]))).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=50", mode, "web"])
            .fault(Rule::on("", Fault::Delay(seconds(2))))
            .run()
            .await
            .ended_with(0);
        assert!(ran.stdout.ends_with(SUCCESS));
        batch_by_batch(&ran, &ids, 50);
        assert!(ran.took() < seconds(35), "{mode} {:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_held_back_after_their_effect() {
    for (mode, path) in [(IN_PLACE, "/restart"), (RESCHEDULE, "/stop")] {
        let (scene, ids) = four(mode, 2).await;
        let ran = scene
            .fault(Rule::on(path, Fault::DelayAnswer(seconds(20))))
            .fault(Rule::on("", Fault::DelayAnswer(seconds(3))))
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
        batch_by_batch(&ran, &ids, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_drip() {
    // Each piece comes in time, the whole takes its time: nothing is cut off, and nothing is taken for stalled.
    for (piece, pause) in [(200, Duration::from_millis(300)), (2000, seconds(9))] {
        for mode in [IN_PLACE, RESCHEDULE] {
            let (scene, ids) = four(mode, 2).await;
            let drip = Rule::on("", Fault::Drip(piece, pause)).method(Method::GET);
            let ran = scene.fault(drip).run().await.ended_with(0).warned(&[]);
            batch_by_batch(&ran, &ids, 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_dripping() {
    // The held query ends in the middle of its answer; what is in flight is looked at on its own meanwhile.
    for mode in [IN_PLACE, RESCHEDULE] {
        let (scene, ids) = four(mode, 2).await;
        let stalls = Rule::on("/v1/job/web/allocations", Fault::StallAfter(300)).calls(2..=2);
        let ran = scene.fault(stalls).run().await.ended_with(0);
        batch_by_batch(&ran, &ids, 2);
        assert!(ran.took() < seconds(45), "{mode} {:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_are_restored_from_a_snapshot() {
    // N9. All indexes go back at once, in headers and objects; whatever moment it is, the run goes on.
    for (mode, size) in [
        (IN_PLACE, 1),
        (IN_PLACE, 2),
        (RESCHEDULE, 1),
        (RESCHEDULE, 2),
    ] {
        for moment in 0..12 {
            let (scene, ids) = four(mode, size).await;
            let ran = scene
                .meanwhile(move |stage| async move {
                    tokio::time::sleep(Duration::from_millis(moment * 1400)).await;
                    stage.agent.rewind(15);
                })
                .run()
                .await
                .ended_with(0)
                .warned(&[]);
            assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
            batch_by_batch(&ran, &ids, size);
            assert!(ran.took() < seconds(90), "{mode} {moment} {:?}", ran.took());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_without_an_index() {
    // N10: no query blocks then, and none is repeated more than a few times a second.
    for mode in [IN_PLACE, RESCHEDULE] {
        let slow = json!([{"start_block_for": "40s"}]);
        let cluster = running(&web_with(4, &slow)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=2", mode, "web"])
            .fault(Rule::on("", Fault::NoIndex).method(Method::GET))
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
        batch_by_batch(&ran, &ids, 2);
        let most = 4 * usize::try_from(ran.took().as_secs()).unwrap();
        assert!(
            ran.reads() < most,
            "{mode} {} in {:?}",
            ran.reads(),
            ran.took()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn evaluations_that_cannot_be_read() {
    // N11: they only explain. What is replaced is told as replaced.
    for fault in [
        Fault::Status(500, "boom".to_owned()),
        Fault::Html(200, "<html>".to_owned()),
        Fault::Stall,
        Fault::ResetBefore,
    ] {
        let (scene, ids) = four(RESCHEDULE, 2).await;
        let evaluations = Rule::on("/v1/evaluation", fault.clone());
        let ran = scene.fault(evaluations).run().await.ended_with(0);
        assert!(ran.stdout.ends_with(SUCCESS), "{fault:?} {}", ran.stdout);
        batch_by_batch(&ran, &ids, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn evaluations_that_cannot_be_read_when_nothing_can_be_placed() {
    // That the plan of the stop brought no replacement shows in the list; only the reason stays unknown.
    let cluster = running(&web(2)).await;
    for node in ["node-1", "node-2"] {
        assert!(cluster.set_eligible(node, false));
    }
    let ran = Scene::of(&cluster)
        .without_stream()
        .args(["-yes", "-timeout=90s", RESCHEDULE, "web"])
        .fault(Rule::on("/v1/evaluation", Fault::Status(500, "boom".to_owned())))
        .run()
        .await
        .ended_with(1)
        .explained("\"<id 1>\" was stopped and nothing has replaced it: alloc is being migrated; see the evaluations")
        .explained("0 of 2 allocations rescheduled, 1 failed, 1 not touched.");
    assert_eq!(ran.touched().len(), 1);
    assert!(ran.took() < seconds(10), "{:?}", ran.took());
}

/// A job of another name.
fn other() -> Value {
    with(&web(1), json!({"ID": "other", "Name": "other"}))
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_busy_with_other_jobs() {
    // D46, N71: a hundred evaluations a second that are none of ours do not make a hundred requests a second.
    for mode in [IN_PLACE, RESCHEDULE] {
        let mut reads = Vec::new();
        for busy in [false, true] {
            let slow = json!([{"start_block_for": "10s"}]);
            let cluster = running(&web_with(4, &slow)).await;
            cluster.register(&other()).unwrap();
            tokio::time::sleep(seconds(60)).await;
            let ids = allocations(&cluster, "web");
            let ran = Scene::of(&cluster)
                .args(["-yes", "-batch-size=2", mode, "web"])
                .meanwhile(move |stage| async move {
                    let most = if busy { 3000 } else { 0 };
                    for number in 0_u64..most {
                        stage.cluster.evaluate("default", "other", false).unwrap();
                        if number % 20 == 0 {
                            // Moves the tables of allocations and of deployments.
                            let count = json!({"Count": 1 + number / 20 % 2});
                            let groups = json!([with(&other()["TaskGroups"][0], count)]);
                            let changed = with(&other(), json!({"TaskGroups": groups}));
                            stage.cluster.register(&changed).unwrap();
                        }
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                })
                .run()
                .await
                .ended_with(0)
                .warned(&[]);
            batch_by_batch(&ran, &ids, 2);
            let seconds = usize::try_from(ran.took().as_secs()).unwrap();
            assert!(ran.reads() < 4 * seconds, "{mode} {}", ran.reads());
            reads.push(ran.reads());
        }
        // What wakes a query is its own job, or a table as a whole once a second.
        assert!(reads[1] <= reads[0] + 40, "{mode} {reads:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_woken_all_the_time_is_not_read_all_the_time() {
    // A hundred evaluations of this very job, which change nothing.
    let slow = json!([{"start_from": 2, "start_block_for": "30s"}]);
    let cluster = running(&web_with(2, &slow)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "web"])
        .meanwhile(|stage| async move {
            after(&stage, 1, seconds(1)).await;
            for _ in 0..2000 {
                stage.cluster.evaluate("default", "web", false).unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .run()
        .await
        .ended_with(0);
    batch_by_batch(&ran, &ids, 2);
    let most = 12 * usize::try_from(ran.took().as_secs()).unwrap();
    assert!(ran.reads() < most, "{} in {:?}", ran.reads(), ran.took());
}
