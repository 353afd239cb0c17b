//! Keeps the view true: the only writer of [`JobView`], and the place where those who wait for news of an allocation are woken.
//!
//! Correctness never depends on how news arrives. The event stream brings it wherever an agent offers one. Without it a blocking list
//! query is the backbone while the list is small, the newest deployment is followed, and the job and its blocked evaluations are read
//! while something in flight cannot be explained without them. Allocations in flight that have been quiet are read on their own in
//! both cases.

mod checks;
mod context;
mod followers;
mod list;
mod shared;
mod stream;
mod targeted;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::nomad::client::Client;
use crate::nomad::error::ReadError;
use crate::nomad::json::{AllocId, Job};
use crate::report::Reporter;
use crate::rules::verdict::Confirm;
use crate::view::{Change, JobView};

pub(crate) use followers::Follower;
use followers::FollowerEntry;
pub(crate) use shared::Health;
use shared::Shared;

/// How long a run waits for a cluster that does not answer before it gives up what is in flight.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long the first list waits for the event stream. An agent that offers one answers at once, and then nothing falls between the two.
const STREAM_FIRST: Duration = Duration::from_millis(300);

/// The view of one job, kept true until it is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    shared: Arc<Shared>,
    _loops: JoinSet<()>,
}

impl Feed {
    /// Reads the job's allocations and its newest deployment, and follows them from then on.
    ///
    /// # Errors
    /// When one of the first reads fails for good; `what` says which.
    pub(crate) async fn start(
        client: Client,
        job: Arc<Job>,
        reporter: Reporter,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(client, job.id.clone(), reporter));
        shared.apply(Change::Job(job), Instant::now());
        let mut loops = JoinSet::new();
        let opened = Arc::new(Notify::new());
        loops.spawn(stream::follow(Arc::clone(&shared), Arc::clone(&opened)));
        // Without a stream, or with a slow one, it goes on without it.
        let _ = timeout(STREAM_FIRST, opened.notified()).await;
        let position = list::first(&shared).await.map_err(|source| StartError {
            what: "allocations",
            source,
        })?;
        let deployments =
            context::first_deployment(&shared)
                .await
                .map_err(|source| StartError {
                    what: "deployments",
                    source,
                })?;
        loops.spawn(list::follow(Arc::clone(&shared), position));
        loops.spawn(context::follow_deployments(
            Arc::clone(&shared),
            deployments,
        ));
        loops.spawn(context::explain(Arc::clone(&shared)));
        loops.spawn(targeted::follow(Arc::clone(&shared)));
        loops.spawn(checks::follow(Arc::clone(&shared)));
        Ok(Self {
            shared,
            _loops: loops,
        })
    }

    /// Looks at the view. The closure must not block: it holds the only lock.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&JobView) -> R) -> R {
        look(&self.shared.view())
    }

    /// Begins to follow an allocation; ends when the follower is dropped.
    pub(crate) fn follow(&self, id: &AllocId) -> Follower {
        let name = self.read(|view| view.last_known(id).map(|it| Arc::clone(&it.name)));
        let notify = Arc::new(Notify::new());
        let entry = FollowerEntry {
            id: Arc::clone(id),
            name: name.unwrap_or_default(),
            notify: Arc::clone(&notify),
            heard: Instant::now(),
        };
        let number = self.shared.followers().add(entry);
        self.shared.followed.notify_waiters();
        Follower {
            number,
            notify,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Wakes those who follow this allocation: there is something for them that the view does not show.
    pub(crate) fn wake(&self, id: &AllocId) {
        let name = self.read(|view| view.last_known(id).map(|it| Arc::clone(&it.name)));
        self.shared.followers().tell(&name.unwrap_or_default());
    }

    /// Whether the view can be trusted; followers are woken when that changes.
    pub(crate) fn health(&self) -> Health {
        self.shared.health.borrow().clone()
    }

    /// Reads anew what a verdict depends on, with the patience of a run that has work under way.
    pub(crate) async fn confirm(&self, confirm: &Confirm) -> Result<(), ReadError> {
        match confirm {
            Confirm::Allocation(id) => targeted::read(&self.shared, id).await,
            // The answer comes as news: it may take its turn, and one that fails only explains less.
            Confirm::Checks(id) => {
                self.shared.checks_wanted.add(id);
                Ok(())
            }
            // What is missing from the list may be so because the job is.
            Confirm::List => {
                list::read_since(&self.shared, Instant::now()).await?;
                self.reread_job().await
            }
        }
    }

    /// Reads the newest deployment anew.
    pub(crate) async fn reread_deployment(&self) -> Result<(), ReadError> {
        context::read_deployment(&self.shared).await
    }

    /// Reads the job anew: whether it was stopped or purged.
    pub(crate) async fn reread_job(&self) -> Result<(), ReadError> {
        context::read_job(&self.shared).await
    }

    /// Waits until the view can be trusted.
    ///
    /// # Errors
    /// When the cluster has not answered for [`PATIENCE`] from now on, or never will.
    pub(crate) async fn live(&self) -> Result<(), Arc<ReadError>> {
        let mut health = self.shared.health.subscribe();
        // An outage that began while nothing waited for an answer costs no patience until now.
        let entered = Instant::now();
        loop {
            let deadline = match &*health.borrow_and_update() {
                Health::Live => return Ok(()),
                Health::Silent {
                    since,
                    error,
                    lasting,
                } => {
                    let deadline = entered.max(*since) + PATIENCE;
                    if *lasting || Instant::now() >= deadline {
                        return Err(Arc::clone(error));
                    }
                    deadline
                }
            };
            tokio::select! {
                // The sender lives as long as this feed.
                _ = health.changed() => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }

    /// Brings what is known of these allocations up to date, where neither lists nor the event stream do.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) async fn refresh(
        &self,
        ids: impl Iterator<Item = AllocId>,
    ) -> Result<(), ReadError> {
        if self.shared.sources().silent() {
            targeted::read_all(&self.shared, ids).await
        } else {
            Ok(())
        }
    }

    /// Whether the event stream tells of the job and its deployments.
    pub(crate) fn is_streaming(&self) -> bool {
        self.shared.sources().streaming
    }

    /// Woken by every news that concerns the whole job: its deployment, the job itself.
    pub(crate) fn follow_job(&self) -> Follower {
        self.follow(&AllocId::default())
    }
}

/// A first read that failed.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct StartError {
    /// What could not be read, as Nomad's messages call it: `allocations`, `deployments`.
    pub(crate) what: &'static str,
    pub(crate) source: ReadError,
}

/// The index to ask with next: at least 1 (0 does not block), and never above what the server has.
fn next_index(answered: u64) -> u64 {
    answered.max(1)
}
