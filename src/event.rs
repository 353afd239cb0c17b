//! The one list of things that can happen in a run, with their data.
//!
//! Events are stamped when they happen, not when they are shown. They carry facts, never formatted lines: `report` alone knows
//! how a thing is said.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};

use crate::nomad::error::ReadError;
use crate::nomad::json::AllocId;

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// In the local time zone, with the offset that was valid then.
    pub(crate) at: DateTime<FixedOffset>,
    pub(crate) kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum EventKind {
    /// The job that the argument means. `region` is empty where neither the job nor the command line names one.
    JobFound {
        job: String,
        namespace: String,
        region: String,
    },
    /// Something that the operator should know before or while work goes on (stderr).
    Warning(String),
    /// An allocation is left out, and why (verbose only). `reason` is the clause that follows "because".
    LeftOut { allocation: AllocId, reason: String },
    /// A requested task that one allocation does not have (verbose only; D32).
    TaskMissing { allocation: AllocId, task: String },
    /// Nothing is eligible; `left_out` is one line of counts by reason, or empty.
    NothingToDo { left_out: String },
    /// What a run would do (dry run), or is going to do (only for machines).
    Planned(Box<Preview>),
    /// A deployment of the job is waited for: said when the wait begins, and as `still` once a minute.
    DeploymentAwaited { deployment: Awaited, still: bool },
    /// The run's header.
    Selected { allocations: usize },
    /// The same of a run with a sliding window, which has no batches: at most `at_once` are away at any moment.
    SelectedForWindow { allocations: usize, at_once: usize },
    /// `number` counts from 1 up to `of`; `size` is the batch size in force.
    BatchStarted {
        number: usize,
        of: usize,
        allocations: usize,
        size: usize,
    },
    /// Every allocation of the batch that was begun has been judged.
    BatchEnded { number: usize },
    /// The write for this allocation is about to be sent.
    AllocationStarted {
        allocation: AllocId,
        group: String,
        what: Target,
    },
    /// Its turn came and it was not touched (stderr). `reason` is the clause that follows "because".
    AllocationSkipped { allocation: AllocId, reason: String },
    /// A replacement appeared. `replaced` may itself be a replacement; `healthy`: its health is waited for too.
    Replaced {
        replaced: AllocId,
        by: AllocId,
        healthy: bool,
    },
    /// The last replacement is as it was wanted: it runs, or has ended well; `healthy`: it was found healthy too.
    ReplacementRunning {
        allocation: AllocId,
        status: String,
        healthy: bool,
    },
    /// It runs again, or its last replacement runs, as was asked for.
    AllocationDone { allocation: AllocId },
    /// The client status of an allocation that is waited for changed (verbose only).
    StatusChanged { allocation: AllocId, status: String },
    /// Once a minute while an allocation is waited for. `allocation` is the original one; `state` is what is known of the one that
    /// is waited for, and why it does not run yet.
    StillWaiting {
        allocation: AllocId,
        action: WaitedFor,
        state: String,
    },
    /// An allocation failed. Shown at once when the run goes on by itself (`-yes`), else with its batch.
    AllocationFailed { error: RunError },
    /// All errors of a batch, before a question about them.
    BatchErrors { errors: Vec<RunError> },
    /// The policy ends the run; `exceeded` when it is for the number of failures.
    Stopping {
        unrecoverable: bool,
        exceeded: Option<Exceeded>,
    },
    /// The pause before the next batch begins.
    Pausing { pause: Duration },
    /// With a sliding window: from now on each allocation that is done is followed by a pause before another one takes its place.
    PausingEach { pause: Duration },
    /// A duration was answered: the pause from now on.
    NewPause { pause: Duration },
    /// A pause, a deployment or a read that keeps the run waiting, in the run's own words (main line).
    Notice(String),
    /// The run ends before it began: its one error, on stderr. The last event then. Without a kind of trouble it was the operator who
    /// chose nothing.
    CannotStart {
        text: String,
        trouble: Option<Trouble>,
    },
    /// The run is over: the last event otherwise.
    Finished(Finish),
}

/// What a run would do: the allocations of each batch, and why all others are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preview {
    pub(crate) dry_run: bool,
    /// `true` when allocations would be rescheduled.
    pub(crate) reschedules: bool,
    /// With a sliding window there are none: 1 holds everything.
    pub(crate) batches: usize,
    /// The size of a sliding window: at most so many would be away at any moment.
    pub(crate) window: Option<usize>,
    /// In processing order.
    pub(crate) allocations: Vec<Planned>,
    /// Those of the requested groups and tasks (all others too if everything was asked for), in the same order.
    pub(crate) left_out: Vec<NotPlanned>,
}

/// An allocation that would be restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Counts from 1.
    pub(crate) batch: usize,
    pub(crate) allocation: AllocId,
    pub(crate) group: String,
    /// The node's name, or its id where the server tells none.
    pub(crate) node: String,
    pub(crate) version: u64,
    /// When the first of the tasks to be restarted started (node's clock), or the allocation was created (server's clock) if it
    /// would be rescheduled; `None` if none has started.
    pub(crate) since: Option<DateTime<Utc>>,
    /// As its deployment or its node found it; `None` if nobody has said.
    pub(crate) healthy: Option<bool>,
    /// Tasks of it that were named and do not run: each would be an error, without a call.
    pub(crate) not_running: Vec<String>,
}

