//! What the batch loop and its workers share.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use super::board::Board;
use super::gate::Gate;
use super::ledger::{Fate, Ledger};
use crate::event::{EventKind, Exceeded, RunError};
use crate::nomad::client::Client;
use crate::nomad::json::{AllocId, Job};
use crate::plan::{Action, RestartPlan};
use crate::report::Reporter;
use crate::rules::policy::exceeded;
use crate::rules::verdict::Baseline;
use crate::rules::versions::Versions;
use crate::watch::Feed;

/// One run's surroundings.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) plan: RestartPlan,
    /// The job as it was at the start.
    pub(crate) job: Arc<Job>,
    pub(crate) client: Client,
    pub(crate) feed: Feed,
    pub(crate) versions: Arc<Versions>,
    pub(crate) reporter: Reporter,
    pub(crate) gate: Arc<Gate>,
    /// How many allocations may fail.
    pub(crate) allowed_failures: Option<usize>,
    /// Write calls that are on their way.
    pub(crate) calls: Calls,
    /// The index of the job's allocations when the first stop was sent.
    pub(crate) first_stop: OnceLock<u64>,
    /// What is in flight, for the live block.
    pub(super) board: Board,
    books: Mutex<Ledger>,
    done: Mutex<Vec<Done>>,
}

/// What was judged done, to be looked at once more.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) place: usize,
    pub(super) base: Baseline,
    /// Its replacement, if it was rescheduled.
    pub(super) by: Option<AllocId>,
}

/// What a run begins with.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) plan: RestartPlan,
    pub(crate) job: Arc<Job>,
    pub(crate) client: Client,
    pub(crate) feed: Feed,
    pub(crate) versions: Arc<Versions>,
    pub(crate) reporter: Reporter,
    pub(crate) gate: Arc<Gate>,
    /// How many allocations may fail; `None` = this stops nothing.
    pub(crate) allowed_failures: Option<usize>,
}

impl Context {
    /// Opens the books for these allocations, in processing order.
    pub(crate) fn new(given: Given, order: Vec<AllocId>) -> Self {
        let rescheduled = matches!(given.plan.action, Action::Reschedule { .. });
        let Given {
            plan,
            job,
            client,
            feed,
            versions,
            reporter,
            gate,
            allowed_failures,
        } = given;
        let live = reporter.shows_live();
        Self {
            plan,
            job,
            client,
            feed,
            versions,
            reporter,
            gate,
            allowed_failures,
            calls: Calls::default(),
            first_stop: OnceLock::new(),
            board: Board::new(live),
            books: Mutex::new(Ledger::new(order, rescheduled)),
            done: Mutex::default(),
        }
    }

    pub(super) fn done(&self) -> MutexGuard<'_, Vec<Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A panic while the lock was held ends the run elsewhere; entries are changed in whole steps.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, allocation: &AllocId, fate: Fate) {
        self.ledger().set(allocation, fate);
    }

    /// Whether more allocations have failed than may.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        exceeded(self.ledger().failed(), self.allowed_failures)
    }

    /// Books an error, and tells of it: report shows it at once when the run goes on by itself (D54).
    pub(super) fn fail(&self, place: usize, error: RunError) {
        self.reporter.emit(EventKind::AllocationFailed {
            error: error.clone(),
        });
        self.ledger().error(place, error);
    }
}

/// Counts the write calls that are on their way.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Arc<watch::Sender<usize>>);

impl Default for Calls {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

/// One call on its way, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenCall(Arc<watch::Sender<usize>>);

impl Calls {
    pub(crate) fn begin(&self) -> OpenCall {
        self.0.send_modify(|open| *open += 1);
        OpenCall(Arc::clone(&self.0))
    }

    /// Waits until none is on its way.
    pub(crate) async fn idle(&self) {
        // The sender is held by `self`, so the wait can only end with none open.
        let _ = self.0.subscribe().wait_for(|open| *open == 0).await;
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
