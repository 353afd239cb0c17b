//! The lines for machines, as the same data as the lines for people.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Counts, What};

/// The line `summary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seeds) struct Last {
    pub(in crate::seeds) outcome: String,
    pub(in crate::seeds) exit_code: i64,
    pub(in crate::seeds) counts: Counts,
    /// Whole ids by their fate.
    pub(in crate::seeds) fates: BTreeMap<String, Vec<String>>,
}

/// What one line says; `None` of what the other lines tell as well.
pub(super) fn what(line: &Value) -> Option<What> {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| {
        value
            .as_u64()
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or_default()
    };
    let id = text("allocation");
    Some(match line["type"].as_str()? {
        "plan" => What::Selected(number(&line["total"])),
        "batch_start" => What::Batch(number(&line["allocations"])),
        "alloc_start" => What::Started {
            id,
            task: line["task"].as_str().map(str::to_owned),
        },
        "alloc_progress" => match line["status"].as_str() {
            Some(status) => What::Status {
                id: text("current"),
                status: status.to_owned(),
            },
            None => What::Waiting { id },
        },
        "alloc_replaced" => What::Replaced {
            old: text("replaced"),
            by: text("replacement"),
        },
        "alloc_done" => match line["outcome"].as_str()? {
            "done" => What::Done { id },
            "skipped" => What::Skipped {
                id,
                reason: text("reason"),
            },
            _ => What::Error {
                id,
                text: line["error"]["message"].as_str()?.to_owned(),
            },
        },
        "diagnostic" => match (line["severity"].as_str()?, line["allocation"].as_str()) {
            ("warning", _) => What::Warning,
            ("error", Some(_)) => What::Error {
                id,
                text: text("message"),
            },
            ("error", None) if text("message").starts_with("Stopping job restart") => {
                What::Other(text("message"))
            }
            ("error", None) => What::RunError(text("message")),
            _ => What::Other(text("message")),
        },
        "summary" => What::Last(Box::new(last(line)?)),
        _ => return None,
    })
}

fn last(line: &Value) -> Option<Last> {
    let mut fates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fate in line["allocations"].as_array()? {
        let ids = fates
            .entry(fate["outcome"].as_str()?.to_owned())
            .or_default();
        ids.push(fate["allocation"].as_str()?.to_owned());
    }
    let count = |key: &str| {
        let number = line["counts"][key].as_u64().unwrap_or_default();
        usize::try_from(number).unwrap_or_default()
    };
    Some(Last {
        outcome: line["outcome"].as_str()?.to_owned(),
        exit_code: line["exit_code"].as_i64()?,
        counts: Counts {
            done: count("done"),
            eligible: count("eligible"),
            failed: count("failed"),
            skipped: count("skipped"),
            in_flight: count("in_flight"),
            untouched: count("untouched"),
        },
        fates,
    })
}
