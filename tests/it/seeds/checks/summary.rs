//! The last words: they add up, agree with each other, with the exit code and with the truth; and a run in which nothing goes wrong
//! succeeds without a word on stderr.

use std::collections::{BTreeMap, BTreeSet};

use nomad_sim::model::Time;

use super::Case;
use crate::seeds::told::{Counts, What};

/// How the run ended, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Before anything was selected.
    Early,
    Nothing,
    Finished,
    WithErrors,
    Declined,
    Interrupted,
    /// A second signal: nothing more is said.
    AtOnce,
}

pub(super) fn check(case: &mut Case<'_>) {
    if case.facts.closed().is_some() {
        // Nobody read the last words.
        return;
    }
    let mut broken = Vec::new();
    let facts = &case.facts;
    let code = case.run.code.unwrap_or_default();
    let ending = ending(case);
    let mut begun: BTreeMap<&str, Time> = BTreeMap::new();
    let mut failed: BTreeSet<&str> = BTreeSet::new();
    let mut skipped: BTreeSet<&str> = BTreeSet::new();
    let mut run_errors = false;
    let mut selected = 0;
    let mut counts = None;
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for told in &case.told {
        match &told.what {
            What::Selected(n) => selected = *n,
            What::Started { id, .. } => {
                facts.whole(id).map(|id| begun.entry(id).or_insert(told.at));
            }
            What::Error { id, .. } => failed.extend(facts.whole(id)),
            What::Skipped { id, .. } => skipped.extend(facts.whole(id)),
            What::RunError(_) => run_errors = true,
            What::Last(last) => {
                counts = Some(last.counts.clone());
                for (fate, ids) in &last.fates {
                    let ids = ids.iter().filter_map(|id| facts.whole(id));
                    named.insert(word(fate), ids.collect());
                }
            }
            What::Other(text) | What::OtherError(text) => {
                if let Some(found) = Counts::parse(text) {
                    counts = Some(found);
                }
                if let Some((fate, ids)) = text.trim_start().split_once(": ")
                    && text.starts_with("    ")
                {
                    let ids = ids.split(" and ").next().unwrap_or_default();
                    let ids = ids.split(", ").filter_map(|id| facts.whole(id));
                    named.insert(fate, ids.collect());
                }
            }
            _ => {}
        }
    }
    skipped.retain(|id| !failed.contains(id));
    let clean = failed.is_empty() && !run_errors;

    if !code_fits(case, ending, code, clean) {
        broken.push(format!(
            "exit code {code} of a run that ended so: {ending:?}, clean {clean}"
        ));
    }

    let all = case
        .told
        .iter()
        .any(|told| told.what == What::Other("All allocations restarted successfully!".to_owned()));
    if all {
        if !clean || !skipped.is_empty() || begun.len() != selected {
            broken.push(format!(
                "not all were restarted: {selected} selected, {} begun, {failed:?} failed, {skipped:?} skipped",
                begun.len()
            ));
        }
        counts = Some(Counts {
            done: selected,
            eligible: selected,
            ..Counts::default()
        });
    }
    match (&counts, ending) {
        (Some(counts), _) => {
            if counts.eligible != selected || counts.sum() != selected {
                broken.push(format!("{counts:?} do not add up to {selected}"));
            }
            if ending == Ending::Finished || case.run.plot.command.yes {
                // Otherwise errors of the last batch are only listed.
                if counts.skipped != skipped.len() {
                    broken.push(format!("{counts:?}, and skipped were {skipped:?}"));
                }
            }
            if counts.failed != failed.len() {
                broken.push(format!("{counts:?}, and failed have {failed:?}"));
            }
            if counts.untouched > 0 && matches!(ending, Ending::Finished) {
                broken.push(format!("{counts:?} of a run that finished"));
            }
        }
        (None, Ending::Finished | Ending::WithErrors | Ending::Interrupted) if selected > 0 => {
            broken.push("no summary".to_owned());
        }
        _ => {}
    }

    let all_told = matches!(ending, Ending::Finished | Ending::WithErrors)
        && counts
            .as_ref()
            .is_some_and(|it| it.untouched + it.in_flight == 0);
    let done: Vec<&str> = match named.get("restarted").or(named.get("rescheduled")) {
        Some(done) => done.clone(),
        None if all || named.is_empty() && all_told => begun
            .keys()
            .filter(|id| !failed.contains(*id) && !skipped.contains(*id))
            .copied()
            .collect(),
        None => Vec::new(),
    };
    // Each number of a fate that is named is that of its names.
    let fits = |fate: &str, number: usize| {
        let mut named = named.iter().filter(|(name, _)| name.starts_with(fate));
        named
            .next()
            .is_none_or(|(_, ids)| ids.len() == number || ids.len() == 8)
    };
    if let Some(counts) = &counts
        && !(fits("failed", counts.failed)
            && fits("skipped", counts.skipped)
            && fits("in flight", counts.in_flight)
            && fits("not touched", counts.untouched))
    {
        broken.push(format!("{counts:?}, and named are {named:?}"));
    }
    if counts.is_some_and(|it| it.untouched + it.in_flight > 0) && named.is_empty() {
        broken.push("what is left is not named".to_owned());
    }
    broken.extend(fates(case, &begun, &named, &done, &skipped));
    if case.run.plot.calm {
        calm(case, code, selected, &mut broken);
    }
    case.broken.extend(broken);
}

