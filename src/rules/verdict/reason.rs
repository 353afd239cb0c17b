//! Why an allocation is still waited for: short texts for "Still waiting for allocation …: …".

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{duration, quote::quote};
use crate::nomad::json::{AllocId, Allocation, CheckStatus, RunState, TaskEvent, TaskState};
use crate::nomad::text;
use crate::view::Check;

/// As much of a line of a check's output is shown, in characters.
const LONGEST_LINE: usize = 200;

/// Why there is no verdict yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reason {
    pub(crate) state: State,
    /// The answer to this read decides: only silence speaks for a verdict, and what is known may be old.
    pub(crate) confirm: Option<Confirm>,
}

/// What is to be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Confirm {
    Allocation(AllocId),
    /// What the checks of this allocation say now. Asked for again and again while it is waited for.
    Checks(AllocId),
    /// All allocations of the job: the one wanted is not linked to any known one.
    List,
}

/// How things stand. Displays with short ids; [`State::text`] can show whole ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// The write could not be sent yet.
    NotSent,
    /// Sent; Nomad shows no sign of it yet.
    NoSignYet,
    /// It is not known whether the write was received, and Nomad shows no sign of it.
    OutcomeUnknown,
    /// An allocation and the task of it that is waited for.
    Task {
        allocation: AllocId,
        status: String,
        task: Arc<str>,
        run: RunState,
        event: Option<Event>,
    },
    /// An allocation of which its node has not reported any task.
    Placed { allocation: AllocId, status: String },
    /// A replacement that starts when the one before it has ended.
    AwaitsPredecessor {
        allocation: AllocId,
        predecessor: AllocId,
        status: String,
    },
    /// The node of this allocation is not connected.
    Disconnected { allocation: AllocId },
    /// The stop is noted; the scheduler has not acted on it yet.
    Scheduling,
    /// Stopped, and no replacement is known.
    NoReplacementYet {
        allocation: AllocId,
        description: Arc<str>,
    },
    /// A replacement of which only the id is known.
    Unread { allocation: AllocId },
    /// It failed; Nomad will (`planned`) or may try again.
    NextAttempt {
        allocation: AllocId,
        event: Option<Event>,
        planned: bool,
    },
    /// It runs, and has to stay as it is for so long.
    Steady {
        allocation: AllocId,
        /// It is healthy too.
        healthy: bool,
        time: Duration,
    },
    /// A check that does not pass; `output` is the first line of what it said, `None` of one without a result since the tasks started.
    Check {
        check: Arc<str>,
        output: Option<String>,
    },
    /// Nothing is known of the checks.
    ChecksUnread { error: Option<Arc<str>> },
    /// Nomad has not found it healthy yet.
    NotHealthyYet { allocation: AllocId, status: String },
}

/// A task's event, as the node tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: Arc<str>,
    pub(crate) message: Arc<str>,
}

impl Reason {
    pub(super) fn of(state: State) -> Self {
        Self {
            state,
            confirm: None,
        }
    }

    pub(super) fn confirm(state: State, confirm: Confirm) -> Self {
        Self {
            state,
            confirm: Some(confirm),
        }
    }
}

