//! Runs that are killed at any moment, and continued from their start: nothing is missed, and only what was in flight may be touched twice.

use std::time::Duration;

use nomad_sim::model::Time;

use super::checks::wanted;
use super::dice::Dice;
use super::facts::Facts;
use super::plot::{Plot, Wait, When};
use super::stage::{Killed, perform_killed};
use super::trace;

/// A scene in which nobody else interferes, and nobody is asked.
fn draw(seed: u64) -> (Plot, When, Duration) {
    let mut plot = Plot::draw(seed);
    plot.terminal = false;
    plot.answers.clear();
    plot.actors.clear();
    plot.signals.clear();
    plot.stdout_lines = None;
    plot.rewind = None;
    plot.deploying = None;
    let command = &mut plot.command;
    command.yes |= command.on_error != Some("fail");
    command.on_error = command.on_error.filter(|it| *it == "fail");
    command.wait = command.wait.filter(|wait| !matches!(wait, Wait::Ask));
    command.dry_run = false;
    command.started_before = None;
    command.older_than = None;
    let dice = &mut Dice::new(seed.rotate_left(32) | 1);
    let when = When::draw(dice, plot.allocations());
    let gap = dice.spread(Duration::from_millis(1), Duration::from_secs(30));
    (plot, when, gap)
}

/// Kills and continues the run of a seed; the error is the scene and what was broken.
pub(super) fn run(seed: u64) -> Result<(), String> {
    let (plot, when, gap) = draw(seed);
    let scene = format!("{plot}  killed {when}, continued after {gap:?}\n");
    let killed = perform_killed(plot, when, gap);
    let broken = check(&killed);
    if broken.is_empty() {
        return Ok(());
    }
    let second = killed.second.map(|second| second.log).unwrap_or_default();
    let mut run = killed.run;
    let first = trace::transcript(&run);
    run.log = second;
    Err(format!(
        "{scene}  ! {}\n{first}and then\n{}",
        broken.join("\n  ! "),
        trace::transcript(&run)
    ))
}

fn check(killed: &Killed) -> Vec<String> {
    let Killed { run, second } = killed;
    let Some(second) = second else {
        // It was over before.
        return Vec::new();
    };
    let facts = Facts::of(run);
    let mut broken = Vec::new();
    if second.code.is_none() {
        return vec![format!("it did not end within {:?}", run.bound)];
    }
    if run.plot.calm && second.code != Some(0) {
        broken.push(format!("exit code {:?} of a calm run", second.code));
    }
    for (id, alloc) in &run.truth.allocations {
        let writes = alloc
            .writes
            .iter()
            .copied()
            .filter(|index| *index >= run.before);
        let taken = writes.filter(|index| run.truth.writes[*index].accepted);
        let (first, again): (Vec<usize>, Vec<usize>) =
            taken.partition(|index| *index < second.before);
        let begun = first.first().map(|index| run.truth.writes[*index].time);
        if let (Some(begun), false) = (begun, again.is_empty())
            && facts.reached(id, before(begun), run.ended)
        {
            broken.push(format!("{id} was done, and was touched again"));
        }
        if alloc.created > run.started && !again.is_empty() && run.plot.command.reschedule {
            broken.push(format!("{id}, which is a replacement, was touched"));
        }
    }
    if second.code == Some(0) {
        for id in wanted(run) {
            let alloc = &run.truth.allocations[id];
            let untouched = facts.accepted(id).is_empty();
            // It may have been started again, or replaced, or ended by itself.
            let unchanged = alloc.replaced_by.is_none()
                && alloc.processes.values().flatten().all(|it| {
                    it.started.is_none_or(|at| at < run.started)
                        && it.ended.is_none_or(|at| at < run.started)
                });
            if untouched && unchanged {
                broken.push(format!("{id} was missed"));
            }
        }
    }
    broken
}

/// What began just before a moment.
fn before(at: Time) -> Time {
    at.plus(-1)
}
