//! Batches: their size, and that each is judged before the next one begins. Windows: how many are away at once.

use std::collections::{BTreeMap, BTreeSet};

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

/// What was told so far, as far as its order goes.
struct Walk<'a> {
    size: usize,
    /// By allocation: when its write began, and its batch.
    begun: BTreeMap<&'a str, (Time, usize)>,
    judged: BTreeMap<&'a str, Time>,
    batch: usize,
    members: usize,
    /// Batches have headers, unless all of them are of one allocation.
    headers: bool,
    /// A batch was not full: it is the last one.
    short: bool,
    /// The furthest place in the processing order, and what it was before this batch.
    last_place: Option<usize>,
    before_batch: Option<usize>,
    /// When something in a window began last: what begins at the same instant has no order.
    moment: Option<Time>,
    failed: BTreeSet<&'a str>,
    unrecoverable: bool,
    broken: Vec<String>,
}

pub(super) fn check(case: &mut Case<'_>) {
    let mut walk = Walk {
        size: size(case),
        begun: BTreeMap::new(),
        judged: BTreeMap::new(),
        batch: 0,
        members: 0,
        headers: false,
        short: false,
        last_place: None,
        before_batch: None,
        moment: None,
        failed: BTreeSet::new(),
        unrecoverable: false,
        broken: Vec::new(),
    };
    for told in &case.told {
        match &told.what {
            What::Batch(number) => walk.header(case, *number, told.at),
            What::Started { id, .. } => match case.facts.whole(id) {
                Some(id) if walk.begun.contains_key(id) => {}
                Some(id) if case.run.plot.command.window => walk.start_in_window(case, id, told.at),
                Some(id) => walk.start_in_batch(case, id, told.at),
                None => walk.broken.push(format!("there is no allocation {id}")),
            },
            What::Done { id } | What::Skipped { id, .. } => {
                if let Some(id) = case.facts.whole(id) {
                    walk.judged.entry(id).or_insert(told.at);
                }
            }
            What::Error { id, text } => {
                if let Some(id) = case.facts.whole(id) {
                    walk.judged.entry(id).or_insert(told.at);
                    walk.failed.insert(id);
                }
                walk.unrecoverable |= UNRECOVERABLE.iter().any(|it| text.contains(it));
            }
            _ => {}
        }
    }
    let broken = walk.broken;
    case.broken.extend(broken);
    announced(case);
}

impl<'a> Walk<'a> {
    fn header(&mut self, case: &Case<'_>, number: usize, at: Time) {
        let command = &case.run.plot.command;
        if command.window {
            self.broken.push("a batch in a window".to_owned());
        }
        self.stopped(case, at);
        // All but the last are as large as asked for.
        if self.short {
            self.broken
                .push("a batch after one that was not full".to_owned());
        }
        self.short = number < self.size && !command.by_age();
        self.headers = true;
        self.batch += 1;
        self.members = 0;
        if number > self.size {
            let size = self.size;
            self.broken
                .push(format!("a batch of {number}, asked for was {size}"));
        }
    }

    /// Nothing of a batch begins before all earlier ones are judged, and never more at once than the size.
    fn start_in_batch(&mut self, case: &Case<'a>, id: &'a str, at: Time) {
        if !self.headers {
            self.stopped(case, at);
            self.batch += 1;
            self.members = 0;
        }
        let batch = self.batch;
        // Newest first, batch by batch.
        let place = case.run.ran.iter().position(|it| it == id);
        if self.members == 0 {
            self.before_batch = self.last_place;
        }
        if place.is_some() && place < self.before_batch {
            self.broken
                .push(format!("{id} of batch {batch} comes too late"));
        }
        self.last_place = self.last_place.max(place);
        self.members += 1;
        if self.members > self.size {
            self.broken.push(format!(
                "{} at once in batch {batch}, asked for was {}",
                self.members, self.size
            ));
        }
        for other in self.away(case, at) {
            let of = self.begun[other].1;
            if of < batch {
                self.broken.push(format!(
                    "batch {batch} began at {} with {id}, before {other} of batch {of} was judged",
                    at.rfc3339()
                ));
            }
        }
        self.begun.insert(id, (at, batch));
    }

    /// Never more than the window are away, in processing order, and nothing starts after an error that ends the run.
    fn start_in_window(&mut self, case: &Case<'a>, id: &'a str, at: Time) {
        self.stopped(case, at);
        let place = case.run.ran.iter().position(|it| it == id);
        if self.moment.replace(at) != Some(at) {
            self.before_batch = self.last_place;
        }
        if place.is_some() && place < self.before_batch {
            self.broken.push(format!("{id} comes too late"));
        }
        self.last_place = self.last_place.max(place);
        let away = self.away(case, at).len() + 1;
        if away > self.size {
            self.broken.push(format!(
                "{away} away at {} with {id}, asked for was {}",
                at.rfc3339(),
                self.size
            ));
        }
        self.begun.insert(id, (at, 0));
    }

    /// What has begun, is not judged, and was not seen to have reached its end.
    fn away(&self, case: &Case<'_>, at: Time) -> Vec<&'a str> {
        let begun = self.begun.iter();
        let is_away = |id: &str, since: Time| {
            self.judged.get(id).is_none_or(|judged| *judged > at)
                && !case.facts.reached(id, since, at)
        };
        begun
            .filter(|(id, (since, _))| is_away(id, *since))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Nothing more begins after an error, or a number of failures, that stops the run.
    fn stopped(&mut self, case: &Case<'_>, at: Time) {
        let command = &case.run.plot.command;
        let failed = self.failed.len();
        let allowed = match command.max_failures {
            Some(Batch::Count(n)) => Some(n),
            Some(Batch::Percent(percent)) if !command.by_age() => {
                Some(selected(case).unwrap_or_default() * percent / 100)
            }
            _ => None,
        };
        if self.unrecoverable && command.yes
            || failed > 0 && command.on_error == Some("fail")
            || allowed.is_some_and(|allowed| failed > allowed)
        {
            self.broken.push(format!(
                "it went on at {} after {failed} failures that stop the run",
                at.rfc3339()
            ));
        }
    }
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

/// How many were selected, in the program's words.
fn selected(case: &Case<'_>) -> Option<usize> {
    case.told.iter().find_map(|told| match told.what {
        What::Selected(n) => Some(n),
        _ => None,
    })
}

/// The size that was asked for; an upper bound where some of the allocations may have been left out before.
fn size(case: &Case<'_>) -> usize {
    let command = &case.run.plot.command;
    match command.batch {
        None => 1,
        Some(Batch::Count(n)) => n,
        Some(Batch::Percent(percent)) => {
            let base = match (command.by_age(), selected(case)) {
                (false, Some(n)) => n,
                _ => case.run.truth.allocations.len(),
            };
            (base * percent.min(100)).div_ceil(100).max(1)
        }
    }
}
