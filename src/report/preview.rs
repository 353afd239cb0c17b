//! What a dry run shows: a table of what would be restarted, and one of what would be left out.

use chrono::{DateTime, FixedOffset, Utc};

use super::human::{self, Line};
use super::style::Style;
use super::text::{align, clean, count, short, stamp};
use crate::cli::quote::quote;
use crate::event::{NotPlanned, Planned, Preview};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(super) fn lines(at: &DateTime<FixedOffset>, preview: &Preview, verbose: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut table = |rows: &[Vec<String>]| {
        lines.push(Line::out(Style::Plain, ""));
        lines.push(Line::out(Style::Plain, align(rows)));
    };
    if !preview.allocations.is_empty() {
        table(&planned(at, preview, verbose));
    }
    if !preview.left_out.is_empty() {
        table(&left_out(&preview.left_out, verbose));
    }
    if !preview.allocations.is_empty() {
        let heading = Line::out(Style::Bold, human::main(at, &heading(preview)));
        lines.insert(0, heading);
    }
    lines
}

fn heading(preview: &Preview) -> String {
    let verb = if preview.reschedules {
        "rescheduled"
    } else {
        "restarted"
    };
    let how = match (preview.window, preview.batches) {
        (Some(window), _) => format!(", at most {window} at once"),
        (None, 1) => " in 1 batch".to_owned(),
        (None, batches) => format!(" in {batches} batches"),
    };
    let errors = match preview.allocations.iter().filter(|it| is_error(it)).count() {
        0 => String::new(),
        1 => ", 1 of them with an error".to_owned(),
        errors => format!(", {errors} of them with errors"),
    };
    format!(
        "Dry run: {} would be {verb}{how}{errors}",
        count(preview.allocations.len(), "allocation")
    )
}

fn is_error(planned: &Planned) -> bool {
    !planned.not_running.is_empty()
}

/// The error that comes instead of the restart.
fn error(planned: &Planned) -> String {
    let names: Vec<_> = planned.not_running.iter().map(|name| quote(name)).collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => cell(&format!("task {name} is not running")),
        names => cell(&format!("tasks {} are not running", names.join(", "))),
    }
}

fn planned(at: &DateTime<FixedOffset>, preview: &Preview, verbose: bool) -> Vec<Vec<String>> {
    let since = if preview.reschedules {
        "Created"
    } else {
        "Started"
    };
    let with_errors = preview.allocations.iter().any(is_error);
    let mut header = vec![
        if preview.window.is_some() {
            "Order"
        } else {
            "Batch"
        },
        "Allocation",
        "Group",
        "Node",
        "Version",
        since,
        "Health",
    ];
    header.extend(with_errors.then_some("Error"));
    let row = |(order, planned): (usize, &Planned)| {
        let number = if preview.window.is_some() {
            order
        } else {
            planned.batch
        };
        let mut row = vec![
            number.to_string(),
            short(&planned.allocation, verbose).into_owned(),
            cell(&planned.group),
            cell(&planned.node),
            planned.version.to_string(),
            planned
                .since
                .map_or_else(|| "-".to_owned(), |since| moment(at, since, verbose)),
            match planned.healthy {
                Some(true) => "healthy",
                Some(false) => "unhealthy",
                None => "-",
            }
            .to_owned(),
        ];
        row.extend(with_errors.then(|| error(planned)));
        row
    };
    let header = header.into_iter().map(str::to_owned).collect();
    let rows = (1..).zip(&preview.allocations).map(row);
    std::iter::once(header).chain(rows).collect()
}

fn left_out(left_out: &[NotPlanned], verbose: bool) -> Vec<Vec<String>> {
    let rows = left_out.iter().map(|it| {
        [
            short(&it.allocation, verbose).into_owned(),
            cell(&it.group),
            cell(&it.reason),
        ]
    });
    [["Left out", "Group", "Because"].map(str::to_owned)]
        .into_iter()
        .chain(rows)
        .map(Vec::from)
        .collect()
}

/// Foreign text as one cell.
fn cell(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// How long ago that was, or, if `verbose`, when.
fn moment(at: &DateTime<FixedOffset>, then: DateTime<Utc>, verbose: bool) -> String {
    if verbose {
        return stamp(&then.with_timezone(at.offset()));
    }
    let age = (at.to_utc() - then).num_seconds();
    let (first, second) = match age {
        // The other clock is ahead of ours.
        ..1 => return "just now".to_owned(),
        1..MINUTE => return format!("{age}s ago"),
        MINUTE..HOUR => ((MINUTE, 'm'), (1, 's')),
        HOUR..DAY => ((HOUR, 'h'), (MINUTE, 'm')),
        DAY.. => ((DAY, 'd'), (HOUR, 'h')),
    };
    let (whole, rest) = (age / first.0, age % first.0 / second.0);
    if rest == 0 {
        format!("{whole}{} ago", first.1)
    } else {
        format!("{whole}{}{rest}{} ago", first.1, second.1)
    }
}

#[cfg(test)]
mod tests;
