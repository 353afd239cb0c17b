//! What holds in every run, whatever is drawn: the program's promises, held against the simulator's record.

mod dry_run;
mod gate;
mod json;
mod lines;
mod order;
mod summary;

use std::collections::BTreeMap;

use nomad_sim::cluster::{Object, WriteKind};
use nomad_sim::front::Fault;

use super::facts::Facts;
use super::plot::SECRET;
use super::stage::Run;
use super::told::{Told, What, told, told_to_machines};
use super::tty::Entry;

/// What the checks share.
struct Case<'a> {
    facts: Facts<'a>,
    run: &'a Run,
    told: Vec<Told>,
    broken: Vec<String>,
}

impl Case<'_> {
    fn fail(&mut self, text: impl Into<String>) {
        self.broken.push(text.into());
    }
}

/// The broken invariants of a run; none is as it should be.
pub(super) fn check(run: &Run) -> Vec<String> {
    let mut case = Case {
        facts: Facts::of(run),
        run,
        told: if run.plot.command.json {
            told_to_machines(&run.log)
        } else {
            told(&run.log)
        },
        broken: Vec::new(),
    };
    if run.code.is_none() {
        case.fail(format!("the run did not end within {:?}", run.bound));
        return case.broken;
    }
    connections(&mut case);
    secrets(&mut case);
    json::check(&mut case);
    if run.plot.command.dry_run {
        dry_run::check(&mut case);
        return case.broken;
    }
    restarts(&mut case);
    deployments(&mut case);
    order::check(&mut case);
    gate::check(&mut case);
    lines::check(&mut case);
    summary::check(&mut case);
    case.broken
}

fn connections(case: &mut Case<'_>) {
    let most = case.run.most_open;
    if most > 50 {
        case.fail(format!("{most} connections at once"));
    }
    let wrong: Vec<_> = case
        .run
        .requests
        .iter()
        .filter(|it| it.status == Some(400))
        .map(|it| {
            format!(
                "the agent does not understand {} {}?{}",
                it.method, it.path, it.query
            )
        })
        .collect();
    case.broken.extend(wrong);
}

fn secrets(case: &mut Case<'_>) {
    let seen = case.run.log.iter().any(|(_, entry)| match entry {
        Entry::Out(text) | Entry::Err(text) | Entry::Prompt(text) => text.contains(SECRET),
        _ => false,
    });
    if seen {
        case.fail("the token was printed");
    }
}

/// With a deployment under way at the start, nothing is written before it has ended; nor is anything chosen, if it is waited for.
fn deployments(case: &mut Case<'_>) {
    let run = case.run;
    if run.plot.deploying.is_none() || !run.plot.actors.is_empty() || !run.reads_go_well() {
        return;
    }
    let mut running = BTreeMap::new();
    for change in run.changes.iter().filter(|it| it.time < run.started) {
        for object in &change.objects {
            if let Object::Deployment(it) = object {
                running.insert(it.id.as_str(), it.status == "running");
            }
        }
    }
    running.retain(|_, runs| *runs);
    let mut ends = run.changes.iter().filter_map(|change| {
        let ended = |object: &Object| match object {
            Object::Deployment(it) => {
                running.contains_key(it.id.as_str()) && it.status != "running"
            }
            _ => false,
        };
        (change.time >= run.started && change.objects.iter().any(ended)).then_some(change.time)
    });
    let end = ends.next();
    let broken: Vec<String> = case
        .facts
        .requests()
        .filter(|(at, ..)| !running.is_empty() && end.is_none_or(|end| *at < end))
        .map(|(at, id, _)| format!("a write to {id} at {} in a deployment", at.rfc3339()))
        .collect();
    case.broken.extend(broken);
    let chosen = case.told.iter().find(|told| {
        let nothing = matches!(&told.what, What::Other(it) if it.starts_with("No allocations"));
        nothing || matches!(told.what, What::Selected(_))
    });
    if run.plot.command.await_deployment
        && !running.is_empty()
        && chosen.is_some_and(|told| end.is_none_or(|end| told.at < end))
    {
        case.fail("allocations were chosen in a deployment");
    }
}

/// The allocations that a command without an age is about.
pub(super) fn wanted(run: &Run) -> impl Iterator<Item = &str> {
    let plot = &run.plot;
    let command = &plot.command;
    let is_wanted = |id: &&String| {
        let group = plot.group(&run.truth.allocations[*id].group);
        let mut tasks = group.tasks.iter();
        let has_task = command.tasks.is_empty() || tasks.any(|it| command.tasks.contains(&it.name));
        has_task && (command.groups.is_empty() || command.groups.contains(&group.name))
    };
    run.ran.iter().filter(is_wanted).map(String::as_str)
}

/// Whether an answer tells that no server has even tried.
fn surely_not_taken(case: &Case<'_>, status: Option<u16>) -> bool {
    let no_leader = case.run.plot.faults.iter().any(
        |it| matches!(&it.fault, Fault::Status(500, text) if text.as_str() == "No cluster leader"),
    );
    status == Some(429) || status == Some(500) && no_leader
}

/// Whether a write with this answer may be under way.
fn may_be_under_way(case: &Case<'_>, status: Option<u16>) -> bool {
    let faults = &case.run.plot.faults;
    let others = faults.iter().any(|it| match &it.fault {
        Fault::Status(500, text) => text != "No cluster leader",
        _ => false,
    });
    let unclear = others || !case.run.plot.outages.is_empty();
    !surely_not_taken(case, status) || status == Some(500) && unclear
}

/// No restart is taken on twice, and none is sent again that may have been.
fn restarts(case: &mut Case<'_>) {
    let mut broken = Vec::new();
    let facts = &case.facts;
    for id in case.run.truth.allocations.keys() {
        let accepted = facts.accepted(id);
        for (nth, kind) in accepted.iter().enumerate() {
            if matches!(kind, WriteKind::Restart { .. }) && accepted[..nth].contains(kind) {
                broken.push(format!("{id} was restarted twice"));
            }
        }
    }
    // Which of several tasks a request is about, its path does not tell.
    if case.run.plot.command.tasks.len() < 2 && !case.run.plot.command.reschedule {
        let mut sent: Vec<(&str, Option<u16>)> = Vec::new();
        for (at, id, status) in facts.requests() {
            let before = sent
                .iter()
                .find(|(it, status)| *it == id && !surely_not_taken(case, *status));
            if let Some((_, status)) = before {
                broken.push(format!(
                    "{id} was sent another restart at {}, the one before had {status:?}",
                    at.rfc3339()
                ));
            }
            sent.push((id, status));
        }
    }
    case.broken.extend(broken);
}
