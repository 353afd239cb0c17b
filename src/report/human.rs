//! Events as lines for people, in the wording of `nomad job restart` where it has the line too. Pure: what goes where is decided
//! here, writing happens elsewhere.

use chrono::{DateTime, FixedOffset};

use super::preview;
use super::style::Style;
use super::summary;
use super::text::{clean, count, ordinal, short, shown, stamp};
use crate::cli::duration;
use crate::cli::quote::quote;
use crate::event::{Awaited, Event, EventKind, Exceeded, RunError, Target, WaitedFor};
use crate::plan::Progress;

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Something to print: one line or several, without the last line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) to: Stream,
    pub(super) style: Style,
    pub(super) text: String,
}

/// What the operator wants to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whole ids, and every detail.
    pub(super) verbose: bool,
    /// The run goes on by itself after an error: say it when it happens (D54).
    pub(super) yes: bool,
    /// It does so after errors that are not likely to happen again.
    pub(super) tolerant: bool,
    pub(super) progress: Progress,
}

impl Manner {
    fn tells_at_once(self, error: &RunError) -> bool {
        self.yes || (self.tolerant && !error.unrecoverable)
    }
}

impl Line {
    pub(super) fn out(style: Style, text: impl Into<String>) -> Self {
        Self {
            to: Stream::Stdout,
            style,
            text: text.into(),
        }
    }

    pub(super) fn err(style: Style, text: impl Into<String>) -> Self {
        Self {
            to: Stream::Stderr,
            style,
            text: text.into(),
        }
    }
}

/// A main line: `==> <stamp>: text`.
pub(super) fn main(at: &DateTime<FixedOffset>, text: &str) -> String {
    stamped("==> ", at, text)
}

/// A detail line: four spaces, stamp, text.
fn detail(at: &DateTime<FixedOffset>, text: &str) -> String {
    stamped("    ", at, text)
}

/// Further lines of the text stand under its beginning, whatever the width of the stamp (D71).
fn stamped(mark: &str, at: &DateTime<FixedOffset>, text: &str) -> String {
    let text = clean(text.trim_end());
    format!(
        "{mark}{}: {}",
        stamp(at),
        text.replace('\n', &format!("\n{}", indent(at)))
    )
}

/// Something that the operator should know.
pub(super) fn warning(at: &DateTime<FixedOffset>, text: &str) -> Line {
    let text = format!("Warning: {}", text.trim());
    Line::err(Style::Warning, detail(at, &text))
}

/// As wide as what stands before the text of a line with this stamp.
pub(super) fn indent(at: &DateTime<FixedOffset>) -> String {
    " ".repeat("==> : ".len() + stamp(at).len())
}

/// The lines of one event, in order; none if it is not to be seen.
pub(super) fn lines(event: &Event, manner: Manner) -> Vec<Line> {
    let Event { at, kind } = event;
    let id = |id: &str| shown(id, manner.verbose);
    let heading = |text: &str| vec![Line::out(Style::Bold, main(at, text))];
    let step = |text: &str| match manner.progress {
        Progress::None => Vec::new(),
        Progress::Auto | Progress::Plain => vec![Line::out(Style::Plain, detail(at, text))],
    };
    let aside = |text: &str| match (manner.verbose, manner.progress) {
        (false, _) | (_, Progress::None) => Vec::new(),
        (true, _) => vec![Line::out(Style::Dim, detail(at, text))],
    };
    let notice = |style, text: &str| vec![Line::err(style, detail(at, text))];

    match kind {
        EventKind::Warning(text) => vec![warning(at, text)],
        EventKind::LeftOut { allocation, reason } => aside(&skipping(&id(allocation), reason)),
        EventKind::TaskMissing { allocation, task } => aside(&format!(
            "Skipping task {} in allocation {} because the allocation doesn't have it",
            quote(task),
            id(allocation)
        )),
        EventKind::NothingToDo { left_out } => {
            let mut lines = vec![Line::out(Style::Plain, "No allocations to restart")];
            if !left_out.is_empty() {
                lines.push(Line::out(Style::Plain, clean(left_out)));
            }
            lines
        }
        EventKind::Planned(preview) if preview.dry_run => {
            preview::lines(at, preview, manner.verbose)
        }
        // Said by what follows, or not at all.
        EventKind::Planned(_)
        | EventKind::JobFound { .. }
        | EventKind::AllocationDone { .. }
        | EventKind::BatchEnded { .. }
        | EventKind::BatchStarted { size: 1, .. } => Vec::new(),
        EventKind::DeploymentAwaited {
            deployment,
            still: false,
        } => heading(&format!(
            "Waiting for {}",
            awaited(deployment, manner.verbose)
        )),
        EventKind::DeploymentAwaited {
            deployment,
            still: true,
        } => step(&format!(
            "Still waiting for {}",
            awaited(deployment, manner.verbose)
        )),
        EventKind::Selected { allocations } => {
            heading(&format!("Restarting {}", count(*allocations, "allocation")))
        }
        EventKind::SelectedForWindow {
            allocations,
            at_once,
        } => heading(&format!(
            "Restarting {}, at most {at_once} at once",
            count(*allocations, "allocation")
        )),
        // Always plural, as it always was.
        EventKind::BatchStarted {
            number,
            allocations,
            ..
        } => heading(&format!(
            "Restarting {} batch of {allocations} allocations",
            ordinal(*number)
        )),
        EventKind::AllocationStarted {
            allocation,
            group,
            what,
        } => step(&started(&id(allocation), group, what)),
        EventKind::AllocationSkipped { allocation, reason } => {
            notice(Style::Warning, &skipping(&id(allocation), reason))
        }
        EventKind::Replaced {
            replaced,
            by,
            healthy,
        } => step(&format!(
            "Allocation {} replaced by {by}, waiting for {by} to {}",
            id(replaced),
            if *healthy {
                "be healthy"
            } else {
                "start running"
            },
            by = id(by)
        )),
        EventKind::ReplacementRunning {
            allocation,
            status,
            healthy,
        } => {
            let healthy = if *healthy { " and healthy" } else { "" };
            step(&format!("{}{healthy}", status_of(&id(allocation), status)))
        }
        EventKind::StatusChanged { allocation, status } => {
            aside(&status_of(&id(allocation), status))
        }
        EventKind::StillWaiting {
            allocation,
            action,
            state,
        } => step(&still_waiting(&id(allocation), *action, state)),
        EventKind::AllocationFailed { error } if manner.tells_at_once(error) => {
            notice(Style::Error, &entry(error, manner.verbose))
        }
        EventKind::AllocationFailed { .. } => Vec::new(),
        EventKind::BatchErrors { errors } => vec![Line::err(
            Style::Alarm,
            main(at, &error_list(errors, manner.verbose)),
        )],
        EventKind::Stopping {
            unrecoverable,
            exceeded,
        } => heading(&stopping(*unrecoverable, *exceeded)),
        EventKind::Pausing { pause } => heading(&format!(
            "Waiting {} before restarting the next batch",
            duration::format(*pause)
        )),
        EventKind::PausingEach { pause } => heading(&format!(
            "Waiting {} after each allocation before restarting another one",
            duration::format(*pause)
        )),
        EventKind::NewPause { pause } => heading(&format!(
            "Proceeding restarts with new wait time of {}",
            duration::format(*pause)
        )),
        EventKind::Notice(text) => heading(text),
        EventKind::CannotStart { text, .. } => {
            vec![Line::err(Style::Error, clean(text.trim_end()))]
        }
        EventKind::Finished(finish) => summary::lines(at, finish, manner.verbose),
    }
}

