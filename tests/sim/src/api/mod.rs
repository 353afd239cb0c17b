//! The HTTP API of a Nomad 2.0.5 server over a simulated [`Cluster`]: which request goes to which
//! handler, and what all handlers share.
//!
//! Statuses, texts and headers are those of the recordings. Paths that are not simulated answer 404
//! without a body, as paths that do not exist.

mod acl;
mod agent;
mod allocations;
mod call;
mod client;
mod deployments;
mod evaluations;
mod events;
mod filter;
mod job;
mod jobs;
mod logs;
mod namespaces;
mod nodes;
mod page;
mod paths;
mod query;
mod reply;
mod search;
mod select;
mod writes;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::sync::watch;

pub use acl::{Acl, Token};
pub(crate) use call::Call;
pub(crate) use events::{Dropped, Opened, Subscription};
pub(crate) use paths::redirected;
pub(crate) use reply::{Content, Reply};

use crate::cluster::Cluster;
use crate::model::{ApiError, Time};
use acl::{Identity, Style};
use events::Broker;
use namespaces::Namespaces;
use reply::Outcome;

/// Path of the event stream.
pub(crate) const EVENT_STREAM: &str = "/v1/event/stream";

/// The only region of the simulated cluster.
pub(crate) const REGION: &str = "global";

/// The API of one cluster.
#[derive(Debug)]
pub(crate) struct Api {
    cluster: Cluster,
    started: Time,
    acl: watch::Sender<Option<Acl>>,
    namespaces: Mutex<Namespaces>,
    broker: Mutex<Broker>,
    /// Counts the draws of [`Api::jitter`].
    draws: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 405.
fn invalid_method() -> ApiError {
    ApiError::new(405, "Invalid method")
}

impl Api {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self {
            started: cluster.now(),
            cluster,
            acl: watch::Sender::new(None),
            namespaces: Mutex::new(Namespaces::default()),
            broker: Mutex::default(),
            draws: Mutex::new(0),
        }
    }

    /// The cluster behind it.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Turns access control on, or off with `None`.
    pub(crate) fn set_acl(&self, acl: Option<Acl>) {
        self.acl.send_replace(acl);
    }

    /// Changes the table of tokens, if there is one.
    pub(crate) fn change_acl(&self, change: impl FnOnce(&mut Acl) -> bool) -> bool {
        let mut changed = false;
        self.acl.send_if_modified(|acl| {
            changed = acl.as_mut().is_some_and(change);
            changed
        });
        changed
    }

    /// Follows changes of the table of tokens.
    pub(crate) fn watch_acl(&self) -> watch::Receiver<Option<Acl>> {
        self.acl.subscribe()
    }

    /// Answers a request whose path is clean.
    pub(crate) async fn answer(&self, call: &Call) -> Reply {
        let mut reply = match self.route(call).await {
            Ok(reply) => reply,
            Err(error) => Reply::error(error),
        };
        reply.adapt(self.cluster.version());
        reply
    }

    async fn route(&self, call: &Call) -> Outcome {
        let path = call.path.as_str();
        if let Some(rest) = path.strip_prefix("/v1/job/") {
            return self.job(call, rest).await;
        }
        if let Some(rest) = path.strip_prefix("/v1/allocation/") {
            return self.allocation(call, rest).await;
        }
        if let Some(rest) = path.strip_prefix("/v1/client/allocation/") {
            return self.client_allocation(call, rest).await;
        }
        if let Some(id) = path.strip_prefix("/v1/client/fs/logs/") {
            return self.logs(call, id);
        }
        if let Some(rest) = path.strip_prefix("/v1/evaluation/") {
            return self.evaluation(call, rest).await;
        }
        if let Some(rest) = path.strip_prefix("/v1/deployment/") {
            return self.deployment(call, rest).await;
        }
        if let Some(rest) = path.strip_prefix("/v1/node/") {
            return self.node(call, rest).await;
        }
        if let Some(rest) = path.strip_prefix("/v1/namespace/") {
            return self.namespace(call, rest).await;
        }
        match path {
            "/v1/jobs" => self.jobs(call).await,
            "/v1/jobs/statuses" if self.cluster.version().has_statuses() => {
                self.statuses(call).await
            }
            "/v1/allocations" => self.allocations(call).await,
            "/v1/evaluations" => self.evaluations(call).await,
            "/v1/deployments" => self.deployments(call).await,
            "/v1/nodes" => self.nodes(call).await,
            "/v1/namespaces" => self.namespace_list(call).await,
            "/v1/namespace" => self.namespace(call, "").await,
            "/v1/client/stats" => self.client_stats(call),
            "/v1/search" => self.search(call),
            EVENT_STREAM => self.event_stream(call),
            _ => self.agent(call),
        }
    }

    /// Who asks, and whether the request is for this region.
    ///
    /// # Errors
    /// 403 or 500 for a token that is not valid, 500 for another region.
    fn enter(&self, call: &Call, style: Style) -> Result<Identity, ApiError> {
        match call.param("region") {
            None | Some("" | REGION) => {}
            Some(_) => return Err(ApiError::internal("No path to region")),
        }
        acl::identify(
            self.acl.borrow().as_ref(),
            call,
            style,
            self.cluster.version(),
        )
    }

    /// [`Api::enter`] for an ordinary endpoint with a capability in the call's namespace.
    fn enter_with(&self, call: &Call, capability: &str) -> Result<Identity, ApiError> {
        let identity = self.enter(call, Style::Ordinary)?;
        identity.need(call.namespace(), capability)?;
        Ok(identity)
    }

    /// A random part of `most`, the same in every run.
    fn jitter(&self, most: Duration) -> Duration {
        let mut draws = lock(&self.draws);
        *draws += 1;
        // A multiplicative hash spreads the counter evenly.
        let hash = draws.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let thousandths = u32::try_from(hash % 1001).unwrap_or(0);
        most * thousandths / 1000
    }
}

/// 405 unless the call reads.
fn only_get(call: &Call) -> Result<(), ApiError> {
    if call.method == Method::GET {
        Ok(())
    } else {
        Err(invalid_method())
    }
}

/// 405 unless the call writes: PUT and POST are the same to Nomad.
fn only_put(call: &Call) -> Result<(), ApiError> {
    if call.method == Method::PUT || call.method == Method::POST {
        Ok(())
    } else {
        Err(invalid_method())
    }
}
