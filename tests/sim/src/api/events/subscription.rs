//! One reader of the server's event buffer: where it starts, what it gets next, when it is lost.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use super::topics::Filter;
use crate::cluster::{ChangeLog, Cluster};

/// How many lines the server keeps, for all readers together: 100 and the newest one (recording h04).
const KEPT: u64 = 101;

/// A reader. Each item of the buffer is one line.
#[derive(Debug)]
pub(crate) struct Subscription {
    cluster: Cluster,
    transactions: watch::Receiver<u64>,
    filter: Filter,
    /// Number of the next change.
    next: u64,
    /// What it takes until it reads for the first time.
    start: Option<Pin<Box<Sleep>>>,
}

/// The next change is not in the buffer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped;

/// Number of the oldest change in the buffer. Nothing before `floor` is in it.
fn oldest(log: &ChangeLog, floor: u64) -> u64 {
    log.end().saturating_sub(KEPT).max(floor)
}

/// Where a reader starts that asks for this index: zero is the oldest item, an index beyond the newest
/// item starts at the newest.
fn start(log: &ChangeLog, floor: u64, index: u64) -> u64 {
    let (oldest, end) = (oldest(log, floor), log.end());
    let mut numbers = oldest..end;
    let found = numbers.find(|number| {
        let change = log.get(*number);
        change.is_some_and(|change| change.index >= index)
    });
    found.unwrap_or(end.saturating_sub(1).max(oldest))
}

impl Subscription {
    /// `late` is how long the first reading takes: a reader that starts at the oldest item of a full
    /// buffer is lost if something is written meanwhile.
    pub(super) fn new(
        cluster: &Cluster,
        filter: Filter,
        floor: u64,
        index: u64,
        late: Duration,
    ) -> Self {
        let transactions = cluster.watch();
        let next = cluster.read(|state| start(state.changes(), floor, index));
        Self {
            cluster: cluster.clone(),
            transactions,
            filter,
            next,
            start: (!late.is_zero()).then(|| Box::pin(sleep(late))),
        }
    }

    /// The next line that has something for this reader, without its newline. Nothing is lost when
    /// the future is dropped.
    ///
    /// # Errors
    /// The reader was too slow.
    pub(crate) async fn line(&mut self) -> Result<Bytes, Dropped> {
        if let Some(start) = &mut self.start {
            start.await;
            self.start = None;
        }
        loop {
            self.transactions.borrow_and_update();
            while let Some(change) = self.cluster.read(|state| {
                let log = state.changes();
                if self.next < oldest(log, 0) {
                    return Err(Dropped);
                }
                Ok(log.get(self.next).cloned())
            })? {
                self.next += 1;
                let objects = self.filter.of(&change.objects);
                if !objects.is_empty() {
                    return Ok(change.bytes(objects).into());
                }
            }
            if self.transactions.changed().await.is_err() {
                // The sender lives in the cluster, of which this is a handle.
                std::future::pending::<()>().await;
            }
        }
    }
}
