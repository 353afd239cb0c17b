//! Tells of one allocation's way while it is waited for: each replacement once, changes of status, a sign of life every minute.

use std::collections::HashSet;

use super::context::Context;
use crate::event::{EventKind, WaitedFor};
use crate::nomad::json::{AllocId, ClientStatus};
use crate::plan::Action;
use crate::view::JobView;

/// What was told of one allocation so far.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    context: &'a Context,
    id: &'a AllocId,
    waited_for: WaitedFor,
    /// The last known member of the chain of replacements.
    last: AllocId,
    told: HashSet<AllocId>,
    status: Option<ClientStatus>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a Context, id: &'a AllocId) -> Self {
        let waited_for = match context.plan.action {
            Action::InPlace(_) => WaitedFor::Restarted,
            Action::Reschedule { .. } => WaitedFor::Replaced,
        };
        Self {
            context,
            id,
            waited_for,
            last: AllocId::clone(id),
            told: HashSet::new(),
            status: None,
        }
    }

    /// Tells what is new since the last look. Events only: the view's lock is held.
    pub(super) fn look(&mut self, view: &JobView) {
        if self.waited_for == WaitedFor::Restarted {
            return;
        }
        while let Some(next) = view.successor(&self.last) {
            if !self.told.insert(AllocId::clone(&next)) {
                break;
            }
            self.context.reporter.emit(EventKind::Replaced {
                replaced: AllocId::clone(&self.last),
                by: AllocId::clone(&next),
            });
            self.last = next;
            self.status = None;
        }
        let status = view
            .get(&self.last)
            .map(|allocation| &allocation.client_status);
        if let Some(status) = status
            && self.status.as_ref() != Some(status)
        {
            self.status = Some(status.clone());
            if *status != ClientStatus::Running {
                self.context.reporter.emit(EventKind::StatusChanged {
                    allocation: AllocId::clone(&self.last),
                    status: status.as_str().to_owned(),
                });
            }
        }
    }

    pub(super) fn still_waiting(&self, state: String) {
        self.context.reporter.emit(EventKind::StillWaiting {
            allocation: AllocId::clone(self.id),
            action: self.waited_for,
            state,
        });
    }

    /// Tells that the replacement runs, or is complete.
    pub(super) fn done(&self, by: Option<AllocId>) {
        if let Some(allocation) = by {
            let status = self
                .status
                .as_ref()
                .unwrap_or(&ClientStatus::Running)
                .as_str()
                .to_owned();
            self.context
                .reporter
                .emit(EventKind::ReplacementRunning { allocation, status });
        }
    }
}
