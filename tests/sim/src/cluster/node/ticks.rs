//! When a node reports: at ticks, at once where an allocation's status changed, else at every fifth.

use super::alloc::Runner;
use crate::cluster::report::Report;
use crate::cluster::state::{Due, State};
use crate::cluster::tables::NodeRef;
use crate::model::ClientStatus;

impl State {
    /// An allocation has something to report.
    pub(super) fn mark_dirty(&mut self, run: &Runner) {
        let node = run.node;
        self.nodes[node].dirty.insert(run.alloc);
        self.plan_tick(node);
    }

    /// Plans the next tick; ticks come on a grid, and only while there is something to report.
    pub(crate) fn plan_tick(&mut self, node: NodeRef) {
        let side = &mut self.nodes[node];
        if side.tick_planned || side.sending || side.agent_dead || side.dirty.is_empty() {
            return;
        }
        side.tick_planned = true;
        let pause = self.timing.tick.max(1);
        let passed = (self.now.nanos() - side.anchor.nanos()).div_euclid(pause);
        let next = side.anchor.plus((passed + 1) * pause);
        self.plan(next, Due::Tick { node });
    }

    /// A node looks at what it has to report.
    pub(crate) fn tick(&mut self, node: NodeRef) {
        let pause = self.timing.tick.max(1);
        let slow = i64::from(self.timing.slow_ticks.max(1));
        let now = self.now;
        let side = &mut self.nodes[node];
        side.tick_planned = false;
        if side.sending || side.dirty.is_empty() {
            return;
        }
        let number = (now.nanos() - side.anchor.nanos()) / pause;
        let due = number.rem_euclid(slow) == 0;
        let urgent = side.dirty.iter().any(|alloc| {
            let runner = self.runners.get(*alloc).and_then(Option::as_ref);
            runner.is_some_and(|run| is_urgent(run))
        });
        if !due && !urgent {
            self.plan_tick(node);
            return;
        }
        let dirty = std::mem::take(&mut self.nodes[node].dirty);
        self.nodes[node].sending = true;
        let mut reports = Vec::new();
        for alloc in dirty {
            self.with_runner(alloc, |_, run| {
                let (client, description) = run.status();
                run.acked = Some(client);
                let specs = &run.job.groups[run.group].tasks;
                let states = specs.iter().zip(&run.tasks);
                reports.push(Report {
                    alloc,
                    client,
                    description,
                    states: states
                        .map(|(spec, task)| (spec.name.clone(), task.state.clone().into()))
                        .collect(),
                    health: run.health.verdict,
                    time: now,
                });
            });
        }
        self.receive_reports(node, reports);
    }
}

/// A changed status does not wait. The first report of an allocation does, unless it has ended.
fn is_urgent(run: &Runner) -> bool {
    let (status, _) = run.status();
    match run.acked {
        None => status.is_terminal(),
        Some(acked) => acked != status || status == ClientStatus::Unknown,
    }
}
