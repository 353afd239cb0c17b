//! What was asked for, typed and validated: the border between the command line and everything that acts.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// One run of the program, as asked for. Nothing in it can be invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestartPlan {
    /// The job argument, trimmed and not empty.
    pub(crate) job: String,
    /// The argument is a job id, never a prefix.
    pub(crate) exact: bool,
    pub(crate) action: Action,
    /// Only these groups; empty = all. No duplicates, in the order given.
    pub(crate) groups: Vec<String>,
    pub(crate) batch: BatchSize,
    pub(crate) pause: Pause,
    pub(crate) on_error: OnError,
    /// Answer yes to the questions that `-yes` covers, and go on after recoverable errors.
    pub(crate) yes: bool,
    pub(crate) timeout: Timeout,
    /// Only allocations in which a targeted task started before this (with `-reschedule`: that were created before).
    pub(crate) started_before: Option<DateTime<Utc>>,
    pub(crate) verbose: bool,
    pub(crate) progress: Progress,
}

/// What is done to each allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    InPlace(Tasks),
    Reschedule { no_shutdown_delay: bool },
}

/// Which tasks an in-place restart targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tasks {
    /// Those that run.
    Running,
    /// All, in lifecycle order.
    All,
    /// These; not empty, no duplicates, in the order given.
    Named(Vec<String>),
}

/// How many allocations are handled at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchSize {
    /// At least 1.
    Count(u64),
    /// Of the eligible allocations, rounded up; at least 1, above 100 means all.
    Percent(u64),
}

/// What happens between batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    Ask,
    /// Zero = none.
    Fixed(Duration),
}

/// What happens after a batch with errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    Ask,
    Fail,
}

/// The longest wait for one allocation, from its write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// From the delays and deadlines of the allocation's own job version.
    FromJob,
    Never,
    After(Duration),
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Auto,
    Plain,
    None,
}
