//! How many connections to the agent are used at once.
//!
//! An agent accepts 100 connections from one address, idle ones and those of calls that nobody waits for any more included, and they
//! are shared with everything else that runs there. So reads have a few connections of their own (a batch of long restarts must not
//! blind the program) and each write needs a permit that lives as long as the agent works on it, whether or not anybody still waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The smallest budget: two reads, so that one can be held for news while another is answered, a write, and one to spare.
pub(crate) const LEAST_CONNECTIONS: usize = 4;

/// The most reads in flight, whatever the budget.
const MOST_READS: usize = 6;

/// With fewer reads than this, held queries could occupy all of them.
const READS_FOR_LONG_HOLDS: usize = 4;

/// How long a query may be held then: others wait for their turn meanwhile.
const SHORT_HOLD: Duration = Duration::from_secs(1);

/// Hands out permits; clones share the budget.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    split: Split,
}

/// How a budget of connections is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// Reads in flight at once.
    pub(crate) reads: usize,
    /// Writes in flight at once.
    pub(crate) writes: usize,
}

impl Split {
    /// Divides `max` connections (at least [`LEAST_CONNECTIONS`]).
    ///
    /// A few stay spare: a read's connection goes back into the pool only a moment after its last byte, so that the next read may open
    /// another one meanwhile.
    pub(crate) fn of(max: usize) -> Self {
        let max = max.max(LEAST_CONNECTIONS);
        let reads = (max / 4).clamp(2, MOST_READS);
        let spare = (reads / 2).min(2);
        Self {
            reads,
            writes: max - reads - spare,
        }
    }

    /// How long a query may be held for news that would be held for `wait`.
    pub(crate) fn hold(self, wait: Duration) -> Duration {
        if self.reads < READS_FOR_LONG_HOLDS {
            wait.min(SHORT_HOLD)
        } else {
            wait
        }
    }
}

/// The right to have one write in flight.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once limits nothing"]
pub(crate) struct Permit {
    _slot: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Gives the permit back once the connection of the finished call is closed.
    ///
    /// A task of the HTTP library closes it, which has its turn only after this one; released at once, the permits of calls that end
    /// together let as many new connections open beside the old ones.
    pub(crate) async fn give_back(self) {
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
    }
}

impl Limiter {
    pub(crate) fn new(max_connections: usize) -> Self {
        let split = Split::of(max_connections);
        Self {
            reads: Arc::new(Semaphore::new(split.reads)),
            writes: Arc::new(Semaphore::new(split.writes)),
            split,
        }
    }

    pub(crate) fn split(&self) -> Split {
        self.split
    }

    /// Waits until one more read may be sent.
    pub(crate) async fn read(&self) -> Permit {
        Self::permit(&self.reads).await
    }

    /// Waits until one more write may be sent.
    pub(crate) async fn write(&self) -> Permit {
        Self::permit(&self.writes).await
    }

    async fn permit(slots: &Arc<Semaphore>) -> Permit {
        Permit {
            // The semaphores are never closed, so there is always a slot in the end.
            _slot: Arc::clone(slots).acquire_owned().await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_exceeded_and_nobody_is_left_without() {
        // N5
        for max in 0..=200 {
            let Split { reads, writes } = Split::of(max);
            assert!(reads >= 2 && writes >= 1, "{max}");
            assert!(
                reads + writes < max.max(LEAST_CONNECTIONS),
                "something is spare: {max}"
            );
        }
        for (max, reads, writes) in [
            (4, 2, 1),
            (10, 2, 7),
            (16, 4, 10),
            (50, 6, 42),
            (80, 6, 72),
            (65_535, 6, 65_527),
        ] {
            assert_eq!(Split::of(max), Split { reads, writes }, "{max}");
        }
    }

    #[test]
    fn where_reads_are_few_none_is_held_for_long() {
        let long = Duration::from_secs(30);
        assert_eq!(Split::of(4).hold(long), SHORT_HOLD);
        assert_eq!(Split::of(15).hold(long), SHORT_HOLD);
        assert_eq!(Split::of(16).hold(long), long);
        let short = Duration::from_millis(5);
        assert_eq!(Split::of(4).hold(short), short);
    }

    #[tokio::test(start_paused = true)]
    async fn permits_come_back() {
        let limiter = Limiter::new(5);
        let first = limiter.write().await;
        let second = limiter.clone().write().await;
        let soon = Duration::from_secs(1);
        tokio::time::timeout(soon, limiter.write())
            .await
            .unwrap_err();
        drop(limiter.read().await);
        drop(first);
        let _third = limiter.write().await;
        drop(second);
    }
}
