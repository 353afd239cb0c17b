//! Lines for machines: each holds to the schema, they are in order, and the last one agrees with what came before and with the exit code.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Case;
use crate::seeds::told::{What, json_lines};
use crate::seeds::tty::Entry;

pub(super) fn check(case: &mut Case<'_>) {
    if !case.run.plot.command.json {
        return;
    }
    let mut broken = Vec::new();
    for (at, entry) in &case.run.log {
        match entry {
            Entry::Out(text) if text.lines().any(|it| !it.starts_with('{')) => {
                broken.push(format!("at {}: no JSON: {text}", at.rfc3339()));
            }
            Entry::Prompt(text) => broken.push(format!("at {}: asked {text}", at.rfc3339())),
            _ => {}
        }
    }
    let lines: Vec<Value> = json_lines(&case.run.log)
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    broken.extend(crate::json::faults(&lines));
    let mut times = lines.iter().map(|line| line["time"].as_str());
    if !times.by_ref().is_sorted() {
        broken.push("the times of the lines go back".to_owned());
    }
    batches(&lines, &mut broken);
    let last = case.told.iter().find_map(|told| match &told.what {
        What::Last(last) => Some(last),
        _ => None,
    });
    let ends = lines.last().is_some_and(|line| line["type"] == "summary");
    let code = case.run.code.unwrap_or_default();
    match last {
        Some(last) => {
            if !ends {
                broken.push("the summary is not the last line".to_owned());
            }
            if last.exit_code != i64::from(code) {
                broken.push(format!(
                    "exit code {code}, and the summary says {}",
                    last.exit_code
                ));
            }
            let named: usize = last.fates.values().map(Vec::len).sum();
            if named != last.counts.eligible {
                broken.push(format!(
                    "{named} allocations in the summary, {:?}",
                    last.counts
                ));
            }
            outcomes(&lines, &last.fates, &mut broken);
        }
        // Nobody reads it, or a second signal has ended the run at once.
        None if case.facts.closed().is_some() || code > 128 => {}
        None => broken.push("no summary".to_owned()),
    }
    case.broken.extend(broken);
}

/// The numbers of a batch add up.
fn batches(lines: &[Value], broken: &mut Vec<String>) {
    for line in lines.iter().filter(|it| it["type"] == "batch_done") {
        let number = |key: &str| line[key].as_u64().unwrap_or_default();
        let sum: u64 = ["done", "skipped", "failed", "untouched"]
            .into_iter()
            .map(number)
            .sum();
        if sum != number("allocations") {
            broken.push(format!("the numbers do not add up: {line}"));
        }
    }
}

/// What was told of an allocation last is what became of it.
fn outcomes(lines: &[Value], fates: &BTreeMap<String, Vec<String>>, broken: &mut Vec<String>) {
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    for line in lines.iter().filter(|it| it["type"] == "alloc_done") {
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        let before = told.insert(text("allocation"), text("outcome"));
        if before.is_some_and(|before| before != "done" || text("outcome") != "failed") {
            broken.push(format!("after {before:?}: {line}"));
        }
    }
    for (fate, ids) in fates {
        for id in ids {
            let told = told.get(id.as_str()).copied();
            let fits = match fate.as_str() {
                "in_flight" | "untouched" => told.is_none(),
                fate => told == Some(fate),
            };
            if !fits {
                broken.push(format!("{id} was told to be {told:?}, and ends as {fate}"));
            }
        }
    }
}
