//! Nodes.
use super::state::State;
use super::tables::{AllocRef, NodeRef};
use crate::model::{ApiError, Time};
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) anchor: Time,
}
impl Node {
    pub(crate) fn new(anchor: Time) -> Self {
        Self { anchor }
    }
}
#[derive(Debug)]
pub(crate) struct Runner;
impl State {
    pub(crate) fn fetch(&mut self, _n: NodeRef) {}
    pub(crate) fn tick(&mut self, _n: NodeRef) {}
    pub(crate) fn task_due(&mut self, _a: AllocRef, _t: usize, _k: u32) {}
    pub(crate) fn begin(&mut self, _a: AllocRef) {}
    pub(crate) fn group_delay_over(&mut self, _a: AllocRef, _k: u32) {}
    pub(crate) fn steady(&mut self, _a: AllocRef, _k: u32) {}
    pub(crate) fn health_deadline(&mut self, _a: AllocRef) {}
    pub(crate) fn restart(
        &mut self,
        _id: &str,
        _task: &str,
        _all: bool,
    ) -> Result<Option<tokio::sync::oneshot::Receiver<Result<(), ApiError>>>, ApiError> {
        Ok(None)
    }
}
