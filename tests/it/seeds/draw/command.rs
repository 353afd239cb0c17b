//! The command line, and what the operator answers.

use super::{Mood, secs};
use crate::seeds::dice::Dice;
use crate::seeds::plot::{Batch, Command, Plot, Reply, Wait};

pub(super) fn command(dice: &mut Dice, mood: Mood, plot: &Plot) -> Command {
    let all = plot.allocations();
    let mut command = Command {
        verbose: dice.chance(50),
        token: dice.chance(20),
        yes: !plot.terminal || dice.chance(25),
        reschedule: dice.chance(45),
        ..Command::default()
    };
    command.batch = match dice.within(0..=9) {
        0..=2 => None,
        3..=6 => Some(Batch::Count(dice.index(all + 1) + 1)),
        _ => Some(Batch::Percent(dice.pick(&[1, 10, 25, 34, 50, 100, 150]))),
    };
    if all > 30 && command.batch.is_none() {
        command.batch = Some(Batch::Percent(20));
    }
    command.wait = match dice.within(0..=9) {
        0 | 1 => Some(Wait::For(secs(dice.within(1..=60)))),
        2..=4 if plot.terminal => Some(Wait::Ask),
        _ => None,
    };
    command.on_error = match dice.within(0..=5) {
        0 | 1 => Some("fail"),
        2 if plot.terminal => Some("ask"),
        _ => None,
    };
    if !plot.terminal && command.on_error == Some("fail") && dice.chance(50) {
        command.yes = false;
    }
    if plot.kind == "batch" && plot.calm && command.reschedule {
        // Refused on older servers otherwise.
        command.yes = true;
    }
    if plot.groups.len() > 1 && dice.chance(30) {
        command.groups = vec![plot.groups[dice.index(plot.groups.len())].name];
    }
    let chosen = command.groups.clone();
    if command.reschedule {
        command.no_shutdown_delay = dice.chance(25);
    } else if dice.chance(20) {
        command.all_tasks = true;
    } else if dice.chance(35) {
        let mut names: Vec<_> = plot
            .groups
            .iter()
            .filter(|group| chosen.is_empty() || chosen.contains(&group.name))
            .flat_map(|group| &group.tasks)
            .filter(|task| task.stays() || !plot.calm)
            .map(|task| task.name)
            .collect();
        names.dedup();
        command.tasks = vec![dice.pick(&names)];
        let second = dice.pick(&names);
        if dice.chance(40) && !command.tasks.contains(&second) {
            command.tasks.push(second);
        }
    }
    if !mood.is_calm() && dice.chance(40) {
        command.timeout = Some(secs(dice.pick(&[2, 5, 10, 20, 40, 90])));
    }
    if dice.chance(8) {
        let range = dice.within(0..=120);
        command.started_before = Some(20 - i64::try_from(range).unwrap());
    }
    let refused = command.wait.is_some_and(|wait| matches!(wait, Wait::Ask))
        || (plot.kind == "system" && command.reschedule);
    command.window = dice.chance(40) && !refused;
    command
}

pub(super) fn reply(dice: &mut Dice, mood: Mood) -> Reply {
    if !mood.contrary {
        return dice.pick(&[Reply::Yes, Reply::Yes, Reply::Empty, Reply::Pause(3)]);
    }
    dice.weighted(&[
        (8, Reply::Yes),
        (2, Reply::No),
        (2, Reply::Empty),
        (2, Reply::Pause(5)),
        (1, Reply::Nonsense),
        (1, Reply::End),
    ])
}