/// An allocation that would be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotPlanned {
    pub(crate) allocation: AllocId,
    pub(crate) group: String,
    /// The clause that follows "because".
    pub(crate) reason: String,
}

/// A deployment that is waited for, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) id: String,
    pub(crate) job: String,
    pub(crate) status: String,
    /// In the server's words; may be empty.
    pub(crate) description: String,
}

/// More allocations have failed than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) failed: usize,
    pub(crate) allowed: usize,
}

/// What a write is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    RunningTasks,
    AllTasks,
    Task(String),
    Reschedule,
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitedFor {
    /// To be running again.
    Restarted,
    /// To be running again and healthy.
    Healthy,
    /// To be replaced by one that runs.
    Replaced,
    /// To be replaced by one that is healthy.
    ReplacedHealthy,
}

/// One entry of the list of errors at the end, without its bullet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunError {
    /// The allocation that failed; `None` for an error of the run (guard).
    pub(crate) allocation: Option<AllocId>,
    /// What failed and why; may have several lines. Without the `Error restarting allocation "…": ` that an error of an
    /// allocation begins with: that comes from `allocation`.
    pub(crate) text: String,
    /// Likely to happen again with the next batch.
    pub(crate) unrecoverable: bool,
    pub(crate) trouble: Trouble,
}

/// What kind of trouble an error is. Machines are told each; exit codes only tell groups of them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A name that does not exist, a file that cannot be used, or options that this job does not go with.
    Usage,
    /// Nomad is not reached, or does not answer as it should.
    Connection,
    /// The token lacks a right, or is none.
    Permission,
    /// Nothing can be placed where a replacement is needed.
    Placement,
    /// Nomad did not carry the write out.
    Refused,
    /// There was nothing to restart, or it shows no sign of a restart.
    NotRestarted,
    /// A task or an allocation failed or ended, or so many did that the run may not go on.
    Failure,
    /// It was found unhealthy.
    Unhealthy,
    /// Not where it was wanted within the limit.
    Timeout,
    /// Whether a write was carried out is not known.
    OutcomeUnknown,
    /// It is gone, its node is, or nothing takes its place.
    Lost,
    /// The job is not in a state, or not named so, that anything may be done to it.
    Precondition,
}

impl Trouble {
    /// What an unsuccessful read means.
    pub(crate) fn of_read(error: &ReadError) -> Self {
        if error.is_permission_denied() {
            Self::Permission
        } else {
            Self::Connection
        }
    }
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finish {
    pub(crate) how: Ending,
    /// What stopped the run, or would have if there had been more to do.
    pub(crate) cause: Option<Trouble>,
    /// All errors in processing order.
    pub(crate) errors: Vec<RunError>,
    pub(crate) summary: Summary,
    /// The command that does the rest, ready for a shell; `None` before anything was selected.
    pub(crate) resume: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything was tried.
    Completed,
    /// The policy or a guard stopped it.
    Stopped,
    /// The operator said no to a question; before anything was selected (`eligible` is 0) or in mid-run.
    Declined,
    /// A signal, or a yes at the interrupt question.
    Interrupted { signal: i32 },
}

/// What became of each eligible allocation, in processing order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// `true` when allocations were rescheduled.
    pub(crate) rescheduled: bool,
    pub(crate) eligible: usize,
    /// Seen running again, or replaced by one that runs.
    pub(crate) done: Vec<AllocId>,
    /// Their turn came and they were not touched, with the reason.
    pub(crate) skipped: Vec<(AllocId, String)>,
    pub(crate) failed: Vec<AllocId>,
    /// A write was sent and its effect not seen yet.
    pub(crate) in_flight: Vec<AllocId>,
    /// Not touched.
    pub(crate) untouched: Vec<AllocId>,
}

impl Summary {
    /// Whether running the command again could do anything that this run did not.
    pub(crate) fn something_left(&self) -> bool {
        self.eligible == 0 || self.done.len() + self.skipped.len() < self.eligible
    }
}

/// A question to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The argument is no job id, but a prefix of exactly this one.
    PrefixMatch { typed: String, job: String },
    /// Several jobs match: the table of them (whole, as it is printed) and one line per choice.
    WhichJob {
        heading: String,
        choices: Vec<String>,
    },
    /// Q1.
    MultiRegion { job: String },
    /// Q2. `durations`: a duration is an answer too.
    NextBatch { durations: bool },
    /// Q3, and Q4 when `unrecoverable`.
    IgnoreErrors {
        unrecoverable: bool,
        durations: bool,
    },
    /// The same with a sliding window, which has no batches.
    IgnoreErrorsInWindow { unrecoverable: bool },
    /// Q5.
    Interrupt,
}

/// The operator's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    /// Also end of input and an empty answer where that means no.
    No,
    /// From now on wait this long between batches.
    Pause(Duration),
    /// The choice with this index.
    Choice(usize),
    /// End of input: no to everything, and stop at the interrupt question.
    EndOfInput,
    /// Ctrl-C at the question, or the question was called off.
    Interrupted,
}
