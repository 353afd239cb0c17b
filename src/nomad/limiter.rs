//! How many connections to the agent are used at once.
//!
//! An agent accepts 100 connections from one address, idle ones and those of calls that nobody waits for any more included, and they
//! are shared with everything else that runs there. So reads have a few connections of their own (a batch of long restarts must not
//! blind the program) and each write needs a permit that lives as long as the agent works on it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections unless told otherwise.
pub(crate) const DEFAULT_MAX_CONNECTIONS: usize = 50;

/// The most reads in flight, whatever the budget.
pub(crate) const MOST_READS: usize = 6;

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
    /// Divides `max` connections (at least 4).
    ///
    /// A few stay spare: a read's connection goes back into the pool only a moment after its last byte, so that the next read may open
    /// another one meanwhile.
    pub(crate) fn of(max: usize) -> Self {
        let max = max.max(4);
        let reads = (max / 8).clamp(1, MOST_READS);
        let spare = reads.min(2);
        Self {
            reads,
            writes: max - reads - spare,
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
            assert!(reads >= 1 && writes >= 1, "{max}");
            assert!(reads + writes < max.max(4), "something is spare: {max}");
        }
        let usual = Split::of(DEFAULT_MAX_CONNECTIONS);
        assert_eq!((usual.reads, usual.writes), (6, 42));
    }

    #[tokio::test(start_paused = true)]
    async fn permits_come_back() {
        let limiter = Limiter::new(4);
        let first = limiter.write().await;
        let second = limiter.clone().write().await;
        let soon = std::time::Duration::from_secs(1);
        tokio::time::timeout(soon, limiter.write())
            .await
            .unwrap_err();
        drop(limiter.read().await);
        drop(first);
        let _third = limiter.write().await;
        drop(second);
    }
}
