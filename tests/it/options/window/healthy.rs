//! A window with `-wait=healthy`: a place is free once its allocation has been healthy for its time, and what is not healthy is away.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Selector};
use nomad_sim::model::Time;
use serde_json::{Value, json};

use super::{Away, scene};
use crate::memory::health::checked;
use crate::memory::jobs::{SECOND, running};
use crate::memory::scene::{Ran, allocations};

/// Eight allocations whose checks pass from another time after each start on; three seconds of that are enough.
fn eight() -> Value {
    let times = [1_000, 4_000, 2_000, 6_500, 1_500, 3_000, 500, 5_000];
    let rules = (0..).zip(times).map(|(index, listens)| {
        json!({"index": index, "kill_after": "100ms", "start_block_for": "300ms", "listens_after": format!("{listens}ms")})
    });
    checked(8, "nomad", &Value::Array(rules.collect()))
}

const ENOUGH: Duration = Duration::from_secs(3);

/// From when until when each was away, in the order of the writes: until its new process has listened for long enough.
fn unwell(ran: &Ran, cluster: &Cluster) -> Vec<Away> {
    let listens = |id: &str| {
        let name = cluster.read(|state| state.allocation(id).unwrap().name.clone());
        let times = [1_000, 4_000, 2_000, 6_500, 1_500, 3_000, 500, 5_000];
        let (_, index) = name.rsplit_once('[').unwrap();
        Duration::from_millis(times[index.trim_end_matches(']').parse::<usize>().unwrap()])
    };
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap();
    ran.writes()
        .into_iter()
        .map(|write| {
            let replaced = ran.truth.allocations[&write.target].replaced_by.as_ref();
            let id = replaced.unwrap_or(&write.target);
            let starts = ran.truth.processes(id, "app").iter();
            let mut starts = starts.filter_map(|it| it.started.filter(|at| *at > write.time));
            let well = |start: Time| start.plus(nanos(listens(id) + ENOUGH));
            Away {
                from: write.time,
                until: starts.next().map(well),
            }
        })
        .collect()
}

fn most(away: &[Away]) -> usize {
    let at = |time: Time| {
        let still = |it: &&Away| it.from <= time && it.until.is_none_or(|until| until > time);
        away.iter().filter(still).count()
    };
    away.iter().map(|it| at(it.from)).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_window_are_away_or_not_healthy() {
    for stream in [true, false] {
        for size in [1, 3, 8] {
            let cluster = running(&eight()).await;
            let ids = allocations(&cluster, "web");
            let given = format!("-batch-size={size}");
            let args = ["-wait=healthy", "-min-healthy-time=3s", &given];
            let mut scene = scene(&cluster, &args);
            if !stream {
                scene = scene.without_stream();
            }
            let ran = scene.run().await.ended_with(0);
            assert_eq!(ran.touched(), ids, "{stream} {size}");
            let unwell = unwell(&ran, &cluster);
            // The last result of a check is up to its interval old.
            assert_eq!(most(&unwell), size, "{stream} {size}\n{}", ran.stdout);
            // It is no lock-step either: a place is given away soon after its allocation is well.
            let mut well: Vec<_> = unwell.iter().filter_map(|it| it.until).collect();
            well.sort_unstable();
            for (well, next) in well.iter().zip(unwell.iter().skip(size)) {
                let gap = next.from.since(*well);
                assert!(gap < Duration::from_secs(4), "{stream} {size}: {gap:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replacements_are_away_until_nomad_finds_them_healthy() {
    let cluster = running(&eight()).await;
    let ids = allocations(&cluster, "web");
    let args = ["-wait=healthy", "-reschedule", "-batch-size=3"];
    let ran = scene(&cluster, &args).run().await.ended_with(0);
    assert_eq!(ran.touched(), ids);
    let healthy = cluster.read(|state| {
        let all = state.job_allocations("default", "web");
        let well = all.filter(|it| !it.server_terminal() && it.healthy() == Some(true));
        well.count()
    });
    assert_eq!(healthy, 8);
    // `min_healthy_time` of the group is two seconds.
    let unwell: Vec<_> = unwell(&ran, &cluster)
        .into_iter()
        .map(|it| Away {
            until: it.until.map(|until| until.plus(-SECOND)),
            ..it
        })
        .collect();
    assert_eq!(most(&unwell), 3, "{}", ran.stdout);
}

/// The third one to be restarted is never healthy again.
async fn sick() -> (Cluster, Vec<String>) {
    let cluster = running(&eight()).await;
    let ids = allocations(&cluster, "web");
    let sick = Behaviour {
        check_code: Some(503),
        ..Behaviour::runs()
    };
    let third = Selector::default().allocation(&ids[2]).start_from(2);
    cluster.behave(third, sick);
    (cluster, ids)
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_healthy_keeps_its_place_and_then_holds_the_window() {
    // A time limit is likely to be met again: -yes stops, and no number of failures covers it.
    for more in [&[][..], &["-max-failures=5"], &["-on-error=fail"]] {
        let (cluster, ids) = sick().await;
        let args: Vec<_> = [
            "-wait=healthy",
            "-min-healthy-time=3s",
            "-timeout=20s",
            "-batch-size=2",
            "-detailed-exitcode",
        ]
        .iter()
        .chain(more)
        .copied()
        .collect();
        let ran = scene(&cluster, &args)
            .run()
            .await
            .ended_with(4)
            .explained("not seen running again and healthy within 20s: check \"http\" is failing")
            .explained("1 failed, ");
        let writes = ran.writes();
        let third = writes.iter().find(|it| it.target == ids[2]).unwrap();
        // The other place went on while it was waited for, and nothing began once it had failed.
        let meanwhile = writes.iter().filter(|it| it.time > third.time);
        let times: Vec<_> = meanwhile.map(|it| it.time.since(third.time)).collect();
        assert!(!times.is_empty(), "{more:?}\n{}", ran.stdout);
        let limit = Duration::from_secs(20);
        assert!(times.iter().all(|it| *it < limit), "{times:?}");
        assert!(writes.len() < ids.len(), "{more:?}\n{}", ran.stdout);
        assert!(!ran.stderr.contains("in flight"), "{}", ran.stderr);
        let mut unwell = unwell(&ran, &cluster);
        let place = writes.iter().position(|it| it.target == ids[2]).unwrap();
        unwell[place].until = None;
        assert_eq!(most(&unwell), 2, "{more:?}\n{}", ran.stdout);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_crashes_before_it_is_healthy_makes_room_as_an_error_that_is_put_up_with() {
    let (cluster, ids) = sick().await;
    let crashes = Behaviour::exits_after(SECOND, 3);
    let third = Selector::default().allocation(&ids[2]).start_from(2);
    cluster.behave(third, crashes);
    let args = ["-wait=healthy", "-min-healthy-time=3s", "-batch-size=2"];
    let ran = scene(&cluster, &args).run().await.ended_with(1);
    let ran = ran.explained("7 of 8 allocations restarted, 1 failed.");
    assert_eq!(ran.touched(), ids);
}
