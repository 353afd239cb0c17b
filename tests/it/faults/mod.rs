//! What goes wrong around a run: no leader, agents and nodes that die and come back, tokens that lose their rights, connections that
//! run out, slow and dripping answers, rights that are missing. All in memory, under paused time, held against what really happened.

mod access;
mod agents;
mod away;
mod leader;
mod limits;
mod nodes;
mod slow;
mod tokens;

use std::time::Duration;

use nomad_sim::cluster::Truth;
use nomad_sim::model::Time;
use serde_json::{Value, json};

use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Ran, Scene, Stage, allocations};

pub(crate) const SUCCESS: &str =
    "Finished job restart\n\nAll allocations restarted successfully!\n";
pub(crate) const IN_PLACE: &str = "-all-tasks=false";
pub(crate) const RESCHEDULE: &str = "-reschedule";

/// Processes that end two seconds after the signal and need two to start.
pub(crate) fn unhurried() -> Value {
    json!([{"kill_after": "2s", "start_block_for": "2s"}])
}

/// Four of them, and what goes through them in batches of this size, asking nothing.
pub(crate) async fn four(mode: &str, size: usize) -> (Scene, Vec<String>) {
    let cluster = running(&web_with(4, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    let size = format!("-batch-size={size}");
    let scene = Scene::of(&cluster).args(["-yes", &size, mode, "web"]);
    (scene, ids)
}

pub(crate) fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// The first moment from which on an allocation, or what took its place, was seen to run a process that was started in this run.
pub(crate) fn back(ran: &Ran, id: &str, task: &str) -> Option<Time> {
    let processes = ran.truth.processes(id, task);
    let here = processes
        .iter()
        .filter(|process| process.started.is_some_and(|at| at >= ran.started))
        .find_map(|process| process.visible);
    let next = || ran.truth.allocations[id].replaced_by.as_deref();
    here.or_else(|| back(ran, next()?, task))
}

/// Every allocation was touched, once, in this order, and each batch was running again before the next one was touched.
#[track_caller]
pub(crate) fn batch_by_batch(ran: &Ran, ids: &[String], size: usize) {
    let mut touched = ran.touched();
    touched.dedup();
    let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
    if size > 1 {
        // Within a batch the order of arrival is chance.
        touched.sort_unstable();
        expected.sort_unstable();
    }
    assert_eq!(touched, expected, "{}\n{}", ran.stdout, ran.stderr);
    begun_in_turn(ran, ids, size);
}

/// Nothing was touched before all of the batch before it ran again.
#[track_caller]
pub(crate) fn begun_in_turn(ran: &Ran, ids: &[String], size: usize) {
    let writes = ran.writes();
    for (batch, next) in ids.chunks(size).zip(ids.chunks(size).skip(1)) {
        let first = writes
            .iter()
            .filter(|write| next.contains(&write.target))
            .map(|write| write.time)
            .min();
        let Some(first) = first else { continue };
        for id in batch {
            let back = back(ran, id, "app");
            assert!(
                back.is_some_and(|back| back <= first),
                "{id} was back at {back:?}, the next batch began at {first:?}\n{}\n{}",
                ran.stdout,
                ran.stderr
            );
        }
    }
}

/// Waits until the run has sent so many writes, and this long.
pub(crate) async fn after(stage: &Stage, writes: usize, then: Duration) {
    stage.joint.writes(writes).await;
    tokio::time::sleep(then).await;
}

/// The name of the node on which an allocation is.
pub(crate) fn node_of(stage: &Stage, id: &str) -> String {
    stage
        .cluster
        .read(|state| state.allocation(id).unwrap().node_name.clone())
}

/// The allocation that was touched last.
pub(crate) fn last_touched(stage: &Stage) -> String {
    let last = |truth: &Truth| truth.writes.last().map(|write| write.target.clone());
    stage.cluster.read_truth(last).unwrap()
}