/// The word for people of a fate for machines.
fn word(fate: &str) -> &str {
    match fate {
        "done" => "restarted",
        "in_flight" => "in flight",
        "untouched" => "not touched",
        other => other,
    }
}

/// What is called done was seen to be; what is called in flight was sent; what is called untouched was not touched.
fn fates(
    case: &Case<'_>,
    begun: &BTreeMap<&str, Time>,
    named: &BTreeMap<&str, Vec<&str>>,
    done: &[&str],
    skipped: &BTreeSet<&str>,
) -> Vec<String> {
    let mut broken = Vec::new();
    let facts = &case.facts;
    let end = case.run.ended;
    for id in done {
        match begun.get(id) {
            Some(begun) if facts.reached(id, *begun, end) => {}
            _ => broken.push(format!(
                "{id} counts as done, and was not seen to run again"
            )),
        }
    }
    let in_flight = named
        .iter()
        .filter(|(fate, _)| fate.starts_with("in flight"));
    for id in in_flight.flat_map(|(_, ids)| ids) {
        let sent = facts
            .requests()
            .any(|(_, it, status)| it == *id && super::may_be_under_way(case, status));
        // One that was taken on may have lost its answer with the agent that had it.
        if !sent && facts.accepted(id).is_empty() {
            broken.push(format!(
                "{id} counts as in flight, and no write to it was sent"
            ));
        }
    }
    let untouched = named.get("not touched").into_iter().flatten().copied();
    let one_write = case.run.plot.command.tasks.len() < 2;
    for id in untouched.chain(skipped.iter().copied().filter(|_| one_write)) {
        if !facts.accepted(id).is_empty() {
            broken.push(format!(
                "{id} counts as untouched or skipped, and a write to it was accepted"
            ));
        }
    }
    broken
}

/// Whether the exit code tells how the run ended.
fn code_fits(case: &Case<'_>, ending: Ending, code: u8, clean: bool) -> bool {
    if !case.run.plot.command.detailed {
        return match ending {
            Ending::Nothing => code == 0,
            Ending::Finished => code == 0 && clean,
            Ending::WithErrors => code == 1,
            Ending::Declined => code == u8::from(!clean),
            Ending::Interrupted | Ending::AtOnce => code > 128,
            Ending::Early => code == 1 || code > 128,
        };
    }
    let stopped = case.told.iter().any(|told| match &told.what {
        What::Other(text) => text.starts_with("Stopping job restart"),
        _ => false,
    });
    match ending {
        Ending::Nothing => code == 0,
        Ending::Finished => code == 0 && clean,
        // Some failed, and nothing kept it from its end.
        Ending::WithErrors => (1..=5).contains(&code) && !(code == 3 && stopped),
        Ending::Declined => code == 6,
        Ending::Interrupted | Ending::AtOnce => code > 128,
        Ending::Early => code == 1 || code == 5 || code > 128,
    }
}

fn ending(case: &Case<'_>) -> Ending {
    let said = |text: &str| {
        case.told.iter().any(|told| match &told.what {
            What::Other(line) => line.starts_with(text),
            _ => false,
        })
    };
    let selected = case
        .told
        .iter()
        .any(|told| matches!(told.what, What::Selected(_)));
    let last = case.told.iter().find_map(|told| match &told.what {
        What::Last(last) => Some(last.outcome.as_str()),
        _ => None,
    });
    if let Some(outcome) = last {
        return match outcome {
            "done" => Ending::Finished,
            "nothing_to_do" => Ending::Nothing,
            "declined" => Ending::Declined,
            "interrupted" => Ending::Interrupted,
            "cannot_start" => Ending::Early,
            _ => Ending::WithErrors,
        };
    }
    if said("Canceling job restart process") {
        Ending::Interrupted
    } else if said("No allocations to restart") {
        Ending::Nothing
    } else if said("Finished job restart") {
        Ending::Finished
    } else if said("Job restart finished with errors") {
        Ending::WithErrors
    } else if said("Job restart canceled") {
        Ending::Declined
    } else if selected {
        Ending::AtOnce
    } else {
        Ending::Early
    }
}

/// Nothing goes wrong: everything that was asked for is done, and stderr holds warnings at most.
fn calm(case: &Case<'_>, code: u8, selected: usize, broken: &mut Vec<String>) {
    let plot = &case.run.plot;
    let command = &plot.command;
    for told in &case.told {
        if matches!(
            told.what,
            What::OtherError(_) | What::Error { .. } | What::RunError(_) | What::Skipped { .. }
        ) {
            broken.push(format!("in a calm run: {:?}", told.what));
        }
    }
    if code != 0 {
        broken.push(format!("exit code {code} of a calm run"));
    }
    let wanted = super::wanted(case.run).count();
    if plot.deploying.is_none() && !command.by_age() && selected != wanted {
        broken.push(format!("{selected} selected of {wanted}"));
    }
}
