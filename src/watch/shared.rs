//! What the loops of the feed and its readers share: the view, those who wait, and whether the cluster answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, Notify, watch};
use tokio::time::Instant;

use super::checks::Wanted;
use super::followers::Followers;
use crate::event::EventKind;
use crate::nomad::client::{Client, Indexed};
use crate::nomad::error::ReadError;
use crate::nomad::json::{AllocId, DesiredStatus, Texts};
use crate::nomad::retry::Patience;
use crate::report::Reporter;
use crate::view::{Change, Changed, JobView};

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
pub(super) struct Shared {
    /// When this feed began.
    pub(super) started: Instant,
    pub(super) client: Client,
    pub(super) job_id: String,
    pub(super) reporter: Reporter,
    pub(super) view: Mutex<JobView>,
    /// What the allocations of the event stream have in common.
    texts: Mutex<Texts>,
    pub(super) followers: Mutex<Followers>,
    pub(super) health: watch::Sender<Health>,
    /// Whether the present outage was told of.
    pub(super) told: AtomicBool,
    /// Woken when somebody begins to follow an allocation.
    pub(super) followed: Notify,
    /// Woken when a whole list is needed although lists are too large to be read all the time.
    pub(super) list_wanted: Notify,
    /// Held by whoever reads a list that others may be waiting for as well.
    pub(super) list_turn: Turn<()>,
    /// Woken when the job itself has to be read.
    pub(super) job_wanted: Notify,
    /// Whose checks are to be read.
    pub(super) checks_wanted: Wanted,
    /// What brings news now.
    pub(super) sources: watch::Sender<Sources>,
    /// When the newest list that is folded in was asked for.
    pub(super) listed: watch::Sender<Option<Instant>>,
}

/// Where news comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// The list is too large to be read all the time.
    pub(super) large: bool,
    /// The event stream is open, and what happened before it opened is known.
    pub(super) streaming: bool,
}

impl Sources {
    /// Whether lists are read one after the other.
    pub(super) fn lists(self) -> bool {
        !self.large && !self.streaming
    }

    /// Whether nothing brings news of allocations that nobody asks for.
    pub(super) fn silent(self) -> bool {
        self.large && !self.streaming
    }
}

impl Shared {
    pub(super) fn new(client: Client, job_id: String, reporter: Reporter) -> Self {
        Self {
            started: Instant::now(),
            list_turn: Turn::default(),
            client,
            job_id,
            reporter,
            view: Mutex::default(),
            texts: Mutex::default(),
            followers: Mutex::default(),
            health: watch::Sender::new(Health::Live),
            told: AtomicBool::new(false),
            followed: Notify::new(),
            list_wanted: Notify::new(),
            job_wanted: Notify::new(),
            checks_wanted: Wanted::default(),
            sources: watch::Sender::default(),
            listed: watch::Sender::default(),
        }
    }

    pub(super) fn sources(&self) -> Sources {
        *self.sources.borrow()
    }

    /// Changes what brings news, and wakes those who wait for that.
    pub(super) fn set_sources(&self, set: impl FnOnce(&mut Sources)) {
        self.sources.send_if_modified(|sources| {
            let before = *sources;
            set(sources);
            *sources != before
        });
    }

    /// Repeats a read while `patience` lasts; the first repetition of an outage is told of.
    pub(super) async fn patiently<T, Reading>(
        &self,
        patience: Patience,
        read: impl FnMut() -> Reading,
    ) -> Result<Indexed<T>, ReadError>
    where
        Reading: Future<Output = Result<Indexed<T>, ReadError>>,
    {
        let first_retry = |error: &ReadError| self.say_retry(error);
        self.client.patiently(patience, first_retry, read).await
    }

    /// Those in flight, each with the last known member of its chain of replacements.
    pub(super) fn in_flight(&self) -> Vec<AllocId> {
        let view = self.view();
        let followers = self.followers();
        let ids = followers.by_number.values().map(|entry| &entry.id);
        ids.filter(|id| !id.is_empty())
            .flat_map(|id| std::iter::once(Arc::clone(id)).chain(view.last_successor(id)))
            .collect()
    }

    /// Whether the last known member of some chain in flight is no longer meant to run.
    pub(super) fn unexplained(&self) -> bool {
        let view = self.view();
        let followers = self.followers();
        let mut ids = followers.by_number.values().map(|entry| &entry.id);
        ids.any(|id| {
            let last = view.last_successor(id).unwrap_or_else(|| Arc::clone(id));
            !id.is_empty()
                && view
                    .allocations
                    .get(&last)
                    .is_none_or(|allocation| allocation.desired_status != DesiredStatus::Run)
        })
    }

    pub(super) fn view(&self) -> MutexGuard<'_, JobView> {
        // A panic while the lock was held ends the run elsewhere; the view itself is changed in whole steps.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds news into the view and wakes whom it concerns.
    /// `asked` is when the question was sent.
    pub(super) fn apply(&self, change: Change, asked: Instant) {
        let mut view = self.view();
        let changed = view.apply(change, asked, Instant::now());
        self.wake(&view, &changed);
    }

    pub(super) fn wake(&self, view: &JobView, changed: &Changed) {
        if changed.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut followers = self.followers();
        if changed.job || changed.deployment || changed.evaluations {
            followers.wake_all();
            return;
        }
        for id in &changed.allocations {
            if let Some(allocation) = view.last_known(id) {
                followers.wake(&allocation.name, now);
                // Collected, or purged with its job?
                if view.is_gone(id) && followers.has(&allocation.name) {
                    self.job_wanted.notify_one();
                }
            }
        }
        for id in &changed.checks {
            if let Some(allocation) = view.last_known(id) {
                followers.tell(&allocation.name);
            }
        }
    }

    pub(super) fn alive(&self) {
        self.told.store(false, Ordering::Relaxed);
        let was_silent = self.health.send_if_modified(|health| {
            let was_silent = matches!(health, Health::Silent { .. });
            *health = Health::Live;
            was_silent
        });
        if was_silent {
            self.followers().wake_all();
        }
    }

    /// Notes that a read failed. The newest reason is kept: the first one is often only a connection that broke.
    pub(super) fn silent(&self, error: &ReadError) {
        let lasting = !error.is_retryable();
        let is_news = self.health.send_if_modified(|health| {
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
        if is_news {
            self.followers().wake_all();
        }
        if !lasting {
            self.say_retry(error);
        }
    }

    /// Says that a read is repeated: once in an outage, whoever finds it first.
    pub(super) fn say_retry(&self, error: &ReadError) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        self.reporter.emit(EventKind::Warning(format!(
            "Nomad does not answer as it should, trying again: {error}"
        )));
    }
}
