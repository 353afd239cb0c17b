//! Every line about an allocation was true when it was printed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nomad_sim::model::{Allocation, ClientStatus, Time};

use super::Case;
use crate::seeds::told::What;

/// How long after the truth a line may come that says the contrary: nodes report within 1.3 s.
const SLACK: Duration = Duration::from_secs(3);

fn before(at: Time, by: Duration) -> Time {
    at.plus(-i64::try_from(by.as_nanos()).unwrap())
}

pub(super) fn check(case: &mut Case<'_>) {
    let mut broken = Vec::new();
    let facts = &case.facts;
    let mut begun: BTreeMap<&str, Time> = BTreeMap::new();
    let mut told_failed: BTreeMap<(&str, &str), Time> = BTreeMap::new();
    for told in &case.told {
        let at = told.at;
        let mut wrong = |text: String| broken.push(format!("at {}: {text}", at.rfc3339()));
        match &told.what {
            What::Started { id, .. } => {
                if let Some(id) = facts.whole(id) {
                    begun.entry(id).or_insert(at);
                }
            }
            What::Replaced { old, by } => {
                let (Some(old), Some(by)) = (facts.whole(old), facts.whole(by)) else {
                    wrong(format!("{old} or {by} does not exist"));
                    continue;
                };
                if facts.chain(old, at).first() != Some(&by) {
                    wrong(format!("{old} was not replaced by {by}"));
                }
            }
            What::Status { id, status } => {
                let Some(id) = facts.whole(id) else {
                    wrong(format!("{id} does not exist"));
                    continue;
                };
                if !facts.had_status(id, status, at) {
                    wrong(format!("{id} was never {status}"));
                }
                if status == "running" && !facts.ran(id, at) {
                    wrong(format!("{id} is called running, and not all its tasks run"));
                }
            }
            What::Waiting { id } => {
                let Some(id) = facts.whole(id) else {
                    wrong(format!("{id} does not exist"));
                    continue;
                };
                // Where reads fail it is waited for until they succeed.
                if case.run.reads_go_well() && facts.holds(id, begun[id], before(at, SLACK)) {
                    wrong(format!("{id} is waited for, and it runs"));
                }
            }
            What::Done { id } => {
                let Some(id) = facts.whole(id) else {
                    wrong(format!("{id} does not exist"));
                    continue;
                };
                let reached = begun
                    .get(id)
                    .is_some_and(|begun| facts.reached(id, *begun, at));
                if !reached {
                    wrong(format!("{id} is called done, and was not seen to be"));
                }
            }
            What::Skipped { id, reason } => {
                let Some(id) = facts.whole(id) else {
                    wrong(format!("{id} does not exist"));
                    continue;
                };
                let lag = facts.lag();
                let held = facts.held(id, at, lag);
                let reschedule = case.run.plot.command.reschedule;
                // Somebody else has started it anew, or it has crashed.
                let young = case.run.plot.command.by_age()
                    && reason.contains("ed before")
                    && (facts.starts(id, case.run.started, at) > 0 || facts.is_touched(id, at));
                if held.iter().all(|it| is_eligible(it, reschedule))
                    && reason != "it no longer exists"
                    && !young
                {
                    wrong(format!(
                        "{id} was skipped because {reason}, and it is eligible"
                    ));
                }
            }
            What::Error { id, text } => {
                let Some(id) = facts.whole(id) else {
                    wrong(format!("{id} does not exist"));
                    continue;
                };
                // It is listed again at the end.
                let first = *told_failed.entry((id, text)).or_insert(at);
                if first == at
                    && let Err(why) = failure(case, id, begun.get(id).copied(), text, at)
                {
                    wrong(format!("{id} failed because {text:?}, and {why}"));
                }
            }
            _ => {}
        }
    }
    case.broken.extend(broken);
    rechecks(case);
}

/// What the servers have shown for a while to be no longer eligible is not written to.
fn rechecks(case: &mut Case<'_>) {
    let plot = &case.run.plot;
    if !case.run.reads_go_well() {
        return;
    }
    let facts = &case.facts;
    let reschedule = plot.command.reschedule;
    let mut seen = BTreeSet::new();
    let mut broken = Vec::new();
    for (at, id, _) in facts.requests() {
        let held = facts.held(id, at, SLACK);
        if seen.insert(id) && held.iter().all(|it| !is_eligible(it, reschedule)) {
            broken.push(format!(
                "a write to {id} at {}, which was not eligible any more",
                at.rfc3339()
            ));
        }
    }
    case.broken.extend(broken);
}

fn is_eligible(alloc: &Allocation, reschedule: bool) -> bool {
    let runs = match alloc.client {
        ClientStatus::Running => true,
        ClientStatus::Pending | ClientStatus::Unknown => reschedule,
        _ => false,
    };
    let task_runs = alloc
        .task_states
        .iter()
        .flatten()
        .any(|(_, state)| serde_json::to_value(state.state).unwrap() == "running");
    !alloc.server_terminal()
        && alloc.next.is_empty()
        && alloc.transition.migrate != Some(true)
        && runs
        && (reschedule || task_runs)
}

