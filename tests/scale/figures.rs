//! What a run cost and what was possible, from the simulator's record.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use nomad_sim::cluster::{Truth, Write, WriteKind};
use nomad_sim::front::Agent;
use nomad_sim::model::Time;

use crate::child::Ended;
use crate::rows::{Mode, Row};
use crate::simulated::TASK;

/// Write permits of the default budget of 50 connections: what the bound is counted with.
const PERMITS: usize = 42;

/// The figures of one run.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) wall: Duration,
    /// The least time that the cluster allows: for each batch, the longest time from the first write until an allocation is visible as
    /// running, if each write were sent as soon as there is a permit for it. For a window, the time of the whole run if each write were sent
    /// as soon as there is a place and a permit for it.
    pub(crate) bound: Duration,
    pub(crate) cpu: Option<Duration>,
    pub(crate) simulator_cpu: Option<Duration>,
    /// Bytes.
    pub(crate) peak_memory: Option<u64>,
    /// Requests for each allocation, writes included.
    pub(crate) requests: f64,
    /// Bodies of answers, as they are on the wire.
    pub(crate) bytes: u64,
    pub(crate) connections: usize,
    pub(crate) turned_away: usize,
    /// From the moment when the last allocation of a batch is visible as running to the next batch's first write; in a window, from the
    /// moment when one is visible as running to the write of that which takes its place.
    pub(crate) gaps: Gaps,
    /// Allocations with no write, or more than one.
    pub(crate) not_once: usize,
    /// Writes of a batch before all of the one before were visible as running; writes beside a full window.
    pub(crate) overlap: usize,
    /// Allocations that are not visible as running afterwards.
    pub(crate) missing: usize,
    /// The exit code; `None` for a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gaps {
    pub(crate) median: Option<Duration>,
    pub(crate) largest: Option<Duration>,
}

/// One allocation's way.
#[derive(Debug)]
struct Way {
    written: Time,
    /// How long the call had its permit.
    call: Duration,
    /// When it, or what replaced it, was visible as running.
    visible: Option<Time>,
}

impl Figures {
    pub(crate) fn of(row: &Row, agent: &Agent, ended: &Ended, simulator: Option<Duration>) -> Self {
        let requests = agent.requests().len();
        let (ways, not_once) = agent
            .cluster()
            .read_truth(|truth| (ways(row, truth), not_once(truth)));
        let size = row.batch.of(row.allocations);
        let Course {
            bound,
            mut gaps,
            overlap,
        } = if row.window {
            window(&ways, size)
        } else {
            batches(&ways, size)
        };
        Self {
            wall: ended.wall,
            bound,
            cpu: ended.cpu,
            simulator_cpu: simulator,
            peak_memory: ended.peak_memory,
            requests: count(requests) / f64::from(row.allocations),
            bytes: agent.bytes_sent(),
            connections: agent.most_connections(),
            turned_away: agent.turned_away(),
            gaps: Gaps {
                median: middle(&mut gaps),
                largest: gaps.last().copied(),
            },
            not_once,
            overlap,
            missing: ways.iter().filter(|way| way.visible.is_none()).count(),
            code: ended.status.code(),
            stderr: ended.stderr.clone(),
        }
    }

    /// What must not be, whatever the times are.
    pub(crate) fn wrong(&self) -> impl Iterator<Item = String> {
        let checks = [
            (
                self.code != Some(0),
                format!("it ended with {:?}:\n{}", self.code, self.stderr),
            ),
            (
                self.not_once > 0,
                format!("{} not touched exactly once", self.not_once),
            ),
            (
                self.overlap > 0,
                format!("{} written too early", self.overlap),
            ),
            (
                self.missing > 0,
                format!("{} do not run again", self.missing),
            ),
            (
                self.connections > 50,
                format!("{} connections", self.connections),
            ),
            (
                self.turned_away > 0,
                format!("{} connections too many", self.turned_away),
            ),
        ];
        checks
            .into_iter()
            .filter_map(|(is_wrong, what)| is_wrong.then_some(what))
    }

    /// Of several runs, the median of each figure that is a time or a size, and the worst of the others.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let mut all = runs[0].clone();
        let times = |of: fn(&Self) -> Duration| {
            middle(&mut runs.iter().map(of).collect::<Vec<_>>()).unwrap_or_default()
        };
        let maybe = |of: fn(&Self) -> Option<Duration>| {
            middle(&mut runs.iter().filter_map(of).collect::<Vec<_>>())
        };
        all.wall = times(|run| run.wall);
        all.bound = times(|run| run.bound);
        all.cpu = maybe(|run| run.cpu);
        all.simulator_cpu = maybe(|run| run.simulator_cpu);
        all.gaps.median = maybe(|run| run.gaps.median);
        all.gaps.largest = maybe(|run| run.gaps.largest);
        all.peak_memory = middle(
            &mut runs
                .iter()
                .filter_map(|run| run.peak_memory)
                .collect::<Vec<_>>(),
        );
        all.requests = runs.iter().map(|run| run.requests).fold(0.0, f64::max);
        for run in runs {
            all.bytes = all.bytes.max(run.bytes);
            all.connections = all.connections.max(run.connections);
            all.turned_away = all.turned_away.max(run.turned_away);
            all.not_once = all.not_once.max(run.not_once);
            all.overlap = all.overlap.max(run.overlap);
        }
        all
    }
}

