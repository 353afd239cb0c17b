//! What can be done to a cluster: the writes of the API, named after their endpoints, what only a node can answer, and what happens to
//! nodes and servers themselves.

use serde_json::Value;

use super::Cluster;
use super::state::{Registered, State, Stopped};
use crate::model::ApiError;

impl Cluster {
    /// `PUT /v1/jobs`, with the value of the body's `Job`. The namespace is the job's own.
    ///
    /// # Errors
    /// As [`crate::model::Job::parse`]; 500 for a node pool that does not exist.
    pub fn register(&self, job: &Value) -> Result<Registered, ApiError> {
        self.shared.with(|state| state.register(job))
    }

    /// `DELETE /v1/job/:id?purge=`.
    ///
    /// # Errors
    /// 404 for an unknown job.
    pub fn deregister(
        &self,
        namespace: &str,
        id: &str,
        purge: bool,
    ) -> Result<Registered, ApiError> {
        self.shared
            .with(|state| state.deregister(namespace, id, purge))
    }

    /// `PUT /v1/job/:id/scale` of one group.
    ///
    /// # Errors
    /// 404 for an unknown job, 400 for an unknown group.
    pub fn scale(
        &self,
        namespace: &str,
        id: &str,
        group: &str,
        count: u32,
    ) -> Result<Registered, ApiError> {
        self.shared
            .with(|state| state.scale(namespace, id, group, count))
    }

    /// `PUT /v1/job/:id/evaluate`.
    ///
    /// # Errors
    /// 500 `job not found`, `can't evaluate periodic job`, `can't evaluate parameterized job`.
    pub fn evaluate(&self, namespace: &str, id: &str, force: bool) -> Result<Registered, ApiError> {
        self.shared
            .with(|state| state.evaluate(namespace, id, force))
    }

    /// `PUT /v1/allocation/:id/stop?no_shutdown_delay=`.
    ///
    /// # Errors
    /// 404 `allocation not found`; 500 for an id that is not 36 characters long.
    pub fn stop_allocation(&self, id: &str, no_shutdown_delay: bool) -> Result<Stopped, ApiError> {
        self.shared
            .with(|state| state.stop_allocation(id, no_shutdown_delay, false))
    }

    /// The same with `reschedule=true`, which older versions ignore.
    ///
    /// # Errors
    /// As [`Cluster::stop_allocation`].
    pub fn stop_to_reschedule(
        &self,
        id: &str,
        no_shutdown_delay: bool,
    ) -> Result<Stopped, ApiError> {
        self.shared
            .with(|state| state.stop_allocation(id, no_shutdown_delay, true))
    }

    /// `PUT /v1/client/allocation/:id/restart`. Resolves when the old processes have exited; the
    /// restart is carried out also when the future is dropped after its first poll.
    ///
    /// # Errors
    /// The texts of recordings b03, b10 and c03: unknown allocation, terminal allocation, task that is
    /// not running, unknown task, task together with all tasks.
    pub async fn restart_allocation(
        &self,
        id: &str,
        task: &str,
        all: bool,
    ) -> Result<(), ApiError> {
        let call = self.shared.with(|state| state.restart(id, task, all))?;
        match call {
            None => Ok(()),
            // The sender is dropped when the node dies in the middle of the call.
            Some(answer) => answer
                .await
                .unwrap_or_else(|_| Err(ApiError::internal("EOF"))),
        }
    }

    /// Drains a node (by id or name), or ends the drain and makes it eligible again. False for an
    /// unknown node.
    pub fn drain(&self, node: &str, on: bool) -> bool {
        self.shared.with(|state| state.drain(node, on))
    }

    /// Kills the agent of a node (by id or name): restart calls answer 500 `EOF` once and then 404
    /// `No path to node`; after 25 s the node is down and its allocations are lost. False for an
    /// unknown node.
    pub fn kill_agent(&self, node: &str) -> bool {
        self.shared.with(|state| state.kill_agent(node))
    }

    /// Whether calls reach the agent of an allocation's node.
    ///
    /// # Errors
    /// As [`Cluster::restart_allocation`] when they do not.
    pub fn reach_allocation(&self, id: &str) -> Result<(), ApiError> {
        self.shared.with(|state| {
            let alloc = state.tables.alloc_ids.get(id).copied();
            alloc.map_or(Ok(()), |alloc| state.reach(alloc))
        })
    }

    /// `GET /v1/client/allocation/:id/checks`: the last results of the checks by their ids; `null` where there is
    /// none, as once the allocation is to stop.
    ///
    /// # Errors
    /// As [`Cluster::restart_allocation`] where the node cannot be asked.
    pub fn checks(&self, id: &str) -> Result<Value, ApiError> {
        self.shared.with(|state| state.checks(id))
    }

    /// What a task of an allocation has printed: to its standard error, or to its standard output.
    ///
    /// # Errors
    /// As [`Cluster::restart_allocation`] where the node cannot be asked; 400 for an unknown task.
    pub fn log(&self, id: &str, task: &str, err: bool) -> Result<Vec<u8>, ApiError> {
        self.shared.with(|state| state.log_of(id, task, err))
    }

    /// Starts the agent of a node again. False for an unknown node.
    pub fn start_agent(&self, node: &str) -> bool {
        self.shared.with(|state| state.start_agent(node))
    }

    /// `PUT /v1/node/:id/purge` of a node (by id or name): the servers forget it. Its allocations are lost
    /// with their next evaluation. False for an unknown node.
    pub fn purge_node(&self, node: &str) -> bool {
        self.shared.with(|state| state.purge_node(node))
    }

    /// Forgets the allocations that have ended for good, with the evaluations that are over, as servers do hours later. Nothing is
    /// told of it. Returns how many allocations that were.
    pub fn collect_garbage(&self) -> usize {
        self.shared.with(State::collect_garbage)
    }

    /// Makes a node (by id or name) eligible for placements or not. False for an unknown node.
    pub fn set_eligible(&self, node: &str, eligible: bool) -> bool {
        self.shared.with(|state| state.set_eligible(node, eligible))
    }
}
