//! The sentence of each cause.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::{Cause, placement_text};
use crate::cli::quote::quote;
use crate::event::Target;
use crate::nomad::json::AllocId;
use crate::rules::verdict::reason::{in_brackets, lasting, short};

impl Cause {
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
                ..
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
            Self::Unhealthy { allocation, check } => {
                let check = check.as_ref().map(|it| it.text(verbose));
                format!(
                    "Nomad found {} unhealthy{}; it does not look again, see \"nomad alloc status {}\"",
                    id(allocation),
                    colon(check.as_deref().unwrap_or_default()),
                    short(allocation, verbose)
                )
            }
            Self::ChecksDenied { text } => format!(
                "it runs again, and whether it is healthy is not known: its checks cannot be read: {text}"
            ),
            Self::Timeout {
                target,
                healthy,
                limit,
                last,
            } => {
                let wanted = match (target, healthy) {
                    (Target::Reschedule, false) => "replaced by one that runs",
                    (Target::Reschedule, true) => "replaced by one that is healthy",
                    (_, false) => "running again",
                    (_, true) => "running again and healthy",
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
