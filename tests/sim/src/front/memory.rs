//! The front in memory: a request in, an answer with a chunked body out. It needs no network and runs
//! under paused time.

use bytes::Bytes;
use http::Request;

use super::agent::Agent;
use super::answer::{Answer, Broken};
use crate::cluster::Cluster;

/// Answers calls of the same process.
#[derive(Clone, Debug)]
pub struct MemoryFront {
    agent: Agent,
}

impl MemoryFront {
    /// A front of this agent; several may share one.
    pub fn new(agent: Agent) -> Self {
        Self { agent }
    }

    /// A front of a new agent of this cluster.
    pub fn of(cluster: Cluster) -> Self {
        Self::new(Agent::new(cluster))
    }

    /// The agent: cluster, faults, requests so far.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Sends a request. Scheme and host of its address are ignored. What the request does goes on
    /// even if this future is dropped after its first poll, as with a client that hangs up.
    ///
    /// # Errors
    /// The connection was refused, or closed or reset without an answer. The head of an
    /// event stream of 1.11.2 (`HTTP/0.0 200 OK`), which few HTTP clients read, counts as none.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Answer, Broken> {
        self.agent.handle_here(request).await
    }
}
