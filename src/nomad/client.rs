//! shim
use super::config::*;
use super::error::*;
use super::json::*;
use std::time::Duration;
#[derive(Clone, Debug)]
pub(crate) struct Client;
#[derive(Debug)]
pub(crate) struct Permit;
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) index: u64,
    pub(crate) wait: Duration,
}
pub(crate) struct Indexed<T> {
    pub(crate) value: T,
    pub(crate) index: u64,
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
}
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}
pub(crate) struct RestartBody;
impl RestartBody {
    pub(crate) fn running() -> Self {
        Self
    }
    pub(crate) fn all() -> Self {
        Self
    }
    pub(crate) fn task(_: &str) -> Self {
        Self
    }
}
impl JobStub {
    pub(crate) fn namespace(&self) -> &str {
        ""
    }
}
impl Client {
    pub(crate) fn connect(_: &ClientConfig) -> Result<Self, String> {
        todo!()
    }
    pub(crate) fn namespace(&self) -> &str {
        todo!()
    }
    pub(crate) fn in_namespace(&self, _: &str) -> Self {
        todo!()
    }
    pub(crate) async fn jobs(&self, _: &str, _: Option<&str>) -> Result<Page<JobStub>, ReadError> {
        todo!()
    }
    pub(crate) async fn job(&self, _: &str, _: Option<Wait>) -> Result<Indexed<Job>, ReadError> {
        todo!()
    }
    pub(crate) async fn job_versions(&self, _: &str) -> Result<Vec<Job>, ReadError> {
        todo!()
    }
    pub(crate) async fn allocations(
        &self,
        _: &str,
        _: Option<Wait>,
    ) -> Result<Indexed<Vec<Allocation>>, ReadError> {
        todo!()
    }
    pub(crate) async fn allocation(&self, _: &AllocId) -> Result<Indexed<Allocation>, ReadError> {
        todo!()
    }
    pub(crate) async fn deployment(
        &self,
        _: &str,
        _: Option<Wait>,
    ) -> Result<Indexed<Option<Deployment>>, ReadError> {
        todo!()
    }
    pub(crate) async fn blocked_evaluations(
        &self,
        _: &str,
    ) -> Result<Indexed<Vec<Evaluation>>, ReadError> {
        todo!()
    }
    pub(crate) async fn write_permit(&self) -> Permit {
        todo!()
    }
    pub(crate) async fn restart(
        &self,
        _: &AllocId,
        _: &RestartBody,
        _: Permit,
    ) -> Result<(), CallError> {
        todo!()
    }
    pub(crate) async fn stop(
        &self,
        _: &AllocId,
        _: bool,
        _: Permit,
    ) -> Result<StopAnswer, CallError> {
        todo!()
    }
}
