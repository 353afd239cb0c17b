//! From an allocation to the one that replaced it.
//!
//! Nomad links the two when the evaluation of the stop places the replacement. When a blocked evaluation places it later, neither
//! link is ever set: then it is the next allocation of the same name and group (for system jobs: on the same node) that no other
//! allocation names as its replacement. Unless the job was purged: another one of the same id uses the same names.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use super::{JobView, job_type, rests};
use crate::nomad::json::{AllocId, Allocation};

impl JobView {
    /// The allocation that replaced this one, which may not be known itself yet. One without links counts only if it was created after
    /// `index`: then it cannot be a consequence of what happened before.
    pub(crate) fn successor_after(&self, id: &str, index: u64) -> Option<AllocId> {
        let allocation = self.last_known(id)?;
        if !allocation.next_allocation.is_empty() {
            return Some(allocation.next_allocation.clone());
        }
        if self.is_gone(id) || rests(allocation) {
            self.placed_later(allocation, index)
        } else {
            None
        }
    }

    /// The end of the chain of replacements that begins with this allocation; `None` if it was not replaced.
    pub(crate) fn last_successor(&self, id: &str) -> Option<AllocId> {
        self.successors(id, 0).pop()
    }

    /// All replacements in their order: the one of `id`, the one of that one, … Ends where it would come back to a link.
    pub(crate) fn successors(&self, id: &str, index: u64) -> Vec<AllocId> {
        let mut seen = BTreeSet::from([AllocId::from(id)]);
        let mut chain: Vec<AllocId> = Vec::new();
        loop {
            let end = chain.last().map_or(id, |last| &**last);
            match self.successor_after(end, index) {
                Some(next) if seen.insert(next.clone()) => chain.push(next),
                _ => return chain,
            }
        }
    }

    /// The first allocation of the same place that was created later and that nobody names as a replacement.
    fn placed_later(&self, allocation: &Arc<Allocation>, index: u64) -> Option<AllocId> {
        let is_of_purged_job = allocation.create_index < self.job_index.0;
        let gone = self.gone.get(&allocation.id);
        // Why it is gone shows when the job is looked at.
        if is_of_purged_job || gone.is_some_and(|gone| self.job_read < Some(gone.since)) {
            return None;
        }
        let after = allocation.create_index.max(index);
        let everywhere = matches!(job_type(self, allocation), "system" | "sysbatch");
        let name = &allocation.name;
        let last_before = (name.clone(), after, AllocId::from("\u{10ffff}"));
        self.names
            .range((Bound::Excluded(last_before), Bound::Unbounded))
            .take_while(|(other, ..)| other == name)
            .map(|(.., id)| id)
            .filter(|id| {
                self.predecessors
                    .get(*id)
                    .is_none_or(|by| *by == allocation.id)
            })
            .find(|id| {
                self.last_known(id).is_some_and(|other| {
                    other.task_group == allocation.task_group
                        && (other.previous_allocation.is_empty()
                            || other.previous_allocation == allocation.id)
                        && (!everywhere || other.node_id == allocation.node_id)
                })
            })
            .cloned()
    }
}
