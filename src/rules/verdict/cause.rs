//! Why an allocation failed, as a sentence for the operator: what, why in Nomad's words, what to do next.
//!
//! `Error restarting allocation "…": ` stands before it.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::reason::{Event, State, in_brackets, lasting, short};
use crate::cli::quote::quote;
use crate::event::{Target, Trouble};
use crate::nomad::json::{AllocId, AllocMetric};

mod placement;

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
    /// Not where it was wanted within the limit.
    Timeout {
        target: Target,
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

    /// What kind of trouble it is.
    pub(crate) fn trouble(&self) -> Trouble {
        match self {
            Self::Refused {
                permission: true, ..
            } => Trouble::Access,
            Self::Placement { .. } => Trouble::Placement,
            Self::JobEnded { .. } => Trouble::Precondition,
            Self::Relapsed { cause } => cause.trouble(),
            _ => Trouble::Failure,
        }
    }

    /// The sentence, with whole ids if `verbose`. A placement failure has several lines.
    pub(crate) fn sentence(&self, verbose: bool) -> String {
        let id = |id: &AllocId| quote(short(id, verbose));
        match self {
            Self::Refused { target, text, .. } => match target {
                Target::RunningTasks | Target::AllTasks => text.clone(),
                Target::Task(task) => format!("Failed to restart task {}: {text}", quote(task)),
                Target::Reschedule => format!("Failed to stop allocation: {text}"),
            },
            Self::TaskNotRunning { task } => {
                format!("Failed to restart task {}: Task not running", quote(task))
            }
            Self::NotRestarted { tasks } => match tasks.as_slice() {
                [] => "not restarted: no task was running".into(),
                [task] => format!(
                    "not completely restarted: Nomad accepted the restart, but task {} shows no sign of it",
                    quote(task)
                ),
                tasks => format!(
                    "not completely restarted: Nomad accepted the restart, but the tasks {} show no sign of it",
                    listed(tasks)
                ),
            },
            Self::OutcomeUnknown { target } => {
                let what = match target {
                    Target::Task(task) => format!("the restart of task {}", quote(task)),
                    Target::RunningTasks | Target::AllTasks | Target::Reschedule => {
                        "the restart".into()
                    }
                };
                format!(
                    "outcome unknown, not repeated: {what} got no answer and Nomad shows no sign of it; look at the allocation's task events before restarting it again"
                )
            }
            Self::CrashLoop {
                allocation,
                task,
                restarts,
                failure,
            } => format!(
                "task {} does not stay up: restarted {restarts} times since{}; see \"nomad alloc logs -stderr {} {task}\"",
                quote(task),
                in_brackets(failure.as_ref()),
                short(allocation, verbose)
            ),
            Self::StartsTooLate {
                task,
                delay,
                limit,
                failure,
            } => format!(
                "task {} is not started again before {} have passed, which is beyond the time limit of {}{}; the restart policy of its group sets the delay, -timeout the limit",
                quote(task),
                lasting(Duration::from_secs(delay.as_secs())),
                lasting(*limit),
                in_brackets(failure.as_ref())
            ),
            Self::TaskFailed {
                allocation,
                task,
                failure,
                last,
            } => {
                let mut text = format!("task {} failed", quote(task));
                let events = [failure, last].map(Option::as_ref);
                match events {
                    [Some(failure), Some(last)] if failure != last => {
                        push(&mut text, format_args!(": {failure} ({last})"));
                    }
                    [Some(event), _] | [None, Some(event)] => {
                        push(&mut text, format_args!(": {event}"));
                    }
                    [None, None] => {}
                }
                push(
                    &mut text,
                    format_args!(
                        "; see \"nomad alloc status {}\"",
                        short(allocation, verbose)
                    ),
                );
                text
            }
            Self::AllocationFailed {
                allocation,
                description,
            } => format!(
                "the allocation failed{}; see \"nomad alloc status {}\"",
                colon(description),
                short(allocation, verbose)
            ),
            Self::Ended { task, last } => format!(
                "the allocation is complete and task {} was not started again{}",
                quote(task),
                in_brackets(last.as_ref())
            ),
            Self::Stopped { description } => format!(
                "Nomad stops the allocation{}; it is not running again",
                colon(description)
            ),
            Self::ReplacedMeanwhile { by, description } => format!(
                "replaced by {} while it was being restarted{}",
                id(by),
                colon(description)
            ),
            Self::NodeLost { description } => format!(
                "its node is lost{}; Nomad replaces the allocation where it can",
                colon(description)
            ),
            Self::Gone => "the allocation no longer exists".into(),
            Self::JobEnded { purged: false } => {
                "the job was stopped meanwhile; nothing is started again".into()
            }
            Self::JobEnded { purged: true } => {
                "the job was purged meanwhile; nothing is started again".into()
            }
            Self::Placement {
                evaluation,
                group,
                metric,
            } => placement_text(evaluation, group, metric, verbose),
            Self::NotNeeded {
                allocation,
                description,
            } => format!(
                "{} was stopped and is not replaced{}; the job was scaled down, stopped or updated meanwhile",
                id(allocation),
                colon(description)
            ),
            Self::NotReplaced {
                allocation,
                description,
            } => format!(
                "{} was stopped and nothing has replaced it{}; see the evaluations in \"nomad job status -evals\"",
                id(allocation),
                colon(description)
            ),
            Self::ReplacementFailed { allocation, cause } => format!(
                "{} failed and Nomad has not planned another attempt: {}; \"nomad job eval -force-reschedule\" makes one",
                id(allocation),
                cause.sentence(verbose)
            ),
            Self::EndedUnreplaced {
                allocation,
                original,
            } => {
                let when = if *original {
                    "before it was stopped"
                } else {
                    "instead of running on"
                };
                format!(
                    "{} is \"complete\": it ended {when}, and nothing replaces it",
                    id(allocation)
                )
            }
            Self::Relapsed { cause } => {
                format!(
                    "it ran again and has failed since: {}",
                    cause.sentence(verbose)
                )
            }
            Self::Timeout {
                target,
                limit,
                last,
            } => {
                let wanted = match target {
                    Target::Reschedule => "replaced by one that runs",
                    Target::RunningTasks | Target::AllTasks | Target::Task(_) => "running again",
                };
                format!(
                    "not seen {wanted} within {}: {}; that may still come, -timeout gives it longer",
                    lasting(*limit),
                    last.text(verbose)
                )
            }
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

/// `: text`, or nothing.
fn colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

fn listed(tasks: &[Arc<str>]) -> String {
    let quoted: Vec<String> = tasks.iter().map(|task| quote(task)).collect();
    quoted.join(", ")
}

fn push(text: &mut String, more: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(more);
}
