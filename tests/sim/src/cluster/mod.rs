//! The simulated cluster: servers with tables, broker and scheduler, and client nodes with tasks.
//!
//! [`Cluster`] is the handle: cheap to clone, all its clones are the same cluster. Reads go through
//! [`Cluster::read`], writes are methods named after the API's endpoints (`calls`), and whatever follows later
//! (exits, starts, reports, deployments, reschedules) is driven by a task on tokio time that the
//! cluster spawns, so that it runs under paused time and in real time alike.

mod behaviour;
mod broker;
mod calls;
mod changes;
mod collect;
mod config;
mod constraints;
mod deliveries;
mod deployments;
mod disconnect;
mod node;
mod outages;
mod placement;
mod plan;
mod put;
mod read;
mod registration;
mod report;
mod rng;
mod rollout;
mod scheduler;
mod simulate;
mod state;
mod tables;
mod timers;
mod truth;
mod writes;

pub use behaviour::{Behaviour, Rule, Selector};
pub use changes::{Change, ChangeLog, Object};
pub use config::{Config, NodeConfig, Timing};
pub use read::Watch;
pub(crate) use simulate::parse_duration;
pub use state::{Registered, State, Stopped};
pub use tables::Table;
pub use truth::{AllocTruth, Process, Truth, Write, WriteKind};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::model::{ApiError, Clock, Time, Version};

/// Handle of a simulated cluster. The cluster ends with its last handle.
#[derive(Clone, Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
    index: watch::Sender<u64>,
    /// Wakes the driver when something became due earlier than it sleeps for.
    wake: Arc<Notify>,
    driver: Mutex<Option<AbortHandle>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let driver = self
            .driver
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = driver.take() {
            driver.abort();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a test's closure must not hide the state from the assertions that follow.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out what is due and tells whoever waits.
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let sleeping_until = state.next_due();
        state.run_until(self.clock.now());
        let result = f(&mut state);
        if state.next_due() != sleeping_until {
            self.wake.notify_one();
        }
        self.index.send_if_modified(|index| {
            let changed = *index != state.latest_index();
            *index = state.latest_index();
            changed
        });
        result
    }
}

/// How long ago, and what happened then.
pub(crate) type Past<'a> = (Duration, &'a dyn Fn(&mut State));

fn clock_of(config: &Config) -> Clock {
    config
        .start
        .map_or_else(Clock::starting_now, Clock::starting_at)
}

async fn drive(shared: Weak<Shared>, wake: Arc<Notify>) {
    loop {
        let sleep = {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let due = shared.with(|state| state.next_due());
            due.map(|due| shared.clock.instant(due))
        };
        match sleep {
            None => wake.notified().await,
            Some(instant) => {
                tokio::select! {
                    () = tokio::time::sleep_until(instant) => {}
                    () = wake.notified() => {}
                }
            }
        }
    }
}

impl Cluster {
    /// Builds a cluster and starts its driver on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(config: Config) -> Self {
        let clock = clock_of(&config);
        let state = State::new(config, clock.now());
        Self::running(state, clock)
    }

    /// Builds a cluster that has been there for a while: what `past` does happens that long before
    /// now, in the order of the list, and everything that followed from it has happened too.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn with_past(config: Config, past: &[Past<'_>]) -> Self {
        let clock = clock_of(&config);
        let ago = |age: Duration| {
            clock
                .now()
                .plus(-i64::try_from(age.as_nanos()).unwrap_or(0))
        };
        // The nodes are a minute older than the first thing that happened on them.
        let oldest = past.iter().map(|(age, _)| *age).max().unwrap_or_default();
        let mut state = State::new(config, ago(oldest + Duration::from_secs(60)));
        for (age, act) in past {
            state.run_until(ago(*age));
            act(&mut state);
        }
        state.run_until(clock.now());
        Self::running(state, clock)
    }

    /// A cluster in which these jobs were registered an hour ago, one after the other, and have settled since.
    ///
    /// # Errors
    /// As [`Cluster::register`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn with_jobs(config: Config, jobs: &[Value]) -> Result<Self, ApiError> {
        let failed = Mutex::new(None);
        let register = |state: &mut State| {
            let errors = jobs.iter().filter_map(|job| state.register(job).err());
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = errors.last();
        };
        let past: [Past<'_>; 1] = [(Duration::from_secs(3600), &register)];
        let cluster = Self::with_past(config, &past);
        let failed = failed.into_inner();
        match failed.unwrap_or_else(PoisonError::into_inner) {
            None => Ok(cluster),
            Some(error) => Err(error),
        }
    }

    fn running(state: State, clock: Clock) -> Self {
        let wake = Arc::new(Notify::new());
        let (index, _) = watch::channel(state.latest_index());
        let shared = Arc::new(Shared {
            clock,
            state: Mutex::new(state),
            index,
            wake: Arc::clone(&wake),
            driver: Mutex::new(None),
        });
        let task = tokio::spawn(drive(Arc::downgrade(&shared), wake));
        *shared.driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Self { shared }
    }

    /// Which Nomad it is.
    pub fn version(&self) -> Version {
        self.shared.lock().version
    }

    /// The cluster's clock.
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// Reads the servers' state as of now.
    pub fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        self.shared.with(|state| f(state))
    }

    /// Follows the index of the last transaction.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.index.subscribe()
    }

    /// Waits until `done` says so; asked again after every transaction.
    ///
    /// For tests, under a time limit of the caller's.
    pub async fn until<T>(&self, mut done: impl FnMut(&State) -> Option<T>) -> T {
        let mut index = self.watch();
        loop {
            index.borrow_and_update();
            if let Some(result) = self.read(&mut done) {
                return result;
            }
            if index.changed().await.is_err() {
                // The sender lives in `self`; it cannot be gone.
                std::future::pending::<()>().await;
            }
        }
    }

    /// What really happened so far.
    pub fn truth(&self) -> Truth {
        self.shared.with(|state| state.truth.clone())
    }

    /// Reads the record of what really happened without copying it.
    pub fn read_truth<T>(&self, f: impl FnOnce(&Truth) -> T) -> T {
        self.shared.with(|state| f(&state.truth))
    }

    /// Makes processes behave so from their next start (or signal) on. Later rules win over earlier
    /// ones and over what the job says, key by key.
    pub fn behave(&self, selector: Selector, behaviour: Behaviour) {
        let rule = Rule {
            selector,
            behaviour,
        };
        self.shared.with(|state| state.add_rule(rule));
    }
}