impl From<&TaskEvent> for Event {
    fn from(event: &TaskEvent) -> Self {
        Self {
            kind: event.kind.clone(),
            message: event.display_message.clone(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl State {
    /// The state of one task of an allocation.
    pub(super) fn of_task(
        allocation: &Allocation,
        task: &Arc<str>,
        state: Option<&TaskState>,
    ) -> Self {
        match state {
            Some(state) => Self::Task {
                allocation: allocation.id.clone(),
                status: allocation.client_status.as_str().to_owned(),
                task: task.clone(),
                run: state.state.clone(),
                event: state.events.last.as_ref().map(Event::from),
            },
            None => Self::Placed {
                allocation: allocation.id.clone(),
                status: allocation.client_status.as_str().to_owned(),
            },
        }
    }

    /// A check that does not pass.
    pub(super) fn of_check(check: &Check) -> Self {
        let result = &check.result;
        let output = check.counts && result.status == CheckStatus::Failure;
        Self::Check {
            check: result.check.clone(),
            output: output.then(|| first_line(&result.output)),
        }
    }

    pub(super) fn not_healthy_yet(allocation: &Allocation) -> Self {
        Self::NotHealthyYet {
            allocation: allocation.id.clone(),
            status: allocation.client_status.as_str().to_owned(),
        }
    }

    /// The text, with whole ids if `verbose`.
    pub(crate) fn text(&self, verbose: bool) -> String {
        let id = |id: &AllocId| quote(short(id, verbose));
        match self {
            Self::NotSent => "the call could not be sent yet".into(),
            Self::NoSignYet => "Nomad shows no sign of it yet".into(),
            Self::OutcomeUnknown => {
                "the call ended without an answer and Nomad shows no sign of it yet".into()
            }
            Self::Task {
                allocation,
                status,
                task,
                run,
                event,
            } => {
                format!(
                    "{} is {}: task {} is {}{}",
                    id(allocation),
                    quote(status),
                    quote(task),
                    quote(run.as_str()),
                    in_brackets(event.as_ref())
                )
            }
            Self::Placed { allocation, status } => {
                format!("{} is {}", id(allocation), quote(status))
            }
            Self::AwaitsPredecessor {
                allocation,
                predecessor,
                status,
            } => format!(
                "{} is {} until {} has ended",
                id(allocation),
                quote(status),
                id(predecessor)
            ),
            Self::Disconnected { allocation } => {
                format!("the node of {} is disconnected", id(allocation))
            }
            Self::Scheduling => "the scheduler has not acted on the stop yet".into(),
            Self::NoReplacementYet {
                allocation,
                description,
            } => {
                let description = (!description.is_empty()).then_some(description);
                format!(
                    "{} has no replacement yet{}",
                    id(allocation),
                    in_brackets(description)
                )
            }
            Self::Unread { allocation } => {
                format!("nothing is known of {} yet", id(allocation))
            }
            Self::NextAttempt {
                allocation,
                event,
                planned,
            } => {
                let next = if *planned {
                    ", waiting for the next attempt"
                } else {
                    ""
                };
                format!(
                    "{} failed{}{next}",
                    id(allocation),
                    in_brackets(event.as_ref())
                )
            }
            Self::Steady {
                allocation,
                healthy,
                time,
            } => {
                let is = if *healthy { "is healthy" } else { "runs" };
                let time = lasting(*time);
                format!("{} {is} and has to stay so for {time}", id(allocation))
            }
            Self::Check {
                check,
                output: Some(output),
            } => {
                let colon = if output.is_empty() { "" } else { ": " };
                format!("check {} is failing{colon}{output}", quote(check))
            }
            Self::Check {
                check,
                output: None,
            } => format!(
                "check {} has not been run since the tasks started",
                quote(check)
            ),
            Self::ChecksUnread { error: Some(error) } => {
                format!("its checks cannot be read: {error}")
            }
            Self::ChecksUnread { error: None } => "nothing is known of its checks yet".into(),
            Self::NotHealthyYet { allocation, status } => format!(
                "{} is {} and Nomad has not found it healthy yet",
                id(allocation),
                quote(status)
            ),
        }
    }
}

/// The first line of what a check said, harmless and not endless.
fn first_line(output: &str) -> String {
    let text = text::of_server(output);
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

/// The first eight characters of an id, or all of it.
pub(crate) fn short(id: &str, verbose: bool) -> &str {
    if verbose {
        return id;
    }
    match id.char_indices().nth(8) {
        Some((end, _)) => &id[..end],
        None => id,
    }
}

/// ` (text)`, or nothing.
pub(super) fn in_brackets(text: Option<&impl fmt::Display>) -> String {
    text.map_or_else(String::new, |text| format!(" ({text})"))
}

/// A duration as Go prints it.
pub(super) fn lasting(span: Duration) -> String {
    duration::format(span)
}
