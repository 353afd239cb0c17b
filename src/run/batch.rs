//! What the workers of one batch share, or those of a sliding window until it is held.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::evidence::PER_BATCH;
use crate::event::Trouble;
use crate::nomad::json::AllocId;

/// One batch under way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    halted: AtomicBool,
    held: AtomicBool,
    /// Why nothing will take the place of some that this batch has stopped, by allocation.
    given_up: Mutex<HashMap<AllocId, (String, Trouble)>>,
    ended: Mutex<HashSet<AllocId>>,
    settled: Mutex<HashSet<AllocId>>,
    looked_into: AtomicUsize,
}

impl Batch {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Leaves what is not sent yet untouched.
    pub(super) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    /// Lets no member begin any more; what has begun is brought to its end, with all its tasks.
    pub(super) fn hold(&self) {
        self.held.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Notes that something of a member is decided without a write.
    pub(super) fn settle(&self, id: &AllocId) {
        self.settled().insert(Arc::clone(id));
    }

    pub(super) fn is_settled(&self, id: &AllocId) -> bool {
        self.settled().contains(id)
    }

    fn settled(&self) -> MutexGuard<'_, HashSet<AllocId>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait for the replacement of a member, once its worker looks.
    pub(super) fn give_up(&self, id: &AllocId, text: String, trouble: Trouble) {
        let mut given_up = self.all_given_up();
        given_up.entry(Arc::clone(id)).or_insert((text, trouble));
    }

    /// Why the replacement of a member is not waited for any more.
    pub(super) fn given_up(&self, id: &AllocId) -> Option<(String, Trouble)> {
        self.all_given_up().get(id).cloned()
    }

    fn all_given_up(&self) -> MutexGuard<'_, HashMap<AllocId, (String, Trouble)>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more failure of this batch may be looked into.
    pub(super) fn may_look_into(&self) -> bool {
        self.looked_into.fetch_add(1, Ordering::Relaxed) < PER_BATCH
    }

    /// Notes that a member needs no more attention.
    pub(super) fn end(&self, id: &AllocId) {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Arc::clone(id));
    }

    /// Whether a member needs no more attention, or will not get any.
    pub(super) fn has_ended(&self, id: &AllocId) -> bool {
        self.all_given_up().contains_key(id)
            || self
                .ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(id)
    }
}
