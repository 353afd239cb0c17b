//! Batches: their size, and that each is judged before the next one begins. Windows: how many are away at once.

use std::collections::BTreeMap;

use nomad_sim::model::Time;

use super::Case;
use crate::seeds::plot::Batch;
use crate::seeds::told::What;

/// Of errors that are likely to happen again.
const UNRECOVERABLE: [&str; 5] = [
    "not seen ",
    "outcome unknown",
    "nothing has replaced it",
    "is not replaced",
    "Nomad has not planned another attempt",
];

pub(super) fn check(case: &mut Case<'_>) {
    if case.run.plot.command.window {
        window(case);
    } else {
        batches(case);
    }
    announced(case);
}

fn batches(case: &mut Case<'_>) {
    let size = size(case);
    let mut broken = Vec::new();
    let facts = &case.facts;
    // By allocation: when its write began, and its batch.
    let mut begun: BTreeMap<&str, (Time, usize)> = BTreeMap::new();
    let mut judged: BTreeMap<&str, Time> = BTreeMap::new();
    let mut batch = 0;
    let mut members = 0;
    let mut headers = 0;
    let mut short = false;
    let mut last_place = None;
    let mut before_batch = None;
    // Errors so far, and such as a run that asks nothing must stop at.
    let mut failed = false;
    let mut unrecoverable = false;
    for told in &case.told {
        match &told.what {
            What::Batch(number) => {
                stopped(case, failed, unrecoverable, told.at, &mut broken);
                // All but the last are as large as asked for.
                if short {
                    broken.push("a batch after one that was not full".to_owned());
                }
                short = *number < size && case.run.plot.command.started_before.is_none();
                headers += 1;
                batch += 1;
                members = 0;
                if *number > size {
                    broken.push(format!("a batch of {number}, asked for was {size}"));
                }
            }
            What::Started { id, .. } => {
                let Some(id) = facts.whole(id) else {
                    broken.push(format!("there is no allocation {id}"));
                    continue;
                };
                if begun.contains_key(id) {
                    continue;
                }
                if headers == 0 {
                    stopped(case, failed, unrecoverable, told.at, &mut broken);
                    batch += 1;
                    members = 0;
                }
                // Newest first, batch by batch.
                let place = case.run.ran.iter().position(|it| it == id);
                if members == 0 {
                    before_batch = last_place;
                }
                if place.is_some() && place < before_batch {
                    broken.push(format!("{id} of batch {batch} comes too late"));
                }
                last_place = last_place.max(place);
                members += 1;
                if members > size {
                    broken.push(format!(
                        "{members} at once in batch {batch}, asked for was {size}"
                    ));
                }
                for (other, (since, of)) in &begun {
                    if *of < batch
                        && judged.get(other).is_none_or(|at| *at > told.at)
                        && !facts.reached(other, *since, told.at)
                    {
                        broken.push(format!(
                            "batch {batch} began at {} with {id}, before {other} of batch {of} was judged",
                            told.at.rfc3339()
                        ));
                    }
                }
                begun.insert(id, (told.at, batch));
            }
            What::Skipped { id, .. } | What::Error { id, .. } => {
                if let Some(id) = facts.whole(id) {
                    judged.entry(id).or_insert(told.at);
                }
                if let What::Error { text, .. } = &told.what {
                    unrecoverable |= UNRECOVERABLE.iter().any(|it| text.contains(it));
                    failed = true;
                }
            }
            _ => {}
        }
    }
    case.broken.extend(broken);
}

/// Never more than the window are away, in processing order, and nothing starts after an error that ends the run.
fn window(case: &mut Case<'_>) {
    let size = size(case);
    let mut broken = Vec::new();
    let facts = &case.facts;
    let mut begun: BTreeMap<&str, Time> = BTreeMap::new();
    let mut judged: BTreeMap<&str, Time> = BTreeMap::new();
    let mut last_place = None;
    let mut failed = false;
    let mut unrecoverable = false;
    for told in &case.told {
        match &told.what {
            What::Batch(_) => broken.push("a batch in a window".to_owned()),
            What::Started { id, .. } => {
                let Some(id) = facts.whole(id) else {
                    broken.push(format!("there is no allocation {id}"));
                    continue;
                };
                if begun.contains_key(id) {
                    continue;
                }
                stopped(case, failed, unrecoverable, told.at, &mut broken);
                let place = case.run.ran.iter().position(|it| it == id);
                if place.is_some() && place < last_place {
                    broken.push(format!("{id} comes too late"));
                }
                last_place = last_place.max(place);
                let away = begun.iter().filter(|(other, since)| {
                    judged.get(*other).is_none_or(|at| *at > told.at)
                        && !facts.reached(other, **since, told.at)
                });
                let away = away.count() + 1;
                if away > size {
                    broken.push(format!(
                        "{away} away at {} with {id}, asked for was {size}",
                        told.at.rfc3339()
                    ));
                }
                begun.insert(id, told.at);
            }
            What::Skipped { id, .. } | What::Error { id, .. } => {
                if let Some(id) = facts.whole(id) {
                    judged.entry(id).or_insert(told.at);
                }
                if let What::Error { text, .. } = &told.what {
                    unrecoverable |= UNRECOVERABLE.iter().any(|it| text.contains(it));
                    failed = true;
                }
            }
            _ => {}
        }
    }
    case.broken.extend(broken);
}

/// Nothing is written that was not announced.
fn announced(case: &mut Case<'_>) {
    let facts = &case.facts;
    let mut broken = Vec::new();
    let mut begun: BTreeMap<&str, Time> = BTreeMap::new();
    for told in &case.told {
        if let What::Started { id, .. } = &told.what
            && let Some(id) = facts.whole(id)
        {
            begun.entry(id).or_insert(told.at);
        }
    }
    for (at, id, _) in facts.requests() {
        let seen = facts.closed().is_none_or(|closed| at < closed);
        if seen && begun.get(id).is_none_or(|since| *since > at) {
            broken.push(format!(
                "a write to {id} at {} without a word",
                at.rfc3339()
            ));
        }
    }
    case.broken.extend(broken);
}

/// No batch begins after an error that stops the run.
fn stopped(case: &Case<'_>, failed: bool, unrecoverable: bool, at: Time, broken: &mut Vec<String>) {
    let command = &case.run.plot.command;
    if unrecoverable && command.yes || failed && command.on_error == Some("fail") {
        broken.push(format!(
            "it went on at {} after an error that stops the run",
            at.rfc3339()
        ));
    }
}

/// The size that was asked for; an upper bound where some of the allocations may have been left out before.
fn size(case: &Case<'_>) -> usize {
    let command = &case.run.plot.command;
    match command.batch {
        None => 1,
        Some(Batch::Count(n)) => n,
        Some(Batch::Percent(percent)) => {
            let selected = case.told.iter().find_map(|told| match told.what {
                What::Selected(n) => Some(n),
                _ => None,
            });
            let base = match (command.started_before, selected) {
                (None, Some(n)) => n,
                _ => case.run.truth.allocations.len(),
            };
            (base * percent.min(100)).div_ceil(100).max(1)
        }
    }
}
