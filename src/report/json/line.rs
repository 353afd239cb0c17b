//! The shapes of the lines: what is public of `-json`, in the order of its fields. Every field is in every line of its type, `null`
//! where it does not apply. Adding one is a minor change of [`SCHEMA`], everything else a major one.

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::Serialize;

use crate::nomad::json::AllocId;

/// The version of these shapes.
pub(super) const SCHEMA: &str = "1.0";

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) time: Time,
    pub(super) seq: u64,
    pub(super) job: &'a str,
    pub(super) namespace: &'a str,
    pub(super) region: Option<&'a str>,
    #[serde(flatten)]
    pub(super) body: &'a Body,
}

/// A moment in UTC, to the millisecond (RFC 3339).
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(DateTime<Utc>);

impl Time {
    pub(super) fn of<Zone: TimeZone>(time: &DateTime<Zone>) -> Self {
        Self(time.to_utc())
    }

    /// From an earlier moment to this one, in milliseconds; 0 if a clock was set back meanwhile.
    pub(super) fn since(self, earlier: Self) -> u64 {
        let passed = (self.0 - earlier.0).num_milliseconds();
        u64::try_from(passed).unwrap_or(0)
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// What stands behind the fields that all lines have.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Body {
    Version {
        nomad_restart: &'static str,
        schema: &'static str,
    },
    Plan {
        dry_run: bool,
        action: &'static str,
        total: usize,
        /// At most so many at once, where there are no batches; `batches` has one entry then.
        window: Option<usize>,
        batches: Vec<PlannedBatch>,
        left_out: Vec<LeftOut>,
    },
    BatchStart {
        batch: usize,
        batches: usize,
        batch_size: usize,
        allocations: usize,
    },
    AllocStart {
        allocation: AllocId,
        group: String,
        action: &'static str,
        task: Option<String>,
        /// How many allocations are begun and not judged yet, this one included.
        away: usize,
    },
    AllocProgress {
        allocation: AllocId,
        current: AllocId,
        status: Option<String>,
        state: Option<String>,
    },
    AllocReplaced {
        allocation: AllocId,
        replaced: AllocId,
        replacement: AllocId,
    },
    AllocDone(Fate),
    BatchDone {
        batch: usize,
        batches: usize,
        #[serde(flatten)]
        counts: BatchCounts,
        duration_ms: u64,
    },
    Waiting {
        #[serde(rename = "for")]
        what: &'static str,
        wait_ms: Option<u64>,
        deployment: Option<Deployment>,
    },
    Diagnostic {
        severity: Severity,
        message: String,
        allocation: Option<AllocId>,
        class: Option<&'static str>,
    },
    Summary(Box<Summary>),
}

impl Body {
    /// The name of the type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Version { .. } => "version",
            Self::Plan { .. } => "plan",
            Self::BatchStart { .. } => "batch_start",
            Self::AllocStart { .. } => "alloc_start",
            Self::AllocProgress { .. } => "alloc_progress",
            Self::AllocReplaced { .. } => "alloc_replaced",
            Self::AllocDone(_) => "alloc_done",
            Self::BatchDone { .. } => "batch_done",
            Self::Waiting { .. } => "waiting",
            Self::Diagnostic { .. } => "diagnostic",
            Self::Summary(_) => "summary",
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct PlannedBatch {
    pub(super) batch: usize,
    pub(super) allocations: Vec<PlannedAllocation>,
}

#[derive(Debug, Serialize)]
pub(super) struct PlannedAllocation {
    pub(super) allocation: AllocId,
    pub(super) group: String,
    pub(super) node: String,
    pub(super) job_version: u64,
    /// Started, or with `-reschedule` created.
    pub(super) since: Option<Time>,
    pub(super) healthy: Option<bool>,
    /// Named tasks of it that do not run.
    pub(super) not_running: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    pub(super) allocation: AllocId,
    pub(super) group: String,
    pub(super) reason: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) description: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    Info,
    Warning,
    Error,
}

/// What became of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Done,
    Skipped,
    Failed,
    InFlight,
    Untouched,
}

/// What became of one allocation, in `alloc_done` and in the summary.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fate {
    pub(super) allocation: AllocId,
    pub(super) group: Option<String>,
    pub(super) batch: Option<usize>,
    pub(super) outcome: Outcome,
    /// The last replacement that was seen.
    pub(super) replacement: Option<AllocId>,
    /// Why it was skipped.
    pub(super) reason: Option<String>,
    /// Why it failed.
    pub(super) error: Option<Trouble>,
    /// From its write to its outcome.
    pub(super) duration_ms: Option<u64>,
}

/// An error without the allocation that it belongs to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Trouble {
    pub(super) class: &'static str,
    pub(super) message: String,
    /// Not likely to happen again with another allocation.
    pub(super) recoverable: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct RunError {
    /// `null`: an error of the run.
    pub(super) allocation: Option<AllocId>,
    #[serde(flatten)]
    pub(super) trouble: Trouble,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct BatchCounts {
    pub(super) allocations: usize,
    pub(super) done: usize,
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) untouched: usize,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) eligible: usize,
    pub(super) done: usize,
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) in_flight: usize,
    pub(super) untouched: usize,
}

/// The last line, and what `-report` writes.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) outcome: &'static str,
    pub(super) exit_code: u8,
    /// The class of the trouble that stopped the run.
    pub(super) cause: Option<&'static str>,
    pub(super) signal: Option<i32>,
    pub(super) action: Option<&'static str>,
    pub(super) counts: Counts,
    /// In processing order.
    pub(super) allocations: Vec<Fate>,
    pub(super) errors: Vec<RunError>,
    pub(super) resume: Option<String>,
    pub(super) started: Time,
    pub(super) ended: Time,
    pub(super) duration_ms: u64,
}
