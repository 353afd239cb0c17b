//! The rows of the live block: pure, from a snapshot and the time. Each fits into one line of the terminal, whatever foreign text holds.
//!
//! What the width cannot hold goes in this order: the bar, the rest of the time, the time so far, the batch or window. The number of allocations and
//! that of failures stay. In the row of an allocation the event, which comes last, is cut.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use dialoguer::console::{measure_text_width, truncate_str};

use super::super::style::Style;
use super::super::text::{clean, short};
use super::snapshot::{InFlight, SHOWN, Snapshot, Turn};

/// From how many columns on the block is indented like the lines above it.
const ROOMY: usize = 60;
/// From how many columns on whole ids are shown, if they are asked for.
const WIDE: usize = 120;
const INDENT: &str = "    ";
const GAP: &str = "  ";
/// The bar's length: not drawn below the first, not drawn longer than the second.
const BAR: (usize, usize) = (8, 40);
/// How many columns a group's name may take.
const GROUP: usize = 20;

/// A row, and what it looks like.
pub(super) type Row = (Style, String);

/// The block on a terminal of so many columns, at most `lines` rows of it.
pub(super) fn rows(
    snapshot: &Snapshot,
    now: Instant,
    (lines, columns): (usize, usize),
    verbose: bool,
) -> Vec<Row> {
    let indent = if columns < ROOMY { "" } else { INDENT };
    // In the last column some terminals already go on to the next line.
    let width = columns.saturating_sub(indent.len() + 1);
    let mut texts = vec![(Style::Bold, header(snapshot, now, width))];
    let shown = snapshot
        .rows
        .len()
        .min(SHOWN)
        .min(lines.saturating_sub(texts.len()));
    let mut more = snapshot.in_flight.saturating_sub(shown);
    // The last line is better spent on how many there are.
    let shown = if more > 0 && shown + texts.len() == lines {
        more += usize::from(shown > 0);
        shown.saturating_sub(1)
    } else {
        shown
    };
    let details = details(
        &snapshot.rows[..shown],
        now,
        columns,
        verbose && columns >= WIDE,
    );
    texts.extend(details.into_iter().map(|text| (Style::Plain, text)));
    if more > 0 {
        texts.push((Style::Dim, format!("… {more} more")));
    }
    texts.truncate(lines);
    let mut rows = Vec::with_capacity(texts.len());
    for (style, text) in texts {
        let text = truncate_str(&text, width, "…");
        rows.push((style, format!("{indent}{}", text.trim_end())));
    }
    rows
}

fn header(snapshot: &Snapshot, now: Instant, width: usize) -> String {
    let count = format!("{}/{}", snapshot.settled, snapshot.allocations);
    let turn = snapshot.turn.map(|turn| match turn {
        Turn::Batch { number, of } => format!("batch {number}/{of}"),
        Turn::Window { at_once } => format!("at most {at_once} at once"),
    });
    let failed = (snapshot.failed > 0).then(|| format!("{} failed", snapshot.failed));
    let elapsed = span(now.saturating_duration_since(snapshot.started));
    // What is overdue was guessed wrong: nothing is said rather than something that is not true.
    let left = snapshot
        .expected_end
        .and_then(|end| end.checked_duration_since(now))
        .filter(|left| left.as_secs() > 0)
        .map(|left| format!("~{} left", span(left)));
    let mut parts = [Some(count), turn, failed, Some(elapsed), left];
    for dropped in [4, 3, 1] {
        if joined(&parts).len() > width {
            parts[dropped] = None;
        }
    }
    let room = width.saturating_sub(joined(&parts).len() + GAP.len());
    if room >= BAR.0 && parts[3].is_some() {
        let bar = bar(snapshot.settled, snapshot.allocations, room.min(BAR.1));
        if let Some(count) = &mut parts[0] {
            *count = format!("{bar}{GAP}{count}");
        }
    }
    joined(&parts)
}

/// All of it is ASCII, but for the bar that is added last.
fn joined(parts: &[Option<String>]) -> String {
    let parts: Vec<_> = parts.iter().flatten().map(String::as_str).collect();
    parts.join(GAP)
}

fn bar(settled: usize, of: usize, length: usize) -> String {
    let full = (settled.min(of) * length).checked_div(of).unwrap_or(0);
    format!("{}{}", "━".repeat(full), "─".repeat(length - full))
}

/// The rows of allocations, column under column.
fn details(rows: &[InFlight], now: Instant, columns: usize, verbose: bool) -> Vec<String> {
    let several = rows.iter().any(|row| row.group != rows[0].group);
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let replacement = row.replacement.as_ref();
            let group = columns >= WIDE || (several && columns >= ROOMY);
            [
                one_line(&short(&row.allocation, verbose)).into_owned(),
                replacement
                    .filter(|_| columns >= ROOMY)
                    .map_or_else(String::new, |id| {
                        format!("→ {}", one_line(&short(id, verbose)))
                    }),
                span(now.saturating_duration_since(row.since)),
                if group {
                    truncate_str(&one_line(&row.group), GROUP, "…").into_owned()
                } else {
                    String::new()
                },
                one_line(&row.state).into_owned(),
            ]
        })
        .collect();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let widths = cells.iter().map(|cells| measure_text_width(&cells[column]));
        widths.max().unwrap_or(0)
    });
    let mut texts = Vec::with_capacity(rows.len());
    for (row, cells) in rows.iter().zip(&cells) {
        let mut text = String::new();
        for ((cell, width), column) in cells.iter().zip(widths).zip(0..) {
            if width > 0 {
                let blank = " ".repeat(width - measure_text_width(cell));
                // Times stand under each other by their units.
                let (before, after) = if column == 2 {
                    (blank.as_str(), "")
                } else {
                    ("", blank.as_str())
                };
                text.extend([before, cell, after, GAP]);
            }
        }
        text.push_str(&one_line(&row.event));
        texts.push(text);
    }
    texts
}

/// Foreign text on one line: nothing that a terminal obeys, no line ends and tabs.
fn one_line(text: &str) -> Cow<'_, str> {
    let text = clean(text.trim());
    if text.contains(['\n', '\t']) {
        let words: Vec<_> = text.split_whitespace().collect();
        Cow::Owned(words.join(" "))
    } else {
        text
    }
}

/// Whole seconds; from an hour on, minutes.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
