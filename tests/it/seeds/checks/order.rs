//! Batches: their size, and that each is judged before the next one begins.

use std::collections::BTreeMap;

use nomad_sim::model::Time;

use super::Case;
use crate::seeds::plot::Batch;
use crate::seeds::told::What;

pub(super) fn check(case: &mut Case<'_>) {
    let size = size(case);
    let mut broken = Vec::new();
    let facts = &case.facts;
    // By allocation: when its write began, and its batch.
    let mut begun: BTreeMap<&str, (Time, usize)> = BTreeMap::new();
    let mut judged: BTreeMap<&str, Time> = BTreeMap::new();
    let mut batch = 0;
    let mut members = 0;
    let mut headers = 0;
    for told in &case.told {
        match &told.what {
            What::Batch(number) => {
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
                    batch += 1;
                    members = 0;
                }
                members += 1;
                if members > size {
                    broken.push(format!(
                        "{members} at once in batch {batch}, asked for was {size}"
                    ));
                }
                for (other, (since, of)) in &begun {
                    if *of < batch
                        && !judged.get(other).is_some_and(|at| *at <= told.at)
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
            }
            _ => {}
        }
    }
    // Nothing is written that was not announced.
    for (at, id, _) in facts.requests() {
        let seen = case.facts.closed().is_none_or(|closed| at < closed);
        if seen && !begun.get(id).is_some_and(|(since, _)| *since <= at) {
            broken.push(format!(
                "a write to {id} at {} without a word",
                at.rfc3339()
            ));
        }
    }
    case.broken.extend(broken);
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
