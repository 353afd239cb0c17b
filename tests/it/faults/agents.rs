//! The agent that the program talks to stops and is started again, alone or with the node that it runs (recording i).

use std::time::Duration;

use nomad_sim::front::Outage;
use nomad_sim::model::TaskStateKind;
use serde_json::json;

use super::{
    IN_PLACE, RESCHEDULE, SUCCESS, after, batch_by_batch, begun_in_turn, four, node_of, seconds,
};
use crate::memory::jobs::{running, web, web_with};
use crate::memory::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_away_for_some_seconds_after_the_first_write() {
    // Open calls end without an answer, then connections are refused.
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
                    after(&stage, 1, Duration::from_millis(moment * 1500)).await;
                    stage.agent.set_outage(Some(Outage::Down));
                    tokio::time::sleep(seconds(5)).await;
                    stage.agent.set_outage(None);
                })
                .run()
                .await
                .ended_with(0);
            assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
            batch_by_batch(&ran, &ids, size);
            assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_come_back() {
    for mode in [IN_PLACE, RESCHEDULE] {
        for moment in 0..12 {
            let (scene, ids) = four(mode, 2).await;
            let ran = scene
                .meanwhile(move |stage| async move {
                    after(&stage, 1, Duration::from_millis(moment * 750)).await;
                    stage.agent.set_outage(Some(Outage::Down));
                })
                .run()
                .await
                .ended_with(1)
                .explained("connection refused")
                .explained(" of 4 allocations ");
            begun_in_turn(&ran, &ids, 2);
            assert!(ran.took() < seconds(120), "{moment} {:?}", ran.took());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_there() {
    // Before the first write a refused connection is final at once.
    let cluster = running(&web(2)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move { stage.agent.set_outage(Some(Outage::Down)) })
        .run()
        .await
        .ended_with(1)
        .printed(&[])
        .explained("Error querying job \"web\": Get \"http://127.0.0.1:4646/v1/job/web\": connection refused");
    assert_eq!(ran.took(), Duration::ZERO);
    assert!(ran.requests.is_empty() && ran.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_only_agent_dies_with_its_node_in_the_middle_of_a_restart() {
    // Recording i: the new start, after the restart policy's delay, counts. The write is not repeated.
    let cluster = running(&web_with(3, &json!([{"kill_after": "3s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move {
            after(&stage, 1, seconds(1)).await;
            let nodes = ["node-1", "node-2"];
            stage.agent.set_outage(Some(Outage::Down));
            for node in &nodes {
                stage.cluster.kill_agent(node);
            }
            tokio::time::sleep(seconds(5)).await;
            for node in &nodes {
                stage.cluster.start_agent(node);
            }
            stage.agent.set_outage(None);
        })
        .run()
        .await
        .ended_with(0);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    batch_by_batch(&ran, &ids, 1);
    assert_eq!(ran.count(|entry| entry.method == "PUT"), 3);
    assert_eq!(ran.starts(&ids[0], "app"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_restart_policy_is_not_taken_for_restarted() {
    // Recording i: `pending` for the policy's delay; a restart call meanwhile is answered 200 without effect.
    let cluster = running(&web_with(2, &json!([{"kill_after": "3s"}]))).await;
    let ids = allocations(&cluster, "web");
    let first = ids[0].clone();
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(move |stage| async move {
            after(&stage, 1, seconds(1)).await;
            let node = node_of(&stage, &first);
            stage.cluster.kill_agent(&node);
            tokio::time::sleep(seconds(20)).await;
            stage.cluster.start_agent(&node);
            tokio::time::sleep(Duration::from_millis(900)).await;
            let waits = stage.cluster.read(|state| {
                let states = state.allocation(&first).unwrap().task_states.as_ref();
                states.unwrap()["app"].state == TaskStateKind::Pending
            });
            assert!(waits);
            assert_eq!(
                stage.cluster.restart_allocation(&first, "", false).await,
                Ok(())
            );
        })
        .run()
        .await
        .ended_with(0);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    begun_in_turn(&ran, &ids, 1);
    assert_eq!(ran.count(|entry| entry.method == "PUT"), 2);
}
