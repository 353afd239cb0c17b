//! Nodes whose agent dies, for some seconds, for good, or for long enough to be called down or disconnected (recordings k02, k03, i).

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::model::{ClientStatus, EventKind};
use serde_json::{Value, json};

use super::{
    IN_PLACE, RESCHEDULE, SUCCESS, after, begun_in_turn, four, last_touched, node_of, seconds,
    unhurried,
};
use crate::memory::jobs::{SECOND, group, job, running, task, web_with, with};
use crate::memory::scene::{Scene, allocations};

const NO_PATH: &str = "Unexpected response code: 404 (No path to node); its node is down or cut off, -reschedule can move the allocation";

/// Allocations that sit the loss of their node out for an hour.
fn patient(count: u32, simulate: &Value) -> Value {
    let group = group("web", count, &[task("app", simulate)]);
    let disconnect = json!({"LostAfter": 3600 * SECOND, "Replace": false});
    job(&[with(&group, json!({"Disconnect": disconnect}))])
}

fn node(cluster: &Cluster, id: &str) -> String {
    cluster.read(|state| state.allocation(id).unwrap().node_name.clone())
}

#[tokio::test(start_paused = true)]
async fn the_agent_of_a_node_is_away_for_some_seconds_at_any_moment() {
    // Recording i. One that is being restarted is killed with its call and comes back by the restart policy; the run goes on, and never
    // touches one again. What was called while the agent was away may be an error, and is told as one.
    for moment in 0..24 {
        let (scene, ids) = four(IN_PLACE, 2).await;
        let ran = scene
            .meanwhile(move |stage| async move {
                after(&stage, 1, Duration::from_millis(moment * 500)).await;
                let node = node_of(&stage, &last_touched(&stage));
                stage.cluster.kill_agent(&node);
                tokio::time::sleep(seconds(8)).await;
                stage.cluster.start_agent(&node);
            })
            .run()
            .await;
        let done: Vec<&String> = ids.iter().filter(|id| ran.starts(id, "app") > 0).collect();
        if ran.code == 0 {
            assert!(ran.stdout.ends_with(SUCCESS));
            begun_in_turn(&ran, &ids, 2);
            assert_eq!(done.len(), 4, "{}", ran.stdout);
        } else {
            let told = format!("{} of 4 allocations restarted", done.len());
            assert!(ran.stderr.contains(&told), "{moment}\n{}", ran.stderr);
        }
        assert!(ran.took() < seconds(90), "{moment} {:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_without_a_path_is_an_error_that_shows_the_way_out() {
    // N20. With -yes the others are restarted; the first call after the death is answered `EOF`, which may mean anything.
    let cluster = running(&web_with(4, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    let away = node(&cluster, &ids[0]);
    let there = ids.iter().filter(|id| node(&cluster, id) != away).count();
    assert!(cluster.kill_agent(&away));
    let first = cluster.restart_allocation(&ids[0], "", false).await;
    assert_eq!(first.unwrap_err().text, "EOF");
    let ran = Scene::of(&cluster)
        .args(["-yes", IN_PLACE, "web"])
        .run()
        .await
        .ended_with(1)
        .explained(&format!(
            "Error restarting allocation \"<id 1>\": {NO_PATH}\n"
        ))
        .explained(&format!(
            "{there} of 4 allocations restarted, {} failed.",
            4 - there
        ));
    assert_eq!(ran.stderr.matches(NO_PATH).count(), 2 * (4 - there));
    let written: Vec<_> = ran
        .writes()
        .iter()
        .filter(|it| it.accepted)
        .map(|it| &it.target)
        .collect();
    assert_eq!(written.len(), there);
}

#[tokio::test(start_paused = true)]
async fn the_first_call_to_a_dead_node_is_not_taken_for_a_refusal() {
    // k02: 500 `EOF` says nothing about the restart. It is looked for, and not found.
    let cluster = running(&web_with(2, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    assert!(cluster.kill_agent(&node(&cluster, &ids[0])));
    let ran = Scene::of(&cluster)
        .args(["-yes", IN_PLACE, "web"])
        .run()
        .await
        .ended_with(1)
        .explained("Unexpected response code: 500 (EOF): outcome unknown, not repeated")
        .explained("0 of 2 allocations restarted, 1 failed, 1 not touched.");
    assert_eq!(ran.writes().len(), 1);
    assert_eq!(ran.took().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_goes_down_with_what_is_being_rescheduled_there() {
    // k02. The stop is taken; the replacement waits for the old one on the dead node, and starts when that is called lost.
    let cluster = running(&web_with(2, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    let first = ids[0].clone();
    let ran = Scene::of(&cluster)
        .args(["-yes", RESCHEDULE, "web"])
        .meanwhile(move |stage| async move {
            let node = node_of(&stage, &first);
            assert!(stage.cluster.kill_agent(&node));
        })
        .run()
        .await;
    begun_in_turn(&ran, &ids, 1);
    let ran = ran.ended_with(0);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    assert!((20..60).contains(&ran.took().as_secs()), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn allocations_on_a_disconnected_node_are_left_out_in_place() {
    // N21, D26: with the reason, and counted.
    let cluster = running(&patient(4, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    let away = node(&cluster, &ids[0]);
    let there: Vec<&str> = ids
        .iter()
        .filter(|id| node(&cluster, id) != away)
        .map(String::as_str)
        .collect();
    assert!(cluster.kill_agent(&away));
    tokio::time::sleep(seconds(30)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-verbose", IN_PLACE, "web"])
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), there);
    let skipped = ran.stdout.matches("Skipping allocation").count();
    assert_eq!(skipped, 4 - there.len(), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("its node is disconnected"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_disconnects_in_the_middle_of_a_restart_and_comes_back() {
    // Recordings k03 and i: unknown for half a minute, then it is there again. That is no restart; the new start is.
    let cluster = running(&patient(2, &json!([{"kill_after": "4s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", IN_PLACE, "web"])
        .meanwhile(|stage| async move {
            after(&stage, 1, seconds(1)).await;
            let id = last_touched(&stage);
            let node = node_of(&stage, &id);
            stage.cluster.kill_agent(&node);
            tokio::time::sleep(seconds(60)).await;
            let client = stage
                .cluster
                .read(|state| state.allocation(&id).unwrap().client);
            assert_eq!(client, ClientStatus::Unknown);
            stage.cluster.start_agent(&node);
        })
        .run()
        .await
        .ended_with(0);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    begun_in_turn(&ran, &ids, 1);
    assert_eq!(ran.count(|entry| entry.method == "PUT"), 2);
    assert!(ran.took() > seconds(60), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn one_that_disconnects_and_reconnects_untouched_is_not_taken_for_restarted() {
    // The call never reached the node: its task has run all the time, and `Reconnected` is no start.
    let cluster = running(&patient(1, &unhurried())).await;
    let id = allocations(&cluster, "web").remove(0);
    let ran = Scene::of(&cluster)
        .args(["-yes", IN_PLACE, "web"])
        .meanwhile({
            let id = id.clone();
            move |stage| async move {
                let node = node_of(&stage, &id);
                stage.cluster.kill_agent(&node);
                tokio::time::sleep(seconds(40)).await;
                stage.cluster.start_agent(&node);
            }
        })
        .run()
        .await
        .ended_with(1)
        .explained("0 of 1 allocation restarted, 1 failed.");
    assert_eq!(ran.starts(&id, "app"), 0);
    let events = cluster.read(|state| {
        let states = state.allocation(&id).unwrap().task_states.as_ref();
        states.unwrap()["app"].events.last().unwrap().kind.clone()
    });
    assert_eq!(events, EventKind::Reconnected);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_unknown_when_its_turn_comes_is_skipped() {
    let cluster = running(&patient(3, &json!([{"start_block_for": "40s"}]))).await;
    let ids = allocations(&cluster, "web");
    let away = node(&cluster, &ids[1]);
    assert_ne!(away, node(&cluster, &ids[0]));
    let there: Vec<&str> = ids
        .iter()
        .filter(|id| node(&cluster, id) != away)
        .map(String::as_str)
        .collect();
    let ran = Scene::of(&cluster)
        .args(["-yes", IN_PLACE, "web"])
        .meanwhile(move |stage| async move {
            after(&stage, 1, seconds(5)).await;
            stage.cluster.kill_agent(&away);
        })
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), there);
    assert!(ran.stderr.contains("Skipping allocation"), "{}", ran.stderr);
}
