//! The sliding window: which allocations may start next, so that at most so many are away at any moment.
//!
//! The window has places. One that is free is given to the allocation whose turn is next in processing order. When that one is done, or
//! has failed, its place stays empty for the wait between two allocations and is then given away again. An allocation that was not
//! taken away after all leaves its place as it was: to the next one if it was skipped, and keeping its own turn if the run was held
//! before it was touched.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use tokio::time::Instant;

/// Longer than any run lasts, and a time that clocks can tell.
const FOR_EVER: Duration = Duration::from_secs(50 * 365 * 86_400);

/// Whose turn it is.
#[derive(Debug)]
pub(crate) struct Window {
    wait: Duration,
    /// Places in the processing order whose turn has not come.
    waiting: BTreeSet<usize>,
    away: BTreeSet<usize>,
    /// From when on each place of the window that is not taken may be.
    free: BinaryHeap<Reverse<Instant>>,
}

/// How an allocation gave its place back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Done, or failed.
    Ended,
    /// It was not touched, and need not be any more.
    Skipped,
    /// It was not touched yet.
    Untouched,
}

impl Window {
    /// For `count` allocations with at most `size` of them away; 0 counts as 1. All places are free at `now`.
    pub(crate) fn new(count: usize, size: usize, wait: Duration, now: Instant) -> Self {
        let size = size.clamp(1, count.max(1));
        Self {
            wait: wait.min(FOR_EVER),
            waiting: (0..count).collect(),
            away: BTreeSet::new(),
            free: std::iter::repeat_n(Reverse(now), size).collect(),
        }
    }

    /// Which may start now, in processing order.
    pub(crate) fn ready(&self, now: Instant) -> Vec<usize> {
        let places = self.free.iter().filter(|place| place.0 <= now).count();
        self.waiting.iter().copied().take(places).collect()
    }

    /// When the next place may be taken that is empty, if somebody waits for one.
    pub(crate) fn next_place(&self) -> Option<Instant> {
        let place = self.free.peek()?;
        self.has_waiting().then_some(place.0)
    }

    /// One that may start has done so: it takes the place that was free first.
    pub(crate) fn start(&mut self, place: usize) {
        if self.waiting.remove(&place) {
            self.away.insert(place);
            self.free.pop();
        }
    }

    /// One that was away is so no longer.
    pub(crate) fn end(&mut self, place: usize, how: Left, now: Instant) {
        if !self.away.remove(&place) {
            return;
        }
        if how == Left::Untouched {
            self.waiting.insert(place);
        }
        let wait = match how {
            Left::Ended => self.wait,
            Left::Skipped | Left::Untouched => Duration::ZERO,
        };
        self.free.push(Reverse(now + wait));
    }

    /// Goes on after everything was brought to a halt: no empty place is taken before the wait is over.
    pub(crate) fn go_on(&mut self, wait: Duration, now: Instant) {
        let from = now + wait.min(FOR_EVER);
        self.free = std::iter::repeat_n(Reverse(from), self.free.len()).collect();
    }

    /// Whether somebody's turn has not come.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The one whose turn is next.
    pub(crate) fn next(&self) -> Option<usize> {
        self.waiting.first().copied()
    }

    /// Whether everybody had a turn and is back.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.away.is_empty()
    }
}

#[cfg(test)]
mod tests;
