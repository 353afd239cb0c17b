//! Garbage collection: what has ended is forgotten, and nobody is told. Queries by id answer 404 from then on, lists do not have it any
//! more, and the event stream says nothing.

use std::collections::BTreeSet;

use super::state::State;
use super::tables::{AllocRef, EvalRef};

impl State {
    /// Forgets the allocations that have ended for good and the evaluations that are over and have none left, whatever their age.
    /// Returns how many allocations that were.
    pub(crate) fn collect_garbage(&mut self) -> usize {
        let ended: Vec<AllocRef> = self
            .tables
            .allocs
            .iter()
            .enumerate()
            .filter(|(_, alloc)| {
                alloc
                    .as_ref()
                    .is_some_and(|alloc| alloc.server_terminal() && alloc.client.is_terminal())
            })
            .map(|(reference, _)| reference)
            .collect();
        let needed: BTreeSet<&str> = self
            .tables
            .allocs
            .iter()
            .flatten()
            .filter(|alloc| !(alloc.server_terminal() && alloc.client.is_terminal()))
            .map(|alloc| alloc.eval_id.as_str())
            .collect();
        let over: Vec<EvalRef> = self
            .tables
            .eval_ids
            .iter()
            .filter(|(id, reference)| {
                let status = self.tables.evals[**reference].status;
                matches!(status, "complete" | "failed" | "canceled")
                    && !needed.contains(id.as_str())
            })
            .map(|(_, reference)| *reference)
            .collect();
        if !ended.is_empty() || !over.is_empty() {
            self.transaction();
            self.tables.forget(&ended, &over);
            for alloc in &ended {
                if let Some(runner) = self.runners.get_mut(*alloc) {
                    *runner = None;
                }
            }
        }
        ended.len()
    }
}
