//! What became of each eligible allocation, and every error, in processing order.

use std::collections::HashMap;

use crate::event::{RunError, Summary};
use crate::nomad::json::AllocId;
use crate::rules::policy::BatchResult;

/// The books of one run.
#[derive(Debug)]
pub(crate) struct Ledger {
    order: Vec<AllocId>,
    fates: HashMap<AllocId, Fate>,
    /// How many writes that may have been taken each has had.
    sent: HashMap<AllocId, usize>,
    /// With the place in the order that each belongs to.
    errors: Vec<(usize, RunError)>,
    rescheduled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Untouched,
    /// A write was sent, its effect not seen yet.
    InFlight,
    Done,
    Skipped(String),
    Failed,
}

impl Ledger {
    /// Opens the books for these allocations, in processing order.
    pub(crate) fn new(order: Vec<AllocId>, rescheduled: bool) -> Self {
        let fates = order
            .iter()
            .map(|id| (id.clone(), Fate::Untouched))
            .collect();
        Self {
            order,
            fates,
            sent: HashMap::new(),
            errors: Vec::new(),
            rescheduled,
        }
    }

    /// Books what became of an allocation. One that has failed stays so, whatever becomes of another task of it.
    pub(crate) fn set(&mut self, allocation: &AllocId, fate: Fate) {
        if self.fates.get(allocation) != Some(&Fate::Failed) {
            self.fates.insert(allocation.clone(), fate);
        }
    }

    /// A write is on its way.
    pub(crate) fn sent(&mut self, allocation: &AllocId) {
        *self.sent.entry(allocation.clone()).or_default() += 1;
        self.set(allocation, Fate::InFlight);
    }

    /// A write that was on its way was surely not taken.
    pub(crate) fn not_taken(&mut self, allocation: &AllocId) {
        let sent = self.sent.entry(allocation.clone()).or_default();
        *sent = sent.saturating_sub(1);
        if *sent == 0 && self.fates.get(allocation) == Some(&Fate::InFlight) {
            self.set(allocation, Fate::Untouched);
        }
    }

    /// Whether a write may have been taken.
    pub(crate) fn has_sent(&self, allocation: &AllocId) -> bool {
        self.sent.get(allocation).is_some_and(|sent| *sent > 0)
    }

    /// Books an error of the allocation at this place in the order, or of the run when it came to this place.
    pub(crate) fn error(&mut self, place: usize, error: RunError) {
        if let Some(allocation) = &error.allocation {
            self.fates.insert(allocation.clone(), Fate::Failed);
        }
        self.errors.push((place, error));
    }

    /// How many allocations have failed.
    pub(crate) fn failed(&self) -> usize {
        let fates = self.fates.values();
        fates.filter(|fate| **fate == Fate::Failed).count()
    }

    /// How many allocations need no more attention, and how many of them have failed.
    pub(crate) fn settled(&self) -> (usize, usize) {
        let mut settled = (0, 0);
        for fate in self.fates.values() {
            settled.0 += usize::from(!matches!(fate, Fate::Untouched | Fate::InFlight));
            settled.1 += usize::from(*fate == Fate::Failed);
        }
        settled
    }

    /// A mark to ask [`Ledger::errors_since`] with.
    pub(crate) fn mark(&self) -> usize {
        self.errors.len()
    }

    /// The errors that were booked since `mark`, in processing order; 0 is the start of the run.
    pub(crate) fn errors_since(&self, mark: usize) -> Vec<RunError> {
        let mut errors: Vec<_> = self.errors.iter().skip(mark).collect();
        // Stable: several errors of one allocation stay in the order in which they came.
        errors.sort_by_key(|(place, _)| *place);
        errors.into_iter().map(|(_, error)| error.clone()).collect()
    }

    /// What the errors since `mark` come to.
    pub(crate) fn result_since(&self, mark: usize) -> BatchResult {
        let errors = self.errors.iter().skip(mark);
        BatchResult::of(errors.map(|(_, error)| error.unrecoverable))
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary {
            rescheduled: self.rescheduled,
            eligible: self.order.len(),
            ..Summary::default()
        };
        for id in &self.order {
            match self.fates.get(id) {
                Some(Fate::Done) => summary.done.push(id.clone()),
                Some(Fate::Skipped(reason)) => summary.skipped.push((id.clone(), reason.clone())),
                Some(Fate::Failed) => summary.failed.push(id.clone()),
                Some(Fate::InFlight) => summary.in_flight.push(id.clone()),
                Some(Fate::Untouched) | None => summary.untouched.push(id.clone()),
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Trouble;

    fn error(allocation: Option<&str>, text: &str) -> RunError {
        RunError {
            allocation: allocation.map(AllocId::from),
            text: text.into(),
            unrecoverable: false,
            trouble: Trouble::Failure,
        }
    }

    #[test]
    fn a_write_that_was_not_taken_leaves_its_allocation_untouched() {
        let ids: Vec<AllocId> = ["a", "b"].map(AllocId::from).to_vec();
        let mut ledger = Ledger::new(ids.clone(), false);
        for id in &ids {
            ledger.sent(id);
        }
        // Another task of it.
        ledger.sent(&ids[1]);
        for id in &ids {
            ledger.not_taken(id);
        }
        let summary = ledger.summary();
        assert_eq!(summary.untouched, ids[..1]);
        assert_eq!(summary.in_flight, ids[1..]);
        ledger.sent(&ids[0]);
        assert_eq!(ledger.summary().in_flight, ids);
    }

    #[test]
    fn what_has_failed_stays_so() {
        let ids: Vec<AllocId> = ["a"].map(AllocId::from).to_vec();
        let mut ledger = Ledger::new(ids.clone(), false);
        ledger.error(0, error(Some("a"), "its first task"));
        ledger.set(&ids[0], Fate::Skipped("stopped meanwhile".into()));
        let summary = ledger.summary();
        assert_eq!((summary.failed, summary.skipped), (ids, vec![]));
    }

    #[test]
    fn every_allocation_is_in_the_summary_once_and_errors_come_in_processing_order() {
        // D55
        let ids: Vec<AllocId> = ["a", "b", "c", "d", "e"].map(AllocId::from).to_vec();
        let mut ledger = Ledger::new(ids.clone(), false);
        ledger.set(&ids[0], Fate::InFlight);
        ledger.set(&ids[1], Fate::InFlight);
        ledger.set(&ids[3], Fate::Skipped("gone".into()));
        ledger.error(1, error(Some("b"), "second"));
        ledger.error(0, error(Some("a"), "first"));
        ledger.error(2, error(None, "guard"));
        ledger.set(&ids[2], Fate::InFlight);
        let summary = ledger.summary();
        assert_eq!(summary.failed, ids[..2]);
        assert_eq!(summary.in_flight, ids[2..3]);
        assert_eq!(summary.skipped, [(ids[3].clone(), "gone".to_string())]);
        assert_eq!(summary.untouched, ids[4..]);
        let texts: Vec<_> = ledger
            .errors_since(0)
            .into_iter()
            .map(|error| error.text)
            .collect();
        assert_eq!(texts, ["first", "second", "guard"]);
        assert_eq!(ledger.errors_since(1).len(), 2);
    }
}
