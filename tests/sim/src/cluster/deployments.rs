//! The deployment watcher.
use super::state::State;
use super::tables::DeploymentRef;
#[derive(Debug, Default)]
pub(crate) struct Watcher;
impl State {
    pub(crate) fn watched(&mut self, _d: DeploymentRef) {}
    pub(crate) fn watcher_commit(&mut self, _d: DeploymentRef) {}
    pub(crate) fn progress_deadline(&mut self, _d: DeploymentRef) {}
}