/// Sorts, and gives the one in the middle.
fn middle<T: Ord + Copy>(values: &mut [T]) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn count(number: usize) -> f64 {
    // No run makes four billion requests.
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn is_touch(write: &Write) -> bool {
    write.accepted
        && matches!(
            write.kind,
            WriteKind::Restart { .. } | WriteKind::Stop { .. }
        )
}

/// What was written to, in the order of arrival.
fn ways(row: &Row, truth: &Truth) -> Vec<Way> {
    truth
        .writes
        .iter()
        .filter(|write| is_touch(write))
        .map(|write| {
            let (runs, after) = match row.mode {
                Mode::InPlace => (write.target.clone(), write.time),
                Mode::Reschedule => (successor(truth, &write.target), Time::default()),
            };
            Way {
                written: write.time,
                call: write
                    .done
                    .map_or(Duration::ZERO, |done| done.since(write.time)),
                visible: truth
                    .processes(&runs, TASK)
                    .iter()
                    .filter(|process| process.started.is_some_and(|at| at >= after))
                    .find_map(|process| process.visible),
            }
        })
        .collect()
}

/// The allocation that took its place, itself if none did: that one does not run again.
fn successor(truth: &Truth, id: &str) -> String {
    let mut last = id;
    while let Some(next) = truth
        .allocations
        .get(last)
        .and_then(|it| it.replaced_by.as_deref())
    {
        last = next;
    }
    if last == id {
        String::new()
    } else {
        last.to_owned()
    }
}

fn not_once(truth: &Truth) -> usize {
    let mut touched: BTreeMap<&str, usize> = BTreeMap::new();
    for write in truth.writes.iter().filter(|write| is_touch(write)) {
        *touched.entry(&write.target).or_default() += 1;
    }
    // Replacements are not to be touched at all.
    let replacements: Vec<&str> = truth
        .allocations
        .values()
        .filter_map(|it| it.replaced_by.as_deref())
        .collect();
    let replacements: std::collections::BTreeSet<&str> = replacements.into_iter().collect();
    truth
        .allocations
        .keys()
        .filter(|id| {
            let expected = usize::from(!replacements.contains(id.as_str()));
            touched.get(id.as_str()).copied().unwrap_or_default() != expected
        })
        .count()
}

/// How the writes followed one another, and how they could have.
#[derive(Debug, Default)]
struct Course {
    bound: Duration,
    gaps: Vec<Duration>,
    overlap: usize,
}

fn batches(ways: &[Way], size: usize) -> Course {
    let batches: Vec<&[Way]> = ways.chunks(size).collect();
    let mut course = Course {
        bound: batches.iter().map(|batch| bound(batch, size)).sum(),
        ..Course::default()
    };
    for pair in batches.windows(2) {
        let Some(last) = pair[0].iter().filter_map(|way| way.visible).max() else {
            continue;
        };
        course.overlap += pair[1].iter().filter(|way| way.written < last).count();
        let first = pair[1].first();
        course.gaps.extend(first.map(|way| way.written.since(last)));
    }
    course
}

fn window(ways: &[Way], size: usize) -> Course {
    let mut back: Vec<Time> = ways.iter().filter_map(|way| way.visible).collect();
    back.sort_unstable();
    let mut course = Course {
        bound: bound(ways, size),
        ..Course::default()
    };
    // The first so many find a place, each later one that of the next one that is back.
    for (way, back) in ways.iter().skip(size).zip(&back) {
        course.overlap += usize::from(way.written < *back);
        course.gaps.push(way.written.since(*back));
    }
    course
}

/// The least time that these take with so many places and the permits, each write in its order.
fn bound(ways: &[Way], size: usize) -> Duration {
    // When each of them is free again.
    let free = |number: usize| -> BinaryHeap<Reverse<Duration>> {
        (0..number).map(|_| Reverse(Duration::ZERO)).collect()
    };
    let (mut places, mut permits) = (free(size), free(PERMITS));
    let mut last = Duration::ZERO;
    for way in ways {
        let Reverse(place) = places.pop().unwrap_or_default();
        let Reverse(permit) = permits.pop().unwrap_or_default();
        let start = place.max(permit);
        permits.push(Reverse(start + way.call));
        let took = way
            .visible
            .map_or(way.call, |visible| visible.since(way.written));
        places.push(Reverse(start + took));
        last = last.max(start + took);
    }
    last
}
