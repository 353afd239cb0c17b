//! Reads that the node of an allocation answers, or that only one that failed needs.

use super::Client;
use crate::nomad::error::ReadError;
use crate::nomad::json::{CheckResults, TaskEvent, TaskHistories};
use crate::nomad::request::Call;

impl Client {
    /// `GET /v1/client/allocation/:id/checks`: the last result of each check of its services that Nomad itself runs; empty where there is
    /// none, and once the allocation is being stopped. Does not block and has no index.
    pub(crate) async fn checks(&self, alloc: &str) -> Result<CheckResults, ReadError> {
        let call = Call::get(&["client", "allocation", alloc, "checks"]);
        let answer = self.read(call, None).await?;
        Ok(answer.json_or_null()?.unwrap_or_default())
    }

    /// `GET /v1/client/fs/logs/:id`: the last `bytes` bytes of what a task has written to its standard error. Needs `read-logs` or
    /// `read-fs`.
    pub(crate) async fn last_of_stderr(
        &self,
        alloc: &str,
        task: &str,
        bytes: usize,
    ) -> Result<String, ReadError> {
        let call = Call::get(&["client", "fs", "logs", alloc])
            .param("task", task)
            .param("type", "stderr")
            .param("plain", "true")
            .param("origin", "end")
            .param("offset", bytes.to_string());
        Ok(self.read(call, None).await?.text())
    }

    /// The events of one task that the server still has, oldest first; from `GET /v1/allocation/:id`.
    pub(crate) async fn task_events(
        &self,
        alloc: &str,
        task: &str,
    ) -> Result<Vec<TaskEvent>, ReadError> {
        let answer = self.read(Call::get(&["allocation", alloc]), None).await?;
        let mut histories: TaskHistories = answer.json()?;
        let history = histories.task_states.remove(task).unwrap_or_default();
        Ok(history.events)
    }
}
