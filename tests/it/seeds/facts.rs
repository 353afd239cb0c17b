//! What was true at which moment of a run, from the simulator's record.

mod health;

use std::collections::BTreeMap;
use std::time::Duration;

use nomad_sim::cluster::{Object, Process, WriteKind};
use nomad_sim::front::Fault;
use nomad_sim::model::{Allocation, ClientStatus, Time};

use super::plot::{Part, Task};
use super::stage::Run;
use super::tty::{Entry, SIGPIPE};

/// The record of one run, with its ways to ask.
pub(super) struct Facts<'a> {
    pub(super) run: &'a Run,
    /// What the servers held of each allocation, and since when; by id.
    history: BTreeMap<&'a str, Vec<(Time, &'a Allocation)>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let mut history: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for change in &run.changes {
            for object in &change.objects {
                if let Object::Allocation(alloc) = object {
                    let versions = history.entry(&alloc.id).or_default();
                    versions.push((change.time, &**alloc));
                }
            }
        }
        Self { run, history }
    }

    /// The whole id of one that is printed short.
    pub(super) fn whole(&self, id: &str) -> Option<&'a str> {
        let run = self.run;
        let mut fit = run.truth.allocations.range(id.to_owned()..);
        let (whole, _) = fit.next()?;
        whole.starts_with(id).then_some(whole)
    }

    /// Writes of the program that the cluster has taken on.
    pub(super) fn accepted(&self, id: &str) -> Vec<&'a WriteKind> {
        let run = self.run;
        run.truth.allocations[id]
            .writes
            .iter()
            .filter(|index| **index >= run.before && !run.foreign.contains(index))
            .map(|index| &run.truth.writes[*index])
            .filter(|write| write.accepted)
            .map(|write| &write.kind)
            .collect()
    }

    /// Requests to restart or stop an allocation, with their times and answers.
    pub(super) fn requests(&self) -> impl Iterator<Item = (Time, &'a str, Option<u16>)> {
        self.run
            .requests
            .iter()
            .filter(|it| it.method == "PUT")
            .filter_map(|it| {
                let parts: Vec<&str> = it.path.split('/').collect();
                match parts[..] {
                    [.., "allocation", id, "restart" | "stop"] => Some((it.time, id, it.status)),
                    _ => None,
                }
            })
    }

    /// What the servers held of an allocation at a moment and in the time before it.
    pub(super) fn held(&self, id: &str, at: Time, before: Duration) -> Vec<&'a Allocation> {
        let Some(versions) = self.history.get(id) else {
            return Vec::new();
        };
        let from = at.plus(-i64::try_from(before.as_nanos()).unwrap());
        let first = versions.partition_point(|(since, _)| *since <= from);
        versions[first.saturating_sub(1)..]
            .iter()
            .filter(|(since, _)| *since <= at)
            .map(|(_, alloc)| *alloc)
            .collect()
    }

    /// Whether an allocation ever had this client status, up to a moment.
    pub(super) fn had_status(&self, id: &str, status: &str, at: Time) -> bool {
        let versions = self.history.get(id);
        versions.into_iter().flatten().any(|(since, alloc)| {
            *since <= at && serde_json::to_value(alloc.client).unwrap() == status
        })
    }

    fn tasks(&self, id: &str) -> &'a [Task] {
        let group = &self.run.truth.allocations[id].group;
        &self.run.plot.group(group).tasks
    }

    fn processes(&self, id: &str, task: &Task) -> &'a [Process] {
        self.run.truth.processes(id, task.name)
    }

    fn may_finish(&self, task: &Task) -> bool {
        match task.part {
            Part::Main => self.run.plot.kind == "batch",
            Part::Sidecar => false,
            Part::Prestart | Part::Poststart | Part::Poststop => true,
        }
    }

    /// The tasks of an allocation that a restart which begins at a moment is certainly about.
    fn targets(&self, id: &str, begun: Time) -> Vec<&'a Task> {
        let command = &self.run.plot.command;
        let runs = |task: &Task| {
            self.processes(id, task).iter().any(|it| {
                it.visible.is_some_and(|seen| seen <= begun)
                    && it.ended.is_none_or(|ended| ended > begun)
            })
        };
        let is_target = |task: &&Task| {
            if !command.tasks.is_empty() {
                command.tasks.contains(&task.name)
            } else if command.all_tasks {
                let seen = |it: &Process| it.visible.is_some_and(|seen| seen <= begun);
                task.part != Part::Poststop && self.processes(id, task).iter().any(seen)
            } else {
                runs(task)
            }
        };
        self.tasks(id).iter().filter(is_target).collect()
    }

    /// Whether everything that a restart is about was seen to run again, up to a moment.
    pub(super) fn restarted(&self, id: &str, begun: Time, at: Time) -> bool {
        self.targets(id, begun).iter().all(|task| {
            let processes = self.processes(id, task);
            let again = processes.iter().any(|it| {
                it.started.is_some_and(|started| started > begun)
                    && (it.visible.is_some_and(|seen| seen <= at)
                        || self.may_finish(task) && finished(it, at))
            });
            // It ended by itself before the restart reached it.
            let ended_before = self.may_finish(task)
                && processes
                    .last()
                    .is_some_and(|it| it.exit_code == 0 && it.ended.is_some_and(|end| end <= at));
            again || ended_before
        })
    }

    /// The replacements of an allocation, up to a moment.
    pub(super) fn chain(&self, id: &str, at: Time) -> Vec<&'a str> {
        let allocations = &self.run.truth.allocations;
        let mut chain = Vec::new();
        let mut next = allocations[id].replaced_by.as_deref();
        while let Some(id) = next {
            let Some(alloc) = allocations.get(id).filter(|it| it.created <= at) else {
                break;
            };
            chain.push(id);
            next = alloc.replaced_by.as_deref();
        }
        chain
    }

    /// Whether everything in an allocation that is meant to run was seen to run, or has done its work, up to a moment.
    pub(super) fn ran(&self, id: &str, at: Time) -> bool {
        let stays = |task: &&Task| task.stays();
        self.tasks(id).iter().filter(stays).all(|task| {
            self.processes(id, task).iter().any(|it| {
                it.visible.is_some_and(|seen| seen <= at)
                    || self.run.plot.kind == "batch" && finished(it, at)
            })
        })
    }

    /// Whether what a write that begins at a moment is for was reached, up to another.
    pub(super) fn reached(&self, id: &str, begun: Time, at: Time) -> bool {
        let command = &self.run.plot.command;
        let runs = if command.reschedule {
            self.chain(id, at).iter().any(|id| self.ran(id, at))
        } else {
            self.restarted(id, begun, at)
        };
        runs && (!command.healthy || self.was_healthy(id, begun, at))
    }

    /// Whether it was reached, for long enough to be seen, and nothing has ended since.
    pub(super) fn holds(&self, id: &str, begun: Time, at: Time) -> bool {
        if self.run.plot.command.healthy && !self.is_long_healthy(id, begun, at) {
            return false;
        }
        let well = |id: &str, tasks: &[&Task]| {
            let is_up = |task: &&Task| {
                self.processes(id, task).last().is_some_and(|it| {
                    it.visible.is_some_and(|seen| seen <= at) && it.ended.is_none()
                })
            };
            tasks.iter().all(is_up)
                && self
                    .held(id, at, Duration::ZERO)
                    .iter()
                    .all(|it| !it.terminal() && it.client == ClientStatus::Running)
        };
        if self.run.plot.command.reschedule {
            self.chain(id, at).last().is_some_and(|last| {
                let tasks: Vec<_> = self.tasks(last).iter().filter(|it| it.stays()).collect();
                well(last, &tasks)
            })
        } else {
            let targets = self.targets(id, begun);
            !targets.is_empty() && self.restarted(id, begun, at) && well(id, &targets)
        }
    }

    /// Whether anybody's write on it was taken during the run, up to a moment.
    pub(super) fn is_touched(&self, id: &str, at: Time) -> bool {
        let truth = &self.run.truth;
        let during = |index: &&usize| **index >= self.run.before;
        let mut writes = truth.allocations[id].writes.iter().filter(during);
        writes.any(|index| truth.writes[*index].accepted && truth.writes[*index].time <= at)
    }

    /// Starts of any of its tasks between two moments, failed ones included.
    pub(super) fn starts(&self, id: &str, from: Time, to: Time) -> usize {
        let all = self.run.truth.allocations[id].processes.values().flatten();
        all.filter(|it| {
            it.started
                .or(it.ended)
                .is_some_and(|at| at >= from && at <= to)
        })
        .count()
    }

    /// Whether a process of it has failed, up to a moment.
    pub(super) fn failed(&self, id: &str, at: Time) -> bool {
        let mut all = self.run.truth.allocations[id].processes.values().flatten();
        all.any(|it| {
            (it.exit_code != 0 || it.started.is_none()) && it.ended.is_some_and(|e| e <= at)
        })
    }

    /// When stdout was found closed.
    pub(super) fn closed(&self) -> Option<Time> {
        let mut log = self.run.log.iter();
        log.find(|(_, entry)| *entry == Entry::Signal(SIGPIPE))
            .map(|(at, _)| *at)
    }

    /// How old an answer may be when it arrives, because the scene keeps it back.
    pub(super) fn lag(&self) -> Duration {
        let kept = self.run.plot.faults.iter().map(|it| match it.fault {
            Fault::DelayAnswer(delay) => delay,
            Fault::Drip(..) => Duration::from_secs(30),
            _ => Duration::ZERO,
        });
        // Nodes report within 1.3 s.
        Duration::from_secs(3) + kept.sum::<Duration>()
    }
}

fn finished(process: &Process, at: Time) -> bool {
    process.exit_code == 0 && process.ended.is_some_and(|ended| ended <= at)
}
