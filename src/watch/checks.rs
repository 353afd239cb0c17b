//! What the checks of allocations say, read for those whose health is waited for: there is no query that waits for news of them.
//!
//! Whoever waits asks again as long as it does, about once a second. Each answer comes from a node through the agent, so they are read a
//! few at a time and at a bounded rate, whatever the size of a batch; those of a large one take their turn.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::shared::Shared;
use crate::nomad::json::AllocId;
use crate::view::{Change, Unread};

const AT_ONCE: usize = 3;
/// Between the beginnings of two reads: at most 50 a second.
const PACE: Duration = Duration::from_millis(20);

/// The allocations whose checks somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    queue: Mutex<Queue>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// In turn.
    waiting: std::collections::VecDeque<AllocId>,
    /// Waiting or being read: asked for once is enough.
    known: BTreeSet<AllocId>,
}

impl Wanted {
    pub(super) fn add(&self, id: &AllocId) {
        self.with(|queue| {
            if queue.known.insert(Arc::clone(id)) {
                queue.waiting.push_back(Arc::clone(id));
            }
        });
        self.added.notify_one();
    }

    async fn next(&self) -> AllocId {
        loop {
            if let Some(id) = self.with(|queue| queue.waiting.pop_front()) {
                return id;
            }
            self.added.notified().await;
        }
    }

    fn answered(&self, id: &AllocId) {
        self.with(|queue| queue.known.remove(id));
    }

    fn with<R>(&self, change: impl FnOnce(&mut Queue) -> R) -> R {
        change(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads what is wanted, for ever.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut reads = JoinSet::new();
    loop {
        let id = shared.checks_wanted.next().await;
        while reads.len() >= AT_ONCE {
            reads.join_next().await;
        }
        let shared = Arc::clone(&shared);
        reads.spawn(async move { read(&shared, id).await });
        sleep(PACE).await;
    }
}

async fn read(shared: &Shared, id: AllocId) {
    let asked = Instant::now();
    let answer = shared.client.checks(&id).await.map_err(|error| Unread {
        denied: error.is_permission_denied(),
        error: error.to_string().into(),
    });
    shared.checks_wanted.answered(&id);
    shared.apply(Change::Checks(id, answer), asked);
}
