//! The evaluation broker.
use super::state::State;
use super::tables::{AllocRef, EvalRef, JobRef};
#[derive(Debug, Default)]
pub(crate) struct Broker;
impl Broker {
    pub(crate) fn forget_blocked(&mut self, _job: JobRef) {}
}
impl State {
    pub(crate) fn enqueue(&mut self, _e: EvalRef) {}
    pub(crate) fn work(&mut self, _j: JobRef) {}
    pub(crate) fn cancel_needless(&mut self) {}
    pub(crate) fn delayed(&mut self, _e: EvalRef) {}
    pub(crate) fn capacity_appeared(&mut self) {}
    pub(crate) fn purged(&mut self, _a: AllocRef) {}
    pub(crate) fn tell_node(&mut self, _a: AllocRef) {}
}