fn started(allocation: &str, group: &str, what: &Target) -> String {
    let group = quote(group);
    match what {
        Target::RunningTasks => {
            format!("Restarting running tasks in allocation {allocation} for group {group}")
        }
        Target::AllTasks => {
            format!("Restarting all tasks in allocation {allocation} for group {group}")
        }
        Target::Task(task) => format!(
            "Restarting task {} in allocation {allocation} for group {group}",
            quote(task)
        ),
        Target::Reschedule => format!("Rescheduling allocation {allocation} for group {group}"),
    }
}

fn awaited(deployment: &Awaited, verbose: bool) -> String {
    let description = match deployment.description.trim() {
        "" => String::new(),
        description => format!(" ({description})"),
    };
    format!(
        "deployment {} of job {} to end: it is {}{description}",
        shown(&deployment.id, verbose),
        quote(&deployment.job),
        quote(&deployment.status)
    )
}

pub(super) fn stopping(unrecoverable: bool, exceeded: Option<Exceeded>) -> String {
    let kind = if unrecoverable { "unrecoverable " } else { "" };
    let numbers = exceeded.map_or_else(String::new, |Exceeded { failed, allowed }| {
        format!(
            ": {} failed and -max-failures allows {allowed}",
            count(failed, "allocation")
        )
    });
    format!("Stopping job restart due to {kind}error{numbers}")
}

fn skipping(allocation: &str, reason: &str) -> String {
    format!("Skipping allocation {allocation} because {reason}")
}

fn status_of(allocation: &str, status: &str) -> String {
    format!("Allocation {allocation} is {}", quote(status))
}

fn still_waiting(allocation: &str, action: WaitedFor, state: &str) -> String {
    let awaited = match action {
        WaitedFor::Restarted => "to be running again",
        WaitedFor::Healthy => "to be healthy",
        WaitedFor::Replaced => "to be replaced",
        WaitedFor::ReplacedHealthy => "to be replaced by one that is healthy",
    };
    let state = state.trim();
    let colon = if state.is_empty() { "" } else { ": " };
    format!("Still waiting for allocation {allocation} {awaited}{colon}{state}")
}

/// How many errors, and then each.
pub(super) fn error_list(errors: &[RunError], verbose: bool) -> String {
    let mut list = format!(
        "{} occurred while restarting job:",
        count(errors.len(), "error")
    );
    for error in errors {
        list.push_str("\n* ");
        list.push_str(&entry(error, verbose));
    }
    list
}

/// One error, without its bullet.
fn entry(error: &RunError, verbose: bool) -> String {
    let text = clean(error.text.trim());
    match &error.allocation {
        Some(id) => format!(
            "Error restarting allocation {}: {text}",
            quote(&short(id, verbose))
        ),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
