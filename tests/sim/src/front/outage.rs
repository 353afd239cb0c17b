//! What is down, for as long as a test says: the servers' leader, the servers as a client agent sees
//! them, or the agent itself.

use std::time::Duration;

use tokio::sync::watch;

use crate::api::{Call, EVENT_STREAM, Reply};
use crate::model::ApiError;

/// How long a server holds a call that needs a leader.
const HOLD: Duration = Duration::from_secs(5);

/// What is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The servers have no leader. Calls wait for one for five seconds, then they fail with 500
    /// `No cluster leader`; so do blocking queries that are open when it begins, or they end without
    /// an answer. Calls to nodes need no leader: the server that is connected to the node passes them on.
    NoLeader,
    /// The agent is a client that reaches no server: calls fail at once with 500
    /// `rpc error: failed to get conn: …`, open ones too.
    NoServers,
    /// The agent does not run: connections are refused, open calls end without an answer. The cluster
    /// goes on.
    Down,
}

/// Whether something is down, for those who answer calls.
#[derive(Clone, Debug)]
pub(crate) struct Outages {
    now: watch::Sender<Option<Outage>>,
}

/// How an outage ends a call.
#[derive(Debug)]
pub(crate) enum Ending {
    Answered(Box<Reply>),
    /// The connection is closed.
    Closed,
    Refused,
}

impl Default for Outages {
    fn default() -> Self {
        Self {
            now: watch::Sender::new(None),
        }
    }
}

impl Outages {
    pub(crate) fn set(&self, outage: Option<Outage>) {
        self.now.send_replace(outage);
    }

    /// Changes of it, from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Outage>> {
        self.now.subscribe()
    }

    /// Lets a call in, as soon as there is a leader if it needs one.
    ///
    /// # Errors
    /// How the outage ends the call.
    pub(crate) async fn enter(&self, call: &Call) -> Result<(), Ending> {
        let mut now = self.watch();
        let outage = *now.borrow_and_update();
        match outage {
            Some(Outage::Down) => Err(Ending::Refused),
            Some(Outage::NoLeader) if needs_leader(call) => {
                let back = now.wait_for(Option::is_none);
                match tokio::time::timeout(HOLD, back).await {
                    Ok(_) => Ok(()),
                    Err(_) => Err(no_leader()),
                }
            }
            Some(Outage::NoServers) if needs_servers(call) => Err(no_servers()),
            None | Some(Outage::NoLeader | Outage::NoServers) => Ok(()),
        }
    }

    /// Waits until something goes down that ends a call which is being answered.
    pub(crate) async fn interrupts(&self, call: &Call, number: usize) -> Ending {
        let mut now = self.watch();
        loop {
            let outage = *now.borrow_and_update();
            match outage {
                Some(Outage::Down) => return Ending::Closed,
                // Which of the two it is depends on what the servers were doing.
                Some(Outage::NoLeader) if needs_leader(call) && is_blocking(call) => {
                    return if number.is_multiple_of(2) {
                        no_leader()
                    } else {
                        Ending::Closed
                    };
                }
                Some(Outage::NoServers) if needs_servers(call) => return no_servers(),
                _ => {}
            }
            if now.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn no_leader() -> Ending {
    answered("No cluster leader")
}

fn no_servers() -> Ending {
    answered("rpc error: failed to get conn: dial tcp 10.0.0.1:4647: connect: connection refused")
}

fn answered(text: &str) -> Ending {
    Ending::Answered(Box::new(Reply::error(ApiError::internal(text))))
}

/// What the agent itself answers.
fn is_local(call: &Call) -> bool {
    call.path.starts_with("/v1/agent/") || call.path.starts_with("/v1/client/stats")
}

fn needs_servers(call: &Call) -> bool {
    !is_local(call)
}

fn needs_leader(call: &Call) -> bool {
    !is_local(call)
        && !call.path.starts_with("/v1/client/")
        && !call.path.starts_with("/v1/status/")
        // Each server streams what it has seen itself.
        && call.path != EVENT_STREAM
        && !call.flag("stale")
}

fn is_blocking(call: &Call) -> bool {
    call.param("index").is_some_and(|index| index != "0")
}
