//! Reports.
use super::state::State;
#[derive(Debug, Default)]
pub(crate) struct Inbox;
impl State {
    pub(crate) fn commit_reports(&mut self) {}
}
