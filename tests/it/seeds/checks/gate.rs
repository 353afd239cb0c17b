//! Signals and answers: nothing is written while the operator is asked whether to stop, nor after the stop, and the exit code tells it.

use nomad_sim::model::Time;

use super::Case;
use crate::seeds::told::What;
use crate::seeds::tty::Entry;

/// When writes were not allowed.
#[derive(Debug, Default)]
struct Gate {
    /// Both ends are excluded: what happens at the same instant has no order.
    held: Vec<(Time, Time)>,
    closed: Option<(Time, i32)>,
    /// A no to a question that goes on otherwise.
    declined: Option<Time>,
}

pub(super) fn check(case: &mut Case<'_>) {
    let gate = gate(case);
    let mut broken = Vec::new();
    for (at, id, _) in case.facts.requests() {
        let held = gate.held.iter().any(|(from, to)| at > *from && at < *to);
        let closed = gate.closed.is_some_and(|(since, _)| at > since);
        let declined = gate.declined.is_some_and(|since| at > since);
        if held || closed || declined {
            broken.push(format!(
                "a write to {id} at {}, which was not allowed: {gate:?}",
                at.rfc3339()
            ));
        }
    }
    broken.extend(questions(case));
    let code = i32::from(case.run.code.unwrap_or_default());
    let signals: Vec<i32> = case
        .run
        .log
        .iter()
        .filter(|(at, _)| *at <= case.run.ended)
        .filter_map(|(_, entry)| match entry {
            Entry::Signal(signal) => Some(128 + signal),
            _ => None,
        })
        .collect();
    if let Some((since, _)) = gate.closed
        && since < case.run.ended
        && !signals.contains(&code)
    {
        broken.push(format!(
            "exit code {code} after a signal at {}",
            since.rfc3339()
        ));
    }
    if code > 128 && !signals.contains(&code) {
        broken.push(format!("exit code {code} without that signal"));
    }
    case.broken.extend(broken);
}

/// Each answer is for one question, and each batch is asked about once.
fn questions(case: &Case<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut open = false;
    // Asked about and answered what follows the batch, and nothing has followed yet.
    let mut answered = false;
    let mut stops = false;
    for (at, entry) in &case.run.log {
        match entry {
            Entry::Prompt(text) => {
                stops = text.contains("stop the restart process");
                if open || answered && !stops {
                    broken.push(format!("asked again at {}: {text}", at.rfc3339()));
                }
                open = true;
            }
            Entry::Typed(_) => {
                open = false;
                answered |= !stops;
            }
            Entry::Out(text) if text.contains("Invalid answer") => answered &= stops,
            Entry::Out(text)
                if text.contains("ing allocation") || text.contains(" in allocation") =>
            {
                answered = false;
            }
            // A batch may consist of what is skipped, or fails without a call.
            Entry::Err(text)
                if text.contains("Skipping allocation") || text.contains(" occurred while") =>
            {
                answered = false;
            }
            _ => {}
        }
    }
    broken
}

fn gate(case: &Case<'_>) -> Gate {
    let plot = &case.run.plot;
    let asks = plot.terminal && !plot.command.yes && !plot.command.json;
    let selected = case
        .told
        .iter()
        .find(|told| matches!(told.what, What::Selected(_)))
        .map(|told| told.at);
    let mut gate = Gate::default();
    // The open question, and whether it is the one whether to stop.
    let mut question: Option<(bool, String)> = None;
    let mut interrupted: Option<(Time, i32)> = None;
    for (at, entry) in &case.run.log {
        if *at > case.run.ended || gate.closed.is_some() {
            break;
        }
        match entry {
            Entry::Prompt(text) => {
                question = Some((text.contains("stop the restart process"), text.clone()));
            }
            Entry::Typed(line) => {
                let Some((stops, text)) = question.take() else {
                    continue;
                };
                let line = line.as_deref().map(str::trim);
                let yes = match line {
                    None => stops,
                    Some("y") => true,
                    Some("") => text.contains("Y/n"),
                    // A pause, or no answer at all.
                    Some(line) => line != "No",
                };
                match (stops, yes, line) {
                    // Asked again, or on it goes.
                    (_, _, Some("what?"))
                    | (true, _, Some("3s" | "5s"))
                    | (false, true, _)
                    | (false, false, Some("5s" | "3s")) => {}
                    (true, true, _) => gate.closed = interrupted,
                    (true, false, _) => {
                        gate.held
                            .extend(interrupted.take().map(|(from, _)| (from, *at)));
                    }
                    (false, false, _) => gate.declined = Some(*at),
                }
            }
            Entry::Signal(signal) => {
                let early = selected.is_none_or(|selected| *at < selected);
                if let Some(first) = interrupted {
                    gate.closed = Some(first);
                } else if *signal == 2 && asks && question.is_none() && !early {
                    interrupted = Some((*at, *signal));
                } else {
                    gate.closed = Some((*at, *signal));
                }
            }
            _ => {}
        }
    }
    if let (None, Some((from, _))) = (gate.closed, interrupted) {
        gate.held.push((from, case.run.ended));
    }
    gate
}
