//! How a run ended, in words: a headline, counts, and the command that continues.

use std::fmt::Write;

use chrono::{DateTime, FixedOffset};

use super::human::{self, Line};
use super::style::Style;
use super::text::{count, short};
use crate::event::{Ending, Finish, Summary};
use crate::nomad::json::AllocId;

/// How many ids of a list are named without `-verbose`.
const NAMED: usize = 8;

/// The last lines of a run.
pub(super) fn lines(at: &DateTime<FixedOffset>, finish: &Finish, verbose: bool) -> Vec<Line> {
    let Finish {
        how,
        errors,
        summary,
        resume,
        cause: _,
    } = finish;
    let clean = errors.is_empty() && summary.failed.is_empty();
    let heading = |text: &str| Line::out(Style::Bold, human::main(at, text));
    let plain = |text: &str| Line::out(Style::Plain, text);

    let mut lines = match how {
        // `No allocations to restart` has been said.
        Ending::Completed if clean && summary.eligible == 0 => return Vec::new(),
        Ending::Completed if clean => {
            return vec![
                heading("Finished job restart"),
                plain(""),
                plain(&if summary.done.len() == summary.eligible {
                    "All allocations restarted successfully!".to_owned()
                } else {
                    counts(summary)
                }),
            ];
        }
        Ending::Completed | Ending::Stopped => vec![heading("Job restart finished with errors")],
        // At a question that comes before everything else there is nothing to sum up.
        Ending::Declined if clean && summary.eligible == 0 => {
            return vec![plain(""), plain("Job restart canceled.")];
        }
        Ending::Declined => vec![heading("Job restart canceled")],
        Ending::Interrupted { .. } => vec![plain(""), plain("Canceling job restart process")],
    };

    if !errors.is_empty() {
        lines.push(Line::err(Style::Plain, ""));
        lines.push(Line::err(Style::Error, human::error_list(errors, verbose)));
    }
    lines.push(Line::err(Style::Plain, ""));
    lines.push(Line::err(Style::Plain, counts(summary)));
    // The last batch, too, may have been cut short.
    let is_rest = !(summary.in_flight.is_empty() && summary.untouched.is_empty());
    if is_rest || !matches!(how, Ending::Completed) {
        lines.extend(named(summary, verbose).map(|text| Line::err(Style::Plain, text)));
    }
    if matches!(how, Ending::Interrupted { .. })
        && let Some(resume) = resume
        && summary.something_left()
    {
        lines.push(Line::err(Style::Plain, ""));
        lines.push(Line::err(
            Style::Plain,
            format!("To continue, run:\n    {resume}"),
        ));
    }
    lines
}

/// `4 of 5 allocations restarted, 1 skipped.`
fn counts(summary: &Summary) -> String {
    let verb = verb(summary);
    if summary.eligible == 0 {
        return format!("No allocations were {verb}.");
    }
    let mut text = format!(
        "{} of {} {verb}",
        summary.done.len(),
        count(summary.eligible, "allocation")
    );
    for (number, what) in [
        (summary.failed.len(), "failed"),
        (summary.skipped.len(), "skipped"),
        (summary.in_flight.len(), "in flight"),
        (summary.untouched.len(), "not touched"),
    ] {
        if number > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {number} {what}");
        }
    }
    text.push('.');
    text
}

/// Each fate with the allocations that met it.
fn named(summary: &Summary, verbose: bool) -> impl Iterator<Item = String> {
    let skipped: Vec<AllocId> = summary
        .skipped
        .iter()
        .map(|(allocation, _)| allocation.clone())
        .collect();
    let in_flight = if summary.rescheduled {
        "in flight, not seen replaced yet"
    } else {
        "in flight, not seen running again yet"
    };
    [
        (verb(summary), summary.done.as_slice()),
        ("failed", &summary.failed),
        ("skipped", &skipped),
        (in_flight, &summary.in_flight),
        ("not touched", &summary.untouched),
    ]
    .into_iter()
    .filter(|(_, allocations)| !allocations.is_empty())
    .map(|(fate, allocations)| format!("    {fate}: {}", ids(allocations, verbose)))
    .collect::<Vec<_>>()
    .into_iter()
}

fn ids(allocations: &[AllocId], verbose: bool) -> String {
    // One more is named rather than counted.
    let shown = if verbose || allocations.len() <= NAMED + 1 {
        allocations.len()
    } else {
        NAMED
    };
    let mut text = allocations[..shown]
        .iter()
        .map(|id| short(id, verbose))
        .collect::<Vec<_>>()
        .join(", ");
    if shown < allocations.len() {
        let _ = write!(text, " and {} more", allocations.len() - shown);
    }
    text
}

fn verb(summary: &Summary) -> &'static str {
    if summary.rescheduled {
        "rescheduled"
    } else {
        "restarted"
    }
}

#[cfg(test)]
mod tests;
