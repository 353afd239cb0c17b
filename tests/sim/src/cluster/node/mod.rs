//! A client node: it hears what the servers want, runs allocations, and reports.
//!
//! What a node knows is ahead of what the API shows: task states live here and reach the servers'
//! tables with the node's next report ([`super::report`]).

mod alloc;
mod checks;
mod ending;
mod health;
mod logs;
mod policy;
mod process;
mod reconnect;
mod restart;
mod task;
mod ticks;

pub(crate) use alloc::Runner;

use std::collections::BTreeSet;

use super::state::{Due, State};
use super::tables::AllocRef;
use crate::model::Time;

/// One node's side of the cluster.
#[derive(Debug)]
pub(crate) struct Node {
    /// Ticks come at whole multiples of the pause after this.
    pub(super) anchor: Time,
    pub(crate) tick_planned: bool,
    /// A report is under way; no ticks until it is written.
    pub(super) sending: bool,
    /// Allocations with something to report.
    pub(super) dirty: BTreeSet<AllocRef>,
    /// Its agent does not run.
    pub(crate) agent_dead: bool,
    /// A call has found that out.
    pub(crate) session_broken: bool,
    /// What would have happened meanwhile.
    pub(crate) missed: Vec<Due>,
}

impl Node {
    pub(crate) fn new(anchor: Time) -> Self {
        Self {
            anchor,
            tick_planned: false,
            sending: false,
            dirty: BTreeSet::new(),
            agent_dead: false,
            session_broken: false,
            missed: Vec::new(),
        }
    }
}

impl State {
    /// The servers have written something about an allocation that its node will hear.
    pub(crate) fn tell_node(&mut self, alloc: AllocRef) {
        let delay = self.timing.fetch;
        let delay = self.draw(delay);
        self.plan_in(delay, Due::Fetch { alloc });
    }

    /// The node of an allocation hears the news.
    pub(crate) fn fetch(&mut self, alloc: AllocRef) {
        let Some(stored) = self.tables.alloc(alloc) else {
            return;
        };
        if let Some(node) = self.tables.node_ids.get(&stored.node_id).copied() {
            self.hear(node, alloc);
        }
    }

    /// Works on a runner that is taken out of the state meanwhile.
    pub(super) fn with_runner<T>(
        &mut self,
        alloc: AllocRef,
        f: impl FnOnce(&mut Self, &mut Runner) -> T,
    ) -> Option<T> {
        let mut runner = self.runners.get_mut(alloc)?.take()?;
        let result = f(self, &mut runner);
        self.runners[alloc] = Some(runner);
        Some(result)
    }
}
