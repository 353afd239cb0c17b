//! Why a task failed, as far as the cluster still tells it: its last events, and the end of what it wrote to its standard error.
//!
//! Only explains: a missing right, a missing file and a node that does not answer are no errors here, and cost a few seconds at most.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use tokio::time::timeout;

use super::context::Context;
use crate::cli::quote::quote;
use crate::nomad::json::TaskEvent;
use crate::report::clean;
use crate::rules::verdict::Cause;

/// How long the reads for one allocation may take in all.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many allocations of one batch are looked into: others are likely to have failed of the same.
pub(super) const PER_BATCH: usize = 3;
const EVENTS: usize = 5;
const LINES: usize = 10;
/// As much of a line is shown, in characters.
const LONGEST_LINE: usize = 200;
/// As much of the log is read: more than the lines that are shown are long, as a rule.
const BYTES: usize = 8192;

/// The lines that follow the sentence of this cause, each with its line end before it; empty if nothing is known.
pub(super) async fn evidence(context: &Context, cause: &Cause) -> String {
    let Some((allocation, task)) = cause.exited() else {
        return String::new();
    };
    let client = &context.client;
    let mut text = String::new();
    let reads = async {
        if let Ok(events) = client.task_events(allocation, task).await {
            text.push_str(&last_events(task, &events));
        }
        if let Ok(log) = client.last_of_stderr(allocation, task, BYTES).await {
            text.push_str(&last_lines(task, &log));
        }
    };
    // What was read until then is shown.
    let _ = timeout(PATIENCE, reads).await;
    text
}

fn last_events(task: &str, events: &[TaskEvent]) -> String {
    let shown = &events[events.len().saturating_sub(EVENTS)..];
    let lines = shown.iter().map(|event| {
        let at = DateTime::from_timestamp_nanos(event.time);
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let message = if event.display_message.is_empty() {
            String::new()
        } else {
            format!(": {}", event.display_message)
        };
        format!("{at}  {}{message}", event.kind)
    });
    block(&format!("Last events of task {}:", quote(task)), lines)
}

fn last_lines(task: &str, log: &str) -> String {
    let mut log = log.trim_end();
    if log.len() >= BYTES - 1 {
        // It begins in the middle of a line.
        log = log.split_once('\n').map_or(log, |(_, rest)| rest);
    }
    let lines: Vec<&str> = log.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LINES)..];
    let heading = format!("Last lines that task {} wrote to stderr:", quote(task));
    block(&heading, shown.iter().map(|line| (*line).to_owned()))
}

/// A heading and lines under it, harmless and not too long; nothing without lines.
fn block(heading: &str, lines: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for line in lines {
        if text.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n    {heading}");
        }
        let line = clean(&line).replace('\n', " ").replace('\t', "    ");
        let line = line.trim_end();
        let shown = match line.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        };
        let _ = write!(text, "\n      {shown}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_and_are_harmless() {
        let long = "x".repeat(LONGEST_LINE + 1);
        let log: String = (1..=11)
            .map(|number| format!("line {number}\n"))
            .chain(["\u{1b}[31mred\u{1b}[0m\ttab\r\n".to_owned(), long])
            .collect();
        let text = last_lines("app", &log);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2 + LINES);
        assert_eq!(
            lines[1],
            "    Last lines that task \"app\" wrote to stderr:"
        );
        assert_eq!(lines[2], "      line 4");
        assert_eq!(lines[10], "      red    tab");
        assert_eq!(lines[11], format!("      {}…", "x".repeat(LONGEST_LINE)));
        assert_eq!(last_lines("app", "\n\n"), "");
    }

    #[test]
    fn a_line_that_was_cut_at_its_begin_is_left_out() {
        let log = format!("{}\nwhole\n", "y".repeat(BYTES));
        assert!(last_lines("app", &log).ends_with("stderr:\n      whole"));
        let one = "y".repeat(BYTES);
        assert!(last_lines("app", &one).contains("yyy"));
    }

    #[test]
    fn the_last_events_are_shown() {
        let event = |second: i64, message: &str| TaskEvent {
            kind: "Terminated".into(),
            time: second * 1_000_000_000,
            display_message: message.into(),
            ..TaskEvent::default()
        };
        let mut events: Vec<_> = (0..7).map(|second| event(second, "Exit Code: 1")).collect();
        events.push(event(7, ""));
        let text = last_events("app", &events);
        assert!(text.starts_with("\n    Last events of task \"app\":\n      1970-01-01T00:00:03Z  Terminated: Exit Code: 1\n"), "{text}");
        assert!(
            text.ends_with("\n      1970-01-01T00:00:07Z  Terminated"),
            "{text}"
        );
        assert_eq!(last_events("app", &[]), "");
    }
}