/// The time limit that a cause names: `… within 1m30s: …`.
fn limit(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once(" within ")?;
    let mut seconds = 0;
    let mut number = 0;
    for c in rest.split(':').next()?.chars() {
        match c {
            '0'..='9' => number = number * 10 + u64::from(c.to_digit(10)?),
            'h' | 'm' | 's' => {
                seconds += number
                    * if c == 'h' {
                        3600
                    } else if c == 'm' {
                        60
                    } else {
                        1
                    };
                number = 0;
            }
            _ => return None,
        }
    }
    Some(Duration::from_secs(seconds))
}

/// Holds a reported cause against what happened.
fn failure(
    case: &Case<'_>,
    id: &str,
    begun: Option<Time>,
    text: &str,
    at: Time,
) -> Result<(), String> {
    let facts = &case.facts;
    if begun.is_none() && facts.closed().is_some() {
        // When it began was said to nobody.
        return Ok(());
    }
    let lag = before(at, facts.lag());
    let claim = |is_true: bool, why: &str| if is_true { Ok(()) } else { Err(why.to_owned()) };
    let silent = [
        "not restarted: no task was running",
        "not completely restarted",
        "outcome unknown, not repeated",
    ];
    let one_task = case.run.plot.command.tasks.len() < 2;
    if silent.iter().any(|it| text.contains(it)) && one_task {
        let well = begun.is_some_and(|begun| facts.holds(id, begun, lag));
        return claim(!well, "it ran again before");
    }
    if text.starts_with("not seen ") {
        // It may come between the limit and the line, which waits for the rest of the batch.
        let (Some(begun), Some(limit)) = (begun, limit(text)) else {
            return Err("it was never begun, or names no limit".to_owned());
        };
        let over = begun.plus(i64::try_from(limit.as_nanos()).unwrap());
        let well = facts.holds(id, begun, before(over.min(at), facts.lag()));
        // For how long checks have been good cannot be read afterwards.
        let blind = case.run.plot.command.healthy && !case.run.reads_go_well();
        claim(!well || !one_task || blind, "it ran again before")?;
        // What has failed for good is told when it has, not when the time is over.
        let last = facts.chain(id, over).last().copied().unwrap_or(id);
        let held = facts.held(last, over.min(at), Duration::from_secs(20));
        let failed = held
            .iter()
            .all(|it| it.client == ClientStatus::Failed && it.followup_eval.is_empty());
        return claim(
            !case.run.reads_go_well() || !failed,
            "it has failed long before",
        );
    }
    if text.contains("unhealthy: ") || text.ends_with("unhealthy") {
        let last = facts.chain(id, at).last().copied();
        let found = last.is_some_and(|last| facts.found(last, false, at));
        return claim(found, "Nomad has not found it unhealthy");
    }
    if text.contains("does not stay up") {
        let starts = begun.map_or(0, |begun| facts.starts(id, begun, at));
        // The last start may be still to come, after the restart policy's delay.
        return claim(starts >= 2, "it was not started again and again");
    }
    if text.starts_with("replaced by ") {
        let replaced = !facts.chain(id, at).is_empty();
        return claim(replaced, "nothing has replaced it");
    }
    if text.contains("its node is lost") {
        return claim(facts.had_status(id, "lost", at), "it was not lost");
    }
    if text.starts_with("task ") && text.contains(" failed")
        || text.starts_with("the allocation failed")
    {
        return claim(facts.failed(id, at), "nothing in it has failed");
    }
    if text.contains("the job was stopped meanwhile")
        || text.contains("the job was purged meanwhile")
    {
        let ended = case.run.plot.actors.iter().any(|(_, actor)| {
            use crate::seeds::plot::Actor::{PurgeJob, StopJob};
            matches!(actor, StopJob | PurgeJob)
        });
        return claim(ended, "nobody has stopped the job");
    }
    if text.contains("is not replaced") || text.contains("nothing has replaced it") {
        let chain = facts.chain(id, lag);
        let last = chain.last().copied().unwrap_or(id);
        return claim(
            case.run.truth.allocations[last].replaced_by.is_none()
                || facts.chain(id, lag).is_empty(),
            "it was replaced",
        );
    }
    // Without a call; what the node answers it must know.
    if text.ends_with(": Task not running") && one_task {
        let begun = begun.unwrap_or(at);
        let up = facts.held(id, begun, facts.lag()).iter().all(|it| {
            let states = it.task_states.as_ref();
            case.run.plot.command.tasks.iter().all(|task| {
                states
                    .and_then(|it| it.get(*task))
                    .is_some_and(|state| serde_json::to_value(state.state).unwrap() == "running")
            })
        });
        return claim(!up, "the task ran");
    }
    Ok(())
}
