//! What is due when: a queue of things that will happen, in the order of time and, at the same time,
//! of planning.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::Time;

/// The queue.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Entry<T>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Time,
    order: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        Reverse((self.at, self.order)).cmp(&Reverse((other.at, other.order)))
    }
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            planned: 0,
        }
    }
}

impl<T> Timers<T> {
    pub(crate) fn plan(&mut self, at: Time, what: T) {
        self.planned += 1;
        self.heap.push(Entry {
            at,
            order: self.planned,
            what,
        });
    }

    /// When the next thing is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next thing that is due at `now` or before.
    pub(crate) fn pop(&mut self, now: Time) -> Option<(Time, T)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_and_then_in_the_order_of_planning() {
        let mut timers = Timers::default();
        for (at, what) in [(5, "c"), (3, "a"), (5, "d"), (4, "b"), (9, "e")] {
            timers.plan(Time(at), what);
        }
        let due: Vec<_> = std::iter::from_fn(|| timers.pop(Time(5))).collect();
        assert_eq!(
            due.iter().map(|(_, what)| *what).collect::<String>(),
            "abcd"
        );
        assert_eq!(timers.next(), Some(Time(9)));
    }
}
