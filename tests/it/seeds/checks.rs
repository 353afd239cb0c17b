//! What holds in every run, whatever is drawn: the program's promises, held against the simulator's record.

mod gate;
mod lines;
mod order;
mod summary;

use nomad_sim::cluster::WriteKind;
use nomad_sim::front::Fault;

use super::facts::Facts;
use super::plot::SECRET;
use super::stage::Run;
use super::told::{Told, told};
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
        told: told(&run.log),
        broken: Vec::new(),
    };
    if run.code.is_none() {
        case.fail(format!("the run did not end within {:?}", run.bound));
        return case.broken;
    }
    connections(&mut case);
    secrets(&mut case);
    restarts(&mut case);
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

/// Whether an answer tells that no server has even tried.
fn surely_not_taken(case: &Case<'_>, status: Option<u16>) -> bool {
    let no_leader = case.run.plot.faults.iter().any(
        |it| matches!(&it.fault, Fault::Status(500, text) if text.as_str() == "No cluster leader"),
    );
    status == Some(429) || status == Some(500) && no_leader
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
