//! Tells of one allocation's way while it is waited for: each replacement once, changes of status, a sign of life every minute.

use super::context::Context;
use crate::event::{EventKind, Target, WaitedFor};
use crate::nomad::json::{AllocId, ClientStatus};
use crate::plan::WaitFor;
use crate::rules::verdict::{Baseline, State};
use crate::view::JobView;

/// What was told of one allocation so far.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    context: &'a Context,
    base: &'a Baseline,
    /// How many members of the chain of replacements were told.
    told: usize,
    /// The status of the last one.
    status: Option<ClientStatus>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a Context, base: &'a Baseline) -> Self {
        Self {
            context,
            base,
            told: 0,
            status: None,
        }
    }

    /// Tells what is new since the last look. Events only: the view's lock is held.
    pub(super) fn look(&mut self, view: &JobView) {
        if self.base.target != Target::Reschedule {
            return;
        }
        let original = &self.base.allocation;
        let chain = self.base.replacements(view);
        for place in self.told..chain.len() {
            let replaced = place
                .checked_sub(1)
                .map_or(original, |before| &chain[before]);
            self.emit(EventKind::Replaced {
                replaced: AllocId::clone(replaced),
                by: AllocId::clone(&chain[place]),
                healthy: self.awaits_health(),
            });
            self.status = None;
        }
        self.told = chain.len();
        let last = chain.last().unwrap_or(original);
        let Some(allocation) = view.allocations.get(last) else {
            return;
        };
        let status = &allocation.client_status;
        if self.status.as_ref() != Some(status) {
            self.status = Some(status.clone());
            if *status != ClientStatus::Running {
                self.emit(EventKind::StatusChanged {
                    allocation: AllocId::clone(last),
                    status: status.as_str().to_owned(),
                });
            }
        }
    }

    pub(super) fn still_waiting(&self, state: &State) {
        let action = match (&self.base.target, self.context.plan.wait) {
            (Target::Reschedule, WaitFor::Running) => WaitedFor::Replaced,
            (Target::Reschedule, WaitFor::Healthy { .. }) => WaitedFor::ReplacedHealthy,
            (_, WaitFor::Running) => WaitedFor::Restarted,
            (_, WaitFor::Healthy { .. }) => WaitedFor::Healthy,
        };
        self.emit(EventKind::StillWaiting {
            allocation: AllocId::clone(&self.base.allocation),
            action,
            state: state.text(self.context.plan.verbose),
        });
    }

    /// Tells that the replacement runs, or is complete.
    pub(super) fn done(&self, by: Option<AllocId>) {
        if let Some(allocation) = by {
            let status = self.status.as_ref().unwrap_or(&ClientStatus::Running);
            self.emit(EventKind::ReplacementRunning {
                allocation,
                // What has ended well is not waited for to be healthy.
                healthy: self.awaits_health() && *status == ClientStatus::Running,
                status: status.as_str().to_owned(),
            });
        }
    }

    fn awaits_health(&self) -> bool {
        self.context.plan.wait != WaitFor::Running
    }

    fn emit(&self, kind: EventKind) {
        self.context.reporter.emit(kind);
    }
}
