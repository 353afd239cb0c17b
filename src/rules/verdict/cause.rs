//! Why an allocation failed, as a sentence for an operator: what, why in Nomad's words, what to do next.

use std::fmt;
use std::time::Duration;

use crate::cli::duration;
use crate::cli::quote::quote;

/// Why an allocation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A targeted task is dead and failed. `event` is the event that says why.
    TaskFailed {
        task: String,
        event: String,
    },
    /// The allocation as a whole ended: `failed`, `lost` or `complete`, with Nomad's description or a task's event.
    Ended {
        status: String,
        why: String,
    },
    CrashLoop {
        task: String,
        restarts: u64,
        event: String,
    },
    /// Nomad waits longer before the next start than the run may wait.
    StartsTooLate {
        task: String,
        delay: Duration,
        event: String,
    },
    /// Answered with success, and nothing was restarted.
    NotRestarted,
    /// The answer was lost, and nothing tells whether the write was carried out.
    OutcomeUnknown {
        error: String,
    },
    /// Could not be sent within the time limit.
    NotSent {
        error: String,
    },
    Timeout {
        limit: Duration,
        state: String,
    },
    /// Replaced while it was being restarted in place.
    Replaced {
        by: String,
    },
    /// Stopped by somebody else.
    Stopped {
        why: String,
    },
    /// The server no longer has it.
    Gone,
    JobStopped,
    JobPurged,
    /// The whole text of behaviour 5.6.3.
    Placement {
        text: String,
    },
    /// The replacement failed, and Nomad plans no further attempt.
    ReplacementFailed {
        replacement: String,
        status: String,
        why: String,
    },
    /// The replacement is gone or was stopped, and nothing took its place.
    ReplacementLost {
        replacement: String,
        why: String,
    },
    /// No answer from Nomad for so long that nothing can be said any more.
    ClusterLost {
        error: String,
    },
}

impl Cause {
    /// Likely to happen again, or leaves the state of the job unknown: a run does not go on after it by itself.
    pub(crate) fn is_unrecoverable(&self) -> bool {
        match self {
            Self::Placement { .. }
            | Self::Timeout { .. }
            | Self::OutcomeUnknown { .. }
            | Self::NotSent { .. }
            | Self::ReplacementLost { .. }
            | Self::ReplacementFailed { .. }
            | Self::JobStopped
            | Self::JobPurged
            | Self::ClusterLost { .. } => true,
            Self::TaskFailed { .. }
            | Self::Ended { .. }
            | Self::CrashLoop { .. }
            | Self::StartsTooLate { .. }
            | Self::NotRestarted
            | Self::Replaced { .. }
            | Self::Stopped { .. }
            | Self::Gone => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskFailed { task, event } => {
                write!(f, "task {} failed{}", quote(task), because(event))
            }
            Self::Ended { status, why } => {
                write!(f, "allocation is {}{}", quote(status), because(why))
            }
            Self::CrashLoop {
                task,
                restarts,
                event,
            } => {
                write!(
                    f,
                    "task {} does not stay up: {restarts} restarts since{}",
                    quote(task),
                    because(event)
                )
            }
            Self::StartsTooLate { task, delay, event } => write!(
                f,
                "task {} is started again only in {}, after the time limit{}",
                quote(task),
                duration::format(*delay),
                because(event)
            ),
            Self::NotRestarted => f.write_str("not restarted: no task was running"),
            Self::OutcomeUnknown { error } => write!(
                f,
                "outcome unknown, not repeated: {error}. Nomad shows no sign of the restart; look at the allocation before restarting it again"
            ),
            Self::NotSent { error } => write!(f, "not restarted: {error}"),
            Self::Timeout { limit, state } => {
                write!(f, "not running again after {}", duration::format(*limit))?;
                if !state.is_empty() {
                    write!(f, ": {state}")?;
                }
                Ok(())
            }
            Self::Replaced { by } => {
                write!(f, "replaced by {} while it was being restarted", quote(by))
            }
            Self::Stopped { why } => {
                write!(f, "stopped while it was being worked on{}", because(why))
            }
            Self::Gone => f.write_str("allocation no longer exists"),
            Self::JobStopped => f.write_str("the job was stopped, so nothing takes its place"),
            Self::JobPurged => f.write_str("the job was purged"),
            Self::Placement { text } => f.write_str(text),
            Self::ReplacementFailed {
                replacement,
                status,
                why,
            } => write!(
                f,
                "its replacement {} is {} and Nomad plans no further attempt{}",
                quote(replacement),
                quote(status),
                because(why)
            ),
            Self::ReplacementLost { replacement, why } => {
                write!(
                    f,
                    "its replacement {} is gone and nothing took its place{}",
                    quote(replacement),
                    because(why)
                )
            }
            Self::ClusterLost { error } => {
                write!(
                    f,
                    "no answer from Nomad, what became of it is not known: {error}"
                )
            }
        }
    }
}

fn because(why: &str) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    }
}
