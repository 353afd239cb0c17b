//! What the workers of one batch share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::nomad::json::AllocId;

/// One batch under way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    halted: watch::Sender<bool>,
    dead_end: watch::Sender<Option<DeadEnd>>,
    ended: Mutex<HashSet<AllocId>>,
}

/// Why nothing will take the place of what this batch has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeadEnd {
    /// Of this group only; `None` = of all.
    pub(super) group: Option<String>,
    pub(super) text: String,
}

impl Batch {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Leaves what is not sent yet untouched.
    pub(super) fn halt(&self) {
        self.halted.send_replace(true);
    }

    pub(super) fn is_halted(&self) -> bool {
        *self.halted.borrow()
    }

    /// Ends the waits for replacements.
    pub(super) fn set_dead_end(&self, dead_end: DeadEnd) {
        self.dead_end.send_replace(Some(dead_end));
    }

    /// Follows whether the waits for replacements have come to a dead end.
    pub(super) fn dead_end(&self) -> watch::Receiver<Option<DeadEnd>> {
        self.dead_end.subscribe()
    }

    /// Notes that a member needs no more attention.
    pub(super) fn end(&self, id: &AllocId) {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Arc::clone(id));
    }

    pub(super) fn has_ended(&self, id: &AllocId) -> bool {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(id)
    }
}
