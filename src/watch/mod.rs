//! Keeps the view true: the only writer of [`JobView`], and the place where those who wait for news of an allocation are woken.
//!
//! Correctness never depends on how news arrives. A blocking list query is the backbone while the list is small; allocations in flight
//! that have been quiet are read on their own; the newest deployment is followed; the job and its blocked evaluations are read while
//! something in flight cannot be explained without them.

mod context;
mod followers;
mod list;
mod targeted;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::event::EventKind;
use crate::nomad::client::Client;
use crate::nomad::error::ReadError;
use crate::nomad::json::{AllocId, Job};
use crate::nomad::retry::Patience;
use crate::report::Reporter;
use crate::rules::verdict::Confirm;
use crate::view::{Change, Changed, JobView};

pub(crate) use followers::Follower;
use followers::{FollowerEntry, Followers};

/// How long a run waits for a cluster that does not answer before it gives up what is in flight.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The view of one job, kept true until it is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    shared: Arc<Shared>,
    _loops: JoinSet<()>,
}

/// Whether the view can be trusted.
#[derive(Clone, Debug)]
pub(crate) enum Health {
    /// The last read went well.
    Live,
    /// Reads fail. `lasting`: trying again cannot help (the token lost its right).
    Silent {
        since: Instant,
        error: Arc<ReadError>,
        lasting: bool,
    },
}

/// What the loops and the readers share.
#[derive(Debug)]
struct Shared {
    client: Client,
    job_id: String,
    reporter: Reporter,
    view: Mutex<JobView>,
    followers: Mutex<Followers>,
    health: watch::Sender<Health>,
    /// Whether the present outage was told of.
    told: AtomicBool,
    /// Woken when somebody begins to follow an allocation.
    followed: Notify,
    /// Woken when a whole list is needed although lists are too large to be read all the time.
    list_wanted: Notify,
    /// Set while the list is too large to be the backbone.
    lists_are_large: watch::Sender<bool>,
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
        let shared = Arc::new(Shared {
            job_id: job.id.clone(),
            client,
            reporter,
            view: Mutex::default(),
            followers: Mutex::default(),
            health: watch::Sender::new(Health::Live),
            told: AtomicBool::new(false),
            followed: Notify::new(),
            list_wanted: Notify::new(),
            lists_are_large: watch::Sender::new(false),
        });
        shared.apply(Change::Job(job), Instant::now());
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
        let mut loops = JoinSet::new();
        loops.spawn(list::follow(Arc::clone(&shared), position));
        loops.spawn(context::follow_deployments(
            Arc::clone(&shared),
            deployments,
        ));
        loops.spawn(context::explain(Arc::clone(&shared)));
        loops.spawn(targeted::follow(Arc::clone(&shared)));
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

    /// Whether the view can be trusted, now and from now on.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// Reads anew what a verdict depends on, with the patience of a run that has work under way.
    pub(crate) async fn confirm(&self, confirm: &Confirm) -> Result<(), ReadError> {
        match confirm {
            Confirm::Allocation(id) => targeted::read(&self.shared, id).await,
            // What is missing from the list may be so because the job is.
            Confirm::List => {
                list::read(&self.shared).await?;
                self.reread_job().await
            }
        }
    }

    /// Reads the newest deployment anew.
    pub(crate) async fn reread_deployment(&self) -> Result<(), ReadError> {
        let shared = &self.shared;
        let asked = Instant::now();
        let answer = shared
            .client
            .patiently(
                Patience::Working,
                |error| shared.say_retry(error),
                || shared.client.deployment(&shared.job_id, None),
            )
            .await?;
        shared.apply(Change::Deployment(answer.value), asked);
        Ok(())
    }

    /// Reads the job anew: whether it was stopped or purged.
    pub(crate) async fn reread_job(&self) -> Result<(), ReadError> {
        let shared = &self.shared;
        let asked = Instant::now();
        let answer = shared
            .client
            .patiently(
                Patience::Working,
                |error| shared.say_retry(error),
                || shared.client.job(&shared.job_id, None),
            )
            .await;
        match answer {
            Ok(answer) => shared.apply(Change::Job(Arc::new(answer.value)), asked),
            Err(error) if error.is_not_found() => shared.apply(Change::JobPurged, asked),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits until the view can be trusted.
    ///
    /// # Errors
    /// When the cluster has not answered for [`PATIENCE`] from now on, or never will.
    pub(crate) async fn live(&self) -> Result<(), Arc<ReadError>> {
        let mut health = self.health();
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

    /// Brings what is known of these allocations up to date, where no list does.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) async fn refresh(
        &self,
        ids: impl Iterator<Item = AllocId>,
    ) -> Result<(), ReadError> {
        if *self.shared.lists_are_large.borrow() {
            targeted::read_all(&self.shared, ids).await
        } else {
            Ok(())
        }
    }

    /// Woken by every news that concerns the whole job: its deployment, the job itself.
    pub(crate) fn follow_job(&self) -> Follower {
        self.follow(&AllocId::default())
    }
}

impl Shared {
    fn view(&self) -> MutexGuard<'_, JobView> {
        // A panic while the lock was held ends the run elsewhere; the view itself is changed in whole steps.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds news into the view and wakes whom it concerns.
    /// `asked` is when the question was sent.
    fn apply(&self, change: Change, asked: Instant) {
        let mut view = self.view();
        let changed = view.apply(change, asked, Instant::now());
        self.wake(&view, &changed);
    }

    fn wake(&self, view: &JobView, changed: &Changed) {
        if changed.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut followers = self.followers();
        if changed.job || changed.deployment || changed.evaluations {
            for entry in followers.by_number.values() {
                entry.notify.notify_one();
            }
            return;
        }
        for id in &changed.allocations {
            if let Some(allocation) = view.last_known(id) {
                followers.wake(&allocation.name, now);
            }
        }
    }

    fn alive(&self) {
        self.told.store(false, Ordering::Relaxed);
        self.health.send_if_modified(|health| {
            let was_silent = matches!(health, Health::Silent { .. });
            *health = Health::Live;
            was_silent
        });
    }

    /// Notes that a read failed. The newest reason is kept: the first one is often only a connection that broke.
    fn silent(&self, error: &ReadError) {
        let lasting = !error.is_retryable();
        self.health.send_if_modified(|health| {
            let since = match health {
                Health::Live => Instant::now(),
                // An outage may turn into one that lasts, but not back.
                Health::Silent {
                    lasting: false,
                    since,
                    ..
                } if lasting => *since,
                Health::Silent {
                    lasting: false,
                    error: newest,
                    ..
                } => {
                    *newest = Arc::new(error.clone());
                    // Whoever waits for the end of the outage reads it then.
                    return false;
                }
                Health::Silent { .. } => return false,
            };
            *health = Health::Silent {
                since,
                error: Arc::new(error.clone()),
                lasting,
            };
            true
        });
        if !lasting {
            self.say_retry(error);
        }
    }

    /// Says that a read is repeated: once in an outage, whoever finds it first.
    fn say_retry(&self, error: &ReadError) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        self.reporter.emit(EventKind::Warning(format!(
            "Nomad does not answer as it should, trying again: {error}"
        )));
    }
}

/// A first read that failed.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct StartError {
    /// The plural noun of behaviour 2.6: `allocations`, `deployments`.
    pub(crate) what: &'static str,
    pub(crate) source: ReadError,
}

/// The index to ask with next: at least 1 (0 does not block), and never above what the server has.
fn next_index(answered: u64) -> u64 {
    answered.max(1)
}
