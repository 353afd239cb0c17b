//! A node's agent that is back after the servers had called it disconnected.

use crate::cluster::state::State;
use crate::cluster::tables::AllocRef;
use crate::model::{ClientStatus, EventKind, TaskStateKind};

impl State {
    /// The tasks of an allocation that was unknown to the servers take note.
    pub(crate) fn reconnect(&mut self, alloc: AllocRef) {
        let stored = self.tables.alloc(alloc);
        if stored.is_none_or(|stored| stored.client != ClientStatus::Unknown) {
            return;
        }
        self.with_runner(alloc, |state, run| {
            for task in 0..run.tasks.len() {
                if run.tasks[task].state.state == TaskStateKind::Running {
                    state.event(run, task, EventKind::Reconnected);
                }
            }
            state.mark_dirty(run);
        });
    }
}
