//! The demo cluster is settled from the start, and its jobs have the troubles they are there for.

use std::time::Duration;

use super::*;
use crate::model::{Allocation, ClientStatus, Time};

/// The demo cluster at a fixed time, under paused time.
fn settled() -> Cluster {
    cluster_of(Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        ..Config::seeded(1)
    })
}

fn allocations(cluster: &Cluster, job: &str) -> Vec<Allocation> {
    cluster.read(|state| {
        let all = state.job_allocations("default", job);
        all.map(|alloc| (**alloc).clone()).collect()
    })
}

async fn within<T>(limit: u64, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(limit), what)
        .await
        .expect("in time")
}

#[tokio::test(start_paused = true)]
async fn everything_runs_and_has_been_for_hours() {
    let cluster = settled();
    let jobs = [
        (EXAMPLE, 5),
        (BAD_REPLACEMENT, 2),
        (STRANDED, 2),
        (CRASH_LOOP, 1),
        (SLOW_START, 3),
        (STUBBORN, 2),
    ];
    let now = cluster.now();
    for (job, count) in jobs {
        let all = allocations(&cluster, job);
        assert_eq!(all.len(), count, "{job}");
        for alloc in all {
            assert_eq!(alloc.client, ClientStatus::Running, "{job}");
            assert_eq!(alloc.healthy(), Some(true), "{job}");
            assert!(now.since(alloc.create_time) > Duration::from_secs(3600));
        }
        cluster.read(|state| {
            assert_eq!(state.job("default", job).map(|j| j.status), Some("running"));
            let all = state.job_deployments("default", job);
            for deployment in all {
                assert_eq!(deployment.status, "successful", "{job}");
            }
        });
    }
    let index = cluster.read(State::latest_index);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cluster.read(State::latest_index), index, "at rest");
}

#[tokio::test(start_paused = true)]
async fn the_example_lies_on_three_nodes_with_the_proxies_newest() {
    let cluster = settled();
    let mut all = allocations(&cluster, EXAMPLE);
    all.sort_by_key(|alloc| std::cmp::Reverse(alloc.create_index));
    let groups: Vec<&str> = all.iter().map(|alloc| alloc.group.as_str()).collect();
    assert_eq!(groups, ["proxy", "proxy", "proxy", "web", "web"]);
    let nodes: std::collections::BTreeSet<_> = all.iter().map(|a| a.node_name.as_str()).collect();
    assert_eq!(nodes.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_of_bad_replacement_fails_and_so_does_the_next() {
    let cluster = settled();
    let stopped = allocations(&cluster, BAD_REPLACEMENT).remove(0);
    cluster.stop_allocation(&stopped.id, false).expect("stop");
    let failed = within(
        60,
        cluster.until(|state| {
            let all = state.job_allocations("default", BAD_REPLACEMENT);
            let failed = all.filter(|a| a.client == ClientStatus::Failed).count();
            (failed == 2).then_some(failed)
        }),
    );
    failed.await;
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_of_stranded_is_not_placed_again() {
    let cluster = settled();
    let stopped = allocations(&cluster, STRANDED).remove(0);
    cluster.stop_allocation(&stopped.id, false).expect("stop");
    let blocked = within(
        60,
        cluster.until(|state| {
            let mut all = state.job_evaluations("default", STRANDED);
            all.find(|eval| eval.status == "blocked").cloned()
        }),
    );
    assert!(blocked.await.failed_tg_allocs.contains_key("worker"));
    assert_eq!(allocations(&cluster, STRANDED).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn crash_loop_fails_after_a_restart() {
    let cluster = settled();
    let alloc = allocations(&cluster, CRASH_LOOP).remove(0);
    cluster
        .restart_allocation(&alloc.id, "", false)
        .await
        .expect("accepted");
    let failed = within(
        60,
        cluster.until(|state| {
            let alloc = state.allocation(&alloc.id)?;
            let restarts = alloc.task_states.as_ref()?.get("importer")?.restarts;
            (alloc.client == ClientStatus::Failed).then_some(restarts)
        }),
    );
    assert_eq!(failed.await, 4);
}

#[tokio::test(start_paused = true)]
async fn slow_start_and_stubborn_take_their_time() {
    let cluster = settled();
    for (job, least) in [(SLOW_START, 6), (STUBBORN, 7)] {
        let alloc = allocations(&cluster, job).remove(0);
        let before = cluster.now();
        cluster
            .restart_allocation(&alloc.id, "", false)
            .await
            .expect("accepted");
        let started = within(
            30,
            cluster.until(|state| {
                let found = state.allocation(&alloc.id)?;
                let states = found.task_states.as_ref()?;
                let task = states.values().next()?;
                task.started_at.filter(|at| *at > before)
            }),
        );
        assert!(
            started.await.since(before) >= Duration::from_secs(least),
            "{job}"
        );
    }
}
