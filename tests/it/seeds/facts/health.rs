//! For how long what runs was well: the time that `-wait=healthy` is about.

use std::time::Duration;

use nomad_sim::cluster::Process;
use nomad_sim::model::{Time, Version};

use super::Facts;
use crate::seeds::plot::{Actor, Task};

const END: Time = Time(i64::MAX);

/// From and to.
type Stretch = (Time, Time);

impl Facts<'_> {
    /// Whether the health of what runs in the place of an allocation was seen to be as asked for, up to a moment: of the allocation itself
    /// after a restart that began at `begun`, or of its replacements.
    pub(super) fn was_healthy(&self, id: &str, begun: Time, at: Time) -> bool {
        if !self.run.plot.command.reschedule {
            let targets = self.targets(id, begun);
            return self.held_well(id, &targets, Some(begun), at);
        }
        self.chain(id, at).into_iter().any(|id| {
            let stays: Vec<_> = self.tasks(id).iter().filter(|it| it.stays()).collect();
            if self.is_judged() {
                self.found(id, true, at)
            } else {
                self.held_well(id, &stays, None, at)
            }
        })
    }

    /// Whether it has been healthy for so long that this must have been seen.
    pub(super) fn is_long_healthy(&self, id: &str, begun: Time, at: Time) -> bool {
        let plot = &self.run.plot;
        let slack = Duration::from_secs(3 + u64::try_from(plot.allocations() / 20).unwrap());
        let before = |by: Duration| at.plus(-i64::try_from(by.as_nanos()).unwrap());
        if plot.command.reschedule {
            let last = self.chain(id, at).last().copied();
            return last.is_some_and(|it| self.is_judged() && self.found(it, true, before(slack)));
        }
        let targets = self.targets(id, begun);
        let since = before(plot.healthy_time() + slack);
        let mut stretches = self.stretches(id, &targets, Some(begun)).into_iter();
        stretches.any(|(from, to)| from <= since && to > at)
    }

    /// Whether Nomad has found an allocation healthy, or unhealthy, up to a moment.
    pub(in crate::seeds) fn found(&self, id: &str, healthy: bool, at: Time) -> bool {
        self.history
            .get(id)
            .into_iter()
            .flatten()
            .any(|(since, alloc)| {
                *since <= at && alloc.health.as_ref().and_then(|it| it.healthy) == Some(healthy)
            })
    }

    /// Whether Nomad judges the health of this job's replacements.
    fn is_judged(&self) -> bool {
        let plot = &self.run.plot;
        let old = [Version::V1_6, Version::V1_8, Version::V1_10];
        match plot.kind {
            "batch" => false,
            "system" => !old.contains(&plot.version),
            _ => true,
        }
    }

    /// Whether these tasks and all checks were well for as long as asked for.
    fn held_well(&self, id: &str, tasks: &[&Task], begun: Option<Time>, at: Time) -> bool {
        let plot = &self.run.plot;
        let may_end = tasks.iter().all(|task| {
            let last = self.processes(id, task).last();
            self.may_finish(task) && last.is_some_and(|it| super::finished(it, at))
        });
        if may_end {
            return true;
        }
        // What a node has not reported yet, and where it cannot be asked, what it would have said.
        let unseen = if self.run.reads_go_well() && !self.a_node_was_away() {
            Duration::from_millis(1500) + plot.latency * 2
        } else {
            Duration::MAX
        };
        let time = plot.healthy_time().saturating_sub(unseen);
        self.stretches(id, tasks, begun).iter().any(|(from, to)| {
            let to = (*to).min(at);
            to > *from && to.since(*from) >= time
        })
    }

    fn a_node_was_away(&self) -> bool {
        let mut actors = self.run.plot.actors.iter();
        actors.any(|(_, actor)| matches!(actor, Actor::KillAgent(..) | Actor::PurgeNode(_)))
    }

    /// When all of these tasks ran, in processes that began after a moment, and all checks that count were good.
    fn stretches(&self, id: &str, tasks: &[&Task], begun: Option<Time>) -> Vec<Stretch> {
        let mut all = vec![(begun.unwrap_or(Time(0)), END)];
        for task in tasks {
            let ran = |it: &Process| {
                let from = it
                    .started
                    .filter(|at| begun.is_none_or(|begun| *at > begun))?;
                let to = it.ended.unwrap_or(END);
                let well = self.may_finish(task) && it.exit_code == 0;
                Some((from, if well { END } else { to }))
            };
            let ran: Vec<_> = self.processes(id, task).iter().filter_map(ran).collect();
            all = common(&all, &ran);
        }
        let group = self.run.plot.group(&self.run.truth.allocations[id].group);
        let mut checks = group.tasks.iter().flat_map(|task| &task.checks);
        // A replacement that nobody judges has to run; its checks are not looked at.
        if begun.is_some() && checks.any(|check| check.counts) {
            let changes = &self.run.truth.allocations[id].health;
            let good = (0..changes.len()).filter(|at| changes[*at].1).map(|at| {
                let to = changes.get(at + 1).map_or(END, |(to, _)| *to);
                (changes[at].0, to)
            });
            all = common(&all, &good.collect::<Vec<_>>());
        }
        all
    }
}

/// What lies in one of each.
fn common(one: &[Stretch], other: &[Stretch]) -> Vec<Stretch> {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| (a.0.max(b.0), a.1.min(b.1)))
        .filter(|(from, to)| from < to)
        .collect()
}
