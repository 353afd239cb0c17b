//! `-batch-mode=window`: how many are away at any moment is counted in the cluster, not in what is printed.

mod ended;
mod healthy;
mod held;
mod pace;
mod refused;
mod start;

use std::time::Duration;

use nomad_sim::cluster::{Cluster, WriteKind};
use nomad_sim::model::Time;
use serde_json::{Value, json};

use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Ran, Scene, allocations};

/// `nomad-restart -yes -batch-mode=window args… web` on this cluster.
fn scene(cluster: &Cluster, args: &[&str]) -> Scene {
    let args: Vec<_> = ["-yes", "-batch-mode=window"]
        .iter()
        .chain(args)
        .copied()
        .collect();
    super::scene(cluster, &args)
}

/// The rules of a task that takes so many milliseconds to start again, each allocation of its own.
fn starts(milliseconds: &[u64]) -> Value {
    let rules = (0..).zip(milliseconds).map(|(index, start)| {
        json!({"index": index, "kill_after": "100ms", "start_block_for": format!("{start}ms")})
    });
    Value::Array(rules.collect())
}

/// From when until when an allocation was away: from the write until it, or what replaced it, was seen to run. In the order of the writes.
#[derive(Clone, Copy, Debug)]
struct Away {
    from: Time,
    /// `None` if it did not come back.
    until: Option<Time>,
}

fn away(ran: &Ran) -> Vec<Away> {
    ran.writes()
        .into_iter()
        .filter(|write| write.accepted)
        .map(|write| {
            let (id, after) = match write.kind {
                WriteKind::Stop { .. } => {
                    let replaced = ran.truth.allocations[&write.target].replaced_by.as_ref();
                    (replaced.unwrap_or(&write.target), write.time)
                }
                _ => (&write.target, write.time),
            };
            let processes = ran.truth.processes(id, "app").iter();
            let mut new = processes.filter(|it| it.started.is_some_and(|at| at > after));
            Away {
                from: write.time,
                until: new.next().and_then(|process| process.visible),
            }
        })
        .collect()
}

/// The most that were away at the same time; what never came back counts until the end of the run.
fn most_away(ran: &Ran) -> usize {
    let away = away(ran);
    let at = |time: Time| {
        let still = |it: &&Away| it.from <= time && it.until.is_none_or(|until| until > time);
        away.iter().filter(still).count()
    };
    away.iter().map(|it| at(it.from)).max().unwrap_or(0)
}

/// The longest time in which somebody whose turn had not come waited beside an empty place.
fn longest_gap(ran: &Ran, size: usize) -> Duration {
    let away = away(ran);
    let mut back: Vec<Time> = away.iter().filter_map(|it| it.until).collect();
    back.sort_unstable();
    let later = away.iter().skip(size);
    back.iter()
        .zip(later)
        .map(|(back, next)| next.from.since(*back))
        .max()
        .unwrap_or_default()
}

/// Six allocations, which take two seconds and more to start again, each another time.
async fn six() -> (Cluster, Vec<String>) {
    let cluster = running(&web_with(
        6,
        &starts(&[2_000, 2_400, 3_100, 2_800, 2_000, 3_500]),
    ))
    .await;
    let ids = allocations(&cluster, "web");
    (cluster, ids)
}
