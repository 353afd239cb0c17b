//! Whether the thread that reports has caught up: on virtual time, a test must not let time go on while that thread is at work, or a
//! question would be put later than it was asked.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the thread may work at what it was sent, in real time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Counts what the thread is sent and what it has dealt with.
#[derive(Debug, Default)]
pub struct Pace {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    /// Events and questions.
    sent: u64,
    done: u64,
    /// Typed lines, and calls that a question is over.
    replies: u64,
    taken: u64,
    /// A question is open, and nothing but a reply ends it.
    asking: bool,
    ended: bool,
}

impl Counts {
    fn caught_up(&self) -> bool {
        self.ended || self.done >= self.sent || (self.asking && self.taken >= self.replies)
    }
}

impl Pace {
    /// Waits, in real time, until everything that was sent is said, or an open question waits for a reply.
    ///
    /// # Panics
    /// When that takes half a minute.
    pub fn caught_up(&self) {
        let (counts, late) = self
            .changed
            .wait_timeout_while(self.counts(), PATIENCE, |counts| !counts.caught_up())
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "the report is stuck: {counts:?}");
    }

    /// A line is about to be typed, or the input to end, while a question waits for it.
    pub fn typed(&self) {
        self.change(|counts| counts.replies += 1);
    }

    pub(super) fn sent(&self) {
        self.change(|counts| counts.sent += 1);
    }

    pub(super) fn done(&self) {
        self.change(|counts| counts.done += 1);
    }

    pub(super) fn called_off(&self) {
        self.change(|counts| counts.replies += 1);
    }

    pub(super) fn asking(&self, asking: bool) {
        self.change(|counts| counts.asking = asking);
    }

    pub(super) fn taken(&self) {
        self.change(|counts| counts.taken += 1);
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts());
        self.changed.notify_all();
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the pace with the thread, also when it panics.
pub(super) struct Ends<'a>(pub(super) &'a Pace);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.change(|counts| counts.ended = true);
    }
}
