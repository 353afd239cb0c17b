//! Why an allocation failed, as a sentence for the operator: what, why in Nomad's words, what to do next.
//!
//! `Error restarting allocation "…": ` stands before it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::reason::{Event, State, short};
use crate::event::{Target, Trouble};
use crate::nomad::json::{AllocId, AllocMetric};

mod placement;
mod sentence;

/// Why an allocation failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cause {
    /// The write was refused, in the server's words.
    Refused {
        target: Target,
        text: String,
        /// For want of permission.
        permission: bool,
    },
    /// A named task does not run: no call is made (T28).
    TaskNotRunning {
        task: String,
    },
    /// Answered 200, and these tasks show no sign of a restart; none = nothing was restarted at all.
    NotRestarted {
        tasks: Vec<Arc<str>>,
    },
    /// It is not known whether a restart was carried out; it is not sent again.
    OutcomeUnknown {
        target: Target,
    },
    CrashLoop {
        allocation: AllocId,
        task: Arc<str>,
        restarts: u64,
        failure: Option<Event>,
    },
    /// The next start comes after `delay` from the restart on, beyond the limit.
    StartsTooLate {
        allocation: AllocId,
        task: Arc<str>,
        delay: Duration,
        limit: Duration,
        failure: Option<Event>,
    },
    TaskFailed {
        allocation: AllocId,
        task: Arc<str>,
        failure: Option<Event>,
        last: Option<Event>,
    },
    /// Failed, and no task tells why.
    AllocationFailed {
        allocation: AllocId,
        description: Arc<str>,
    },
    /// The allocation is complete, and this task did not start again.
    Ended {
        task: Arc<str>,
        last: Option<Event>,
    },
    /// Somebody else stops it.
    Stopped {
        description: Arc<str>,
    },
    /// Somebody else replaced it while it was being restarted.
    ReplacedMeanwhile {
        by: AllocId,
        description: Arc<str>,
    },
    NodeLost {
        description: Arc<str>,
    },
    /// The server no longer has it.
    Gone,
    JobEnded {
        purged: bool,
    },
    /// The scheduler found no node for the replacement.
    Placement {
        evaluation: String,
        group: Arc<str>,
        metric: Box<AllocMetric>,
    },
    /// Stopped, and the job does not need a replacement.
    NotNeeded {
        allocation: AllocId,
        description: Arc<str>,
    },
    /// Stopped, and nothing replaces it.
    NotReplaced {
        allocation: AllocId,
        description: Arc<str>,
    },
    /// This allocation, a replacement or the original one, failed and Nomad has not planned another attempt.
    ReplacementFailed {
        allocation: AllocId,
        cause: Box<Self>,
    },
    /// It ended without failing, and nothing replaces it.
    EndedUnreplaced {
        allocation: AllocId,
        original: bool,
    },
    /// It was as wanted, and is no longer.
    Relapsed {
        cause: Box<Self>,
    },
    /// Nomad has found this replacement unhealthy, because of this check if one is known to fail.
    Unhealthy {
        allocation: AllocId,
        check: Option<Box<State>>,
    },
    /// The checks of an allocation that runs again may not be read: whether it is healthy cannot be known.
    ChecksDenied {
        text: Arc<str>,
    },
    /// Not where it was wanted within the limit.
    Timeout {
        target: Target,
        /// Health was waited for.
        healthy: bool,
        limit: Duration,
        last: Box<State>,
    },
}

impl Cause {
    /// Whether the next batch is likely to end the same way, or would take away more while something is missing: permission,
    /// placement, timeout, unknown outcome, lost replacement.
    pub(crate) fn is_unrecoverable(&self) -> bool {
        match self {
            Self::Refused { permission, .. } => *permission,
            Self::OutcomeUnknown { .. }
            | Self::JobEnded { .. }
            | Self::Placement { .. }
            | Self::NotNeeded { .. }
            | Self::NotReplaced { .. }
            | Self::ReplacementFailed { .. }
            | Self::EndedUnreplaced {
                original: false, ..
            }
            | Self::Unhealthy { .. }
            | Self::ChecksDenied { .. }
            | Self::Timeout { .. } => true,
            Self::TaskNotRunning { .. }
            | Self::NotRestarted { .. }
            | Self::CrashLoop { .. }
            | Self::StartsTooLate { .. }
            | Self::TaskFailed { .. }
            | Self::AllocationFailed { .. }
            | Self::Ended { .. }
            | Self::Stopped { .. }
            | Self::ReplacedMeanwhile { .. }
            | Self::NodeLost { .. }
            | Self::Gone
            | Self::Relapsed { .. }
            | Self::EndedUnreplaced { original: true, .. } => false,
        }
    }

    /// The allocation and the task to blame, if a process of that task has exited by itself: it may have said why. One that could not
    /// be started has said nothing.
    pub(crate) fn exited(&self) -> Option<(&AllocId, &Arc<str>)> {
        match self {
            Self::CrashLoop {
                allocation,
                task,
                failure,
                ..
            }
            | Self::StartsTooLate {
                allocation,
                task,
                failure,
                ..
            }
            | Self::TaskFailed {
                allocation,
                task,
                failure,
                ..
            } => failure
                .as_ref()
                .is_some_and(|it| matches!(&*it.kind, "Terminated" | "Not Restarting"))
                .then_some((allocation, task)),
            Self::ReplacementFailed { cause, .. } | Self::Relapsed { cause } => cause.exited(),
            _ => None,
        }
    }

    /// What kind of trouble it is.
    pub(crate) fn trouble(&self) -> Trouble {
        match self {
            Self::Refused {
                permission: true, ..
            }
            | Self::ChecksDenied { .. } => Trouble::Permission,
            Self::Refused {
                permission: false, ..
            } => Trouble::Refused,
            Self::TaskNotRunning { .. } | Self::NotRestarted { .. } => Trouble::NotRestarted,
            Self::OutcomeUnknown { .. } => Trouble::OutcomeUnknown,
            Self::Placement { .. } => Trouble::Placement,
            Self::CrashLoop { .. }
            | Self::StartsTooLate { .. }
            | Self::TaskFailed { .. }
            | Self::AllocationFailed { .. }
            | Self::Ended { .. }
            | Self::EndedUnreplaced { .. } => Trouble::Failure,
            Self::Unhealthy { .. } => Trouble::Unhealthy,
            Self::Timeout { .. } => Trouble::Timeout,
            Self::Stopped { .. }
            | Self::ReplacedMeanwhile { .. }
            | Self::NodeLost { .. }
            | Self::Gone
            | Self::NotNeeded { .. }
            | Self::NotReplaced { .. } => Trouble::Lost,
            Self::JobEnded { .. } => Trouble::Precondition,
            Self::ReplacementFailed { cause, .. } | Self::Relapsed { cause } => cause.trouble(),
        }
    }
}

/// The text of a placement failure, with the whole id if `verbose`.
pub(crate) fn placement_text(
    evaluation: &str,
    group: &str,
    metric: &AllocMetric,
    verbose: bool,
) -> String {
    placement::text(short(evaluation, verbose), group, metric)
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(false))
    }
}
