//! The verdict on one allocation: restarted or replaced, failed, or not known yet. The heart of the program, and pure.
//!
//! Every wait of the run is a sequence of verdicts, and this is what ends each of them:
//!
//! | what is waited for | ends as done | ends as failed |
//! |---|---|---|
//! | tasks to run again | each targeted task started after its own `Restart Signaled` and runs (one that is meant to end: ended well) | task failed, allocation failed, lost, ended, replaced, stopped or gone; three more restarts; a next start beyond the limit; no sign of a restart 10 s after the answer; time limit |
//! | a lost answer to a restart | as above | no sign of it after 15 s and one fresh read: outcome unknown |
//! | the scheduler to stop the allocation | – | job stopped or purged; Nomad does not replace what has ended; time limit |
//! | a replacement to appear | – | placement failure; job stopped, purged or scaled down; time limit |
//! | the replacement to run | every main task and sidecar of the last replacement runs (batch: or it is complete) | it failed or ended and Nomad plans no further attempt; it was stopped; time limit |
//!
//! Whatever time alone decides is said only after a fresh read of the allocation: [`Verdict::Unsure`] asks for it.
//! All of Nomad's times are clocks of nodes: they are compared only with other times of the same task.

mod baseline;
mod cause;
mod in_place;
mod placement;
mod reschedule;

use std::time::Duration;

use tokio::time::Instant;

pub(crate) use baseline::Baseline;
pub(crate) use cause::Cause;

use crate::event::Target;
use crate::nomad::json::{AllocId, TaskState};
use crate::rules::versions::Versions;
use crate::view::JobView;

/// Accepted, and no sign of a restart for so long: nothing was restarted. Nodes report within 1.3 s.
const NO_SIGN: Duration = Duration::from_secs(10);
/// The answer was lost, and no sign of a restart for so long: it did not arrive.
const NO_SIGN_OF_LOST: Duration = Duration::from_secs(15);
/// An allocation that failed without a plan for another attempt: Nomad makes that plan within moments.
const SETTLED: Duration = Duration::from_secs(5);
/// So many more restarts than before are a crash loop.
const CRASH_LOOP: u64 = 3;

/// What is known of our own write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallState {
    /// No answer yet.
    Open,
    /// Answered with success at this time.
    Accepted(Instant),
    /// The answer was lost at this time: it may have been carried out.
    Unknown(Instant),
}

/// What has to come true.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) target: Target,
    pub(crate) sent_at: Instant,
    /// The longest wait, counted from `sent_at`; `None` = for ever.
    pub(crate) limit: Option<Duration>,
    /// Show whole ids.
    pub(crate) verbose: bool,
}

impl Want {
    fn deadline(&self) -> Option<Instant> {
        self.limit.and_then(|limit| self.sent_at.checked_add(limit))
    }
}

/// Everything that is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) base: &'a Baseline,
    pub(crate) call: CallState,
    pub(crate) want: &'a Want,
    /// Why the answer was lost, if it was.
    pub(crate) lost: &'a str,
    pub(crate) versions: &'a Versions,
    /// When the allocation was last read on its own, on purpose.
    pub(crate) reread: Option<Instant>,
    pub(crate) now: Instant,
}

/// What can be said of an allocation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Not decided. The reason is for lines that say what is waited for.
    Pending(String),
    /// Time alone would decide: read the allocation again first.
    Unsure,
    /// It is as wanted; by its replacement, when it was rescheduled.
    Done {
        by: Option<AllocId>,
    },
    Failed(Cause),
}

/// Judges one allocation, or one task of it.
pub(crate) fn judge(case: &Case<'_>, view: &JobView) -> Verdict {
    let verdict = match case.want.target {
        Target::Reschedule => reschedule::judge(case, view),
        Target::RunningTasks | Target::AllTasks | Target::Task(_) => in_place::judge(case, view),
    };
    match (verdict, case.want.deadline(), case.want.limit) {
        (Verdict::Pending(state), Some(deadline), Some(limit)) if case.now >= deadline => {
            case.sure_since(deadline, || Cause::Timeout { limit, state })
        }
        (verdict, ..) => verdict,
    }
}

/// When the verdict may change by time alone; `None` = never.
pub(crate) fn next_check(case: &Case<'_>, view: &JobView) -> Option<Instant> {
    let sign = match case.call {
        CallState::Open => None,
        CallState::Accepted(at) => Some(at + NO_SIGN),
        CallState::Unknown(at) => Some(at + NO_SIGN_OF_LOST),
    };
    let last = view.last_successor(&case.base.id);
    let settled = view.known(&last).map(|known| known.since + SETTLED);
    [sign, settled, case.want.deadline()]
        .into_iter()
        .flatten()
        .filter(|at| *at > case.now)
        .min()
}

impl Case<'_> {
    /// A verdict that time alone decides at `since`, once the allocation was read after that.
    fn sure_since(&self, since: Instant, cause: impl FnOnce() -> Cause) -> Verdict {
        if self.reread.is_some_and(|read| read >= since) {
            Verdict::Failed(cause())
        } else {
            Verdict::Unsure
        }
    }

    /// An id as it is shown in texts: eight characters, or all of them.
    fn shown(&self, id: &str) -> String {
        id.chars()
            .take(if self.want.verbose { usize::MAX } else { 8 })
            .collect()
    }

    /// The time from which on Nomad had our write, as far as we know.
    fn answered_at(&self) -> Option<Instant> {
        match self.call {
            CallState::Open => None,
            CallState::Accepted(at) | CallState::Unknown(at) => Some(at),
        }
    }
}

/// What a task is doing, for an operator: its state and its last event.
fn task_words(name: &str, task: &TaskState) -> String {
    let mut words = format!(
        "task {} is {}",
        crate::cli::quote::quote(name),
        task.state.as_str()
    );
    if let Some(event) = &task.events.last {
        words.push_str(&format!(" ({})", event_words(event)));
    }
    words
}

/// An event in one line: its type, and what it says beyond that.
fn event_words(event: &crate::nomad::json::TaskEvent) -> String {
    let message = event
        .display_message
        .lines()
        .next()
        .unwrap_or_default()
        .trim();
    if message.is_empty() || message == &*event.kind {
        event.kind.to_string()
    } else {
        format!("{}: {message}", event.kind)
    }
}
