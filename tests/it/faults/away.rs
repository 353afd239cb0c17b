//! What is away is neither running nor healthy, whatever was last known of its tasks: nodes that disconnect, or are lost, while an allocation is
//! waited for (recordings k02, k03).

use std::time::Duration;

use nomad_sim::model::ClientStatus;
use serde_json::{Value, json};

use super::{IN_PLACE, RESCHEDULE, SUCCESS, after, last_touched, node_of, seconds};
use crate::memory::jobs::{SECOND, group, job, running, task, with};
use crate::memory::scene::{Scene, Stage, allocations};

/// Allocations that sit the loss of their node out for an hour: as long as one of their tasks runs.
fn patient(count: u32, simulate: &Value) -> Value {
    let tasks = [task("app", simulate), task("log", &json!([]))];
    let group = group("web", count, &tasks);
    let disconnect = json!({"LostAfter": 3600 * SECOND, "Replace": false});
    job(&[with(&group, json!({"Disconnect": disconnect}))])
}

/// The node of this allocation is away for so long.
async fn away(stage: &Stage, id: &str, length: Duration) {
    let node = node_of(stage, id);
    assert!(stage.cluster.kill_agent(&node));
    tokio::time::sleep(length).await;
    assert!(stage.cluster.start_agent(&node));
}

#[tokio::test(start_paused = true)]
async fn what_disconnects_while_it_has_to_hold_is_not_healthy_before_it_is_back() {
    // It runs again after a second, and would have held for a minute while its node was away.
    let cluster = running(&patient(2, &json!([{"start_block_for": "1s"}]))).await;
    let first = allocations(&cluster, "web").remove(0);
    let id = first.clone();
    let ran = Scene::of(&cluster)
        .args([
            "-yes",
            "-wait=healthy",
            "-min-healthy-time=1m",
            "-timeout=20m",
        ])
        .args([IN_PLACE, "web"])
        .meanwhile(move |stage| async move {
            after(&stage, 1, seconds(10)).await;
            away(&stage, &id, seconds(300)).await;
        })
        .run()
        .await
        .ended_with(0);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    let writes = ran.writes();
    let second = writes[1].time.since(writes[0].time);
    // Back after 310 s, and then for a minute.
    assert!(second >= seconds(370), "{second:?}");
    assert_eq!(ran.starts(&first, "app"), 1);
    assert!(ran.stdout.contains("is disconnected"), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_back_from_a_disconnect_is_a_failure_by_time() {
    let cluster = running(&patient(
        2,
        &json!([{"start_from": 2, "start_block_for": "30s"}]),
    ))
    .await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=3m", "-task=app", "web"])
        .meanwhile(|stage| async move {
            after(&stage, 1, seconds(5)).await;
            let node = node_of(&stage, &last_touched(&stage));
            assert!(stage.cluster.kill_agent(&node));
        })
        .run()
        .await
        .ended_with(1)
        .explained("within 3m0s: ")
        .explained("is disconnected");
    assert_eq!(ran.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_whose_node_disconnects_is_waited_for() {
    let slow = json!([{"replacement": true, "start_block_for": "40s"}]);
    let cluster = running(&patient(2, &slow)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=20m", RESCHEDULE, "web"])
        .meanwhile(|stage| async move {
            after(&stage, 1, seconds(5)).await;
            let first = last_touched(&stage);
            let replacement = stage.cluster.read(|state| {
                let stopped = state.allocation(&first).unwrap();
                stopped.next.clone()
            });
            let id = replacement.clone();
            let story = stage.clone();
            tokio::spawn(async move { away(&story, &id, seconds(200)).await });
            tokio::time::sleep(seconds(100)).await;
            let client = stage
                .cluster
                .read(|state| state.allocation(&replacement).unwrap().client);
            assert_eq!(client, ClientStatus::Unknown);
        })
        .run()
        .await
        .ended_with(0);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    let writes = ran.writes();
    let second = writes[1].time.since(writes[0].time);
    assert!(second >= seconds(200), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_lost_with_nowhere_to_go_is_a_failure_at_once() {
    // N20: nothing takes its place, the only other node is not eligible.
    let slow = json!([{"start_from": 2, "start_block_for": "10m"}]);
    let web = job(&[group("web", 1, &[task("app", &slow)])]);
    let cluster = running(&web).await;
    let id = allocations(&cluster, "web").remove(0);
    let node = cluster.read(|state| state.allocation(&id).unwrap().node_name.clone());
    for other in ["node-1", "node-2", "node-3"] {
        if other != node {
            cluster.set_eligible(other, false);
        }
    }
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=10m", IN_PLACE, "web"])
        .meanwhile(move |stage| async move {
            after(&stage, 1, seconds(5)).await;
            assert!(stage.cluster.kill_agent(&node));
        })
        .run()
        .await
        .ended_with(1)
        .explained("its node is lost");
    assert!(ran.took() < seconds(60), "{:?}", ran.took());
}
