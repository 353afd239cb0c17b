//! What the program printed, as data.

mod json;

use nomad_sim::model::Time;
use serde_json::Value;

pub(super) use json::Last;

use super::tty::Entry;

/// One line, or one entry of a list, with the moment at which it was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) at: Time,
    pub(super) what: What,
}

/// Ids are as printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Selected(usize),
    Batch(usize),
    /// The write for an allocation begins; with the task if one is named.
    Started {
        id: String,
        task: Option<String>,
    },
    Replaced {
        old: String,
        by: String,
    },
    Status {
        id: String,
        status: String,
    },
    Waiting {
        id: String,
    },
    /// Its turn came, and it was not touched.
    Skipped {
        id: String,
        reason: String,
    },
    /// It was judged to be done; people are not told.
    Done {
        id: String,
    },
    /// Left out at the start.
    LeftOut {
        id: String,
    },
    /// An entry of an error list, or an error when it happens.
    Error {
        id: String,
        text: String,
    },
    /// An error that is of no allocation, in its first line.
    RunError(String),
    Warning,
    /// The summary for machines.
    Last(Box<Last>),
    /// Any other line.
    Other(String),
    /// On stderr.
    OtherError(String),
}

/// Everything that was printed for machines, in its order.
pub(super) fn told_to_machines(log: &[(Time, Entry)]) -> Vec<Told> {
    let mut all = Vec::new();
    for (at, line) in json_lines(log) {
        let what = json::what(&line);
        all.extend(what.map(|what| Told { at, what }));
    }
    all
}

/// The lines of stdout that are JSON.
pub(super) fn json_lines(log: &[(Time, Entry)]) -> Vec<(Time, Value)> {
    let mut all = Vec::new();
    for (at, entry) in log {
        if let Entry::Out(text) = entry {
            let lines = text.lines().map(serde_json::from_str);
            all.extend(lines.flatten().map(|line| (*at, line)));
        }
    }
    all
}

/// Everything that was printed, in its order.
pub(super) fn told(log: &[(Time, Entry)]) -> Vec<Told> {
    let mut all = Vec::new();
    for (at, entry) in log {
        let (text, is_error) = match entry {
            Entry::Out(text) => (text, false),
            Entry::Err(text) => (text, true),
            _ => continue,
        };
        let mut push = |what| all.push(Told { at: *at, what });
        let text = unstamped(text);
        if text.contains(" occurred while restarting job:") {
            errors(text).into_iter().for_each(push);
        } else if is_error {
            push(on_stderr(text));
        } else {
            push(on_stdout(text));
        }
    }
    all
}

/// The text behind the stamp, if there is one.
fn unstamped(text: &str) -> &str {
    let Some(rest) = text
        .strip_prefix("==> ")
        .or_else(|| text.strip_prefix("    "))
    else {
        return text;
    };
    match rest.split_once(": ") {
        Some((stamp, text)) if stamp.len() == "2026-11-24T00:00:00Z".len() => text,
        _ => text,
    }
}

fn on_stdout(text: &str) -> What {
    words(text).unwrap_or_else(|| What::Other(text.to_owned()))
}

fn words(text: &str) -> Option<What> {
    if let Some(rest) = text.strip_prefix("Allocation ") {
        let (id, rest) = quoted(rest)?;
        if let Some(rest) = rest.strip_prefix(" replaced by ") {
            let by = quoted(rest)?.0;
            return Some(What::Replaced { old: id, by });
        }
        let status = quoted(rest.strip_prefix(" is ")?)?.0;
        return Some(What::Status { id, status });
    }
    if let Some(rest) = text.strip_prefix("Rescheduling allocation ") {
        let id = quoted(rest)?.0;
        return Some(What::Started { id, task: None });
    }
    if let Some(rest) = text.strip_prefix("Still waiting for allocation ") {
        let id = quoted(rest)?.0;
        return Some(What::Waiting { id });
    }
    if let Some(rest) = text.strip_prefix("Skipping allocation ") {
        let id = quoted(rest)?.0;
        return Some(What::LeftOut { id });
    }
    let rest = text.strip_prefix("Restarting ")?;
    if let Some((_, rest)) = rest.split_once(" tasks in allocation ") {
        let id = quoted(rest)?.0;
        return Some(What::Started { id, task: None });
    }
    if let Some(rest) = rest.strip_prefix("task ") {
        let (task, rest) = quoted(rest)?;
        let id = quoted(rest.strip_prefix(" in allocation ")?)?.0;
        return Some(What::Started {
            id,
            task: Some(task),
        });
    }
    if let Some((_, rest)) = rest.split_once(" batch of ") {
        return Some(What::Batch(number(rest)?));
    }
    rest.contains(" allocation")
        .then(|| number(rest).map(What::Selected))?
}

fn on_stderr(text: &str) -> What {
    if text.starts_with("Warning: ") {
        return What::Warning;
    }
    let skipped = || {
        let (id, rest) = quoted(text.strip_prefix("Skipping allocation ")?)?;
        let reason = rest.strip_prefix(" because ")?.to_owned();
        Some(What::Skipped { id, reason })
    };
    skipped()
        .or_else(|| error(text))
        .unwrap_or_else(|| What::OtherError(text.to_owned()))
}

fn error(text: &str) -> Option<What> {
    let (id, rest) = quoted(text.strip_prefix("Error restarting allocation ")?)?;
    let text = rest.strip_prefix(": ")?.to_owned();
    Some(What::Error { id, text })
}

/// The entries of an error list. Further lines of an entry may begin with a bullet too, deeper than the entries.
fn errors(text: &str) -> Vec<What> {
    let depth = text
        .lines()
        .filter_map(|line| line.find("* "))
        .min()
        .unwrap_or_default();
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines().skip(1) {
        let begins = line.find("* ") == Some(depth);
        match entries.last_mut() {
            Some(entry) if !begins => {
                entry.push('\n');
                entry.push_str(line.trim_start());
            }
            _ => entries.push(line[depth..].trim_start_matches("* ").to_owned()),
        }
    }
    entries
        .into_iter()
        .map(|entry| error(&entry).unwrap_or(What::RunError(entry)))
        .collect()
}

/// What stands in quotes at the beginning, and the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (inner, rest) = text.strip_prefix('"')?.split_once('"')?;
    Some((inner.to_owned(), rest))
}

fn number(text: &str) -> Option<usize> {
    text.split(' ').next()?.parse().ok()
}

/// The last line of numbers: `4 of 5 allocations restarted, 1 skipped.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) done: usize,
    pub(super) eligible: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) in_flight: usize,
    pub(super) untouched: usize,
}

impl Counts {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (done, rest) = text.strip_suffix('.')?.split_once(" of ")?;
        let mut parts = rest.split(", ");
        let (eligible, what) = parts.next()?.split_once(" allocation")?;
        if !what.ends_with(" restarted") && !what.ends_with(" rescheduled") {
            return None;
        }
        let mut counts = Self {
            done: done.parse().ok()?,
            eligible: eligible.parse().ok()?,
            ..Self::default()
        };
        for part in parts {
            let (number, what) = part.split_once(' ')?;
            *match what {
                "failed" => &mut counts.failed,
                "skipped" => &mut counts.skipped,
                "in flight" => &mut counts.in_flight,
                "not touched" => &mut counts.untouched,
                _ => return None,
            } = number.parse().ok()?;
        }
        Some(counts)
    }

    pub(super) fn sum(&self) -> usize {
        self.done + self.failed + self.skipped + self.in_flight + self.untouched
    }
}
