//! Figures as lines of a table.

use std::time::Duration;

use crate::child::Command;
use crate::figures::Figures;
use crate::rows::Row;

/// The names of the columns.
pub(crate) fn heading() -> String {
    format!(
        "{:36} {:13} {:>8} {:>8} {:>6} {:>7} {:>7} {:>8} {:>8} {:>9} {:>5} {:>8} {:>8} {:>8} {:>7} {:>4}",
        "allocations mode batch starts",
        "command",
        "wall s",
        "bound s",
        "ratio",
        "cpu s",
        "sim s",
        "mem MiB",
        "req/all",
        "MB",
        "conn",
        "gap ms",
        "max ms",
        "not once",
        "overlap",
        "exit",
    )
}

/// One run.
pub(crate) fn line(row: &Row, command: &Command, figures: &Figures) -> String {
    let ratio = figures.wall.as_secs_f64() / figures.bound.as_secs_f64().max(1e-9);
    let connections = match figures.turned_away {
        0 => figures.connections.to_string(),
        more => format!("{}+{more}", figures.connections),
    };
    format!(
        "{:36} {:13} {:>8.3} {:>8.3} {ratio:>6.3} {:>7} {:>7} {:>8} {:>8.3} {:>9.2} {connections:>5} {:>8} {:>8} {:>8} {:>7} {:>4}",
        row.to_string(),
        command.name,
        figures.wall.as_secs_f64(),
        figures.bound.as_secs_f64(),
        seconds(figures.cpu),
        seconds(figures.simulator_cpu),
        figures
            .peak_memory
            .map_or_else(none, |bytes| format!("{:.1}", mega(bytes) / 1.048_576)),
        figures.requests,
        mega(figures.bytes),
        milliseconds(figures.gaps.median),
        milliseconds(figures.gaps.largest),
        figures.not_once,
        figures.overlap,
        figures.code.map_or_else(none, |code| code.to_string()),
    )
}

fn none() -> String {
    "-".to_owned()
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(none, |time| format!("{:.2}", time.as_secs_f64()))
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(none, |time| format!("{:.1}", time.as_secs_f64() * 1000.0))
}

/// Millions of bytes.
fn mega(bytes: u64) -> f64 {
    // To the kilobyte; no run has four terabytes.
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}
