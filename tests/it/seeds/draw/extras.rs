//! The options that `nomad job restart` does not have, with what they need of a job. They come from dice of their own, so that the rest of a
//! scene is what it is without them.

use std::time::Duration;

use serde_json::json;

use super::{Mood, secs};
use crate::seeds::dice::Dice;
use crate::seeds::plot::{Batch, Check, Plot, Task, Wait};

pub(super) fn add(dice: &mut Dice, mood: Mood, plot: &mut Plot) {
    if dice.chance(35) {
        return;
    }
    if dice.chance(50) {
        health(dice, mood, plot);
    }
    let command = &mut plot.command;
    if dice.chance(40) {
        command.json = true;
        // Nobody is asked.
        command.wait = command.wait.filter(|wait| !matches!(wait, Wait::Ask));
        if command.on_error != Some("fail") {
            command.on_error = None;
            command.yes = true;
        }
    }
    if command.started_before.is_none() && dice.chance(10) {
        command.older_than = Some(secs(dice.within(10..=120)));
    }
    if command.on_error != Some("fail") && dice.chance(30) {
        command.max_failures = Some(if dice.chance(60) {
            Batch::Count(dice.index(4))
        } else {
            Batch::Percent(dice.pick(&[0, 10, 34, 50, 100]))
        });
    }
    command.await_deployment = dice.chance(25);
    command.detailed = dice.chance(40);
    command.dry_run = dice.chance(8);
    let may_deploy = command.await_deployment || !plot.calm;
    if plot.kind == "service" && may_deploy && dice.chance(40) {
        plot.deploying = Some(dice.spread(Duration::from_millis(50), secs(10)));
    }
}

fn health(dice: &mut Dice, mood: Mood, plot: &mut Plot) {
    plot.command.healthy = true;
    if dice.chance(40) {
        plot.command.min_healthy = Some(secs(dice.pick(&[1, 3, 12])));
    }
    for group in &mut plot.groups {
        if !dice.chance(70) {
            continue;
        }
        for task in group.tasks.iter_mut().filter(|task| task.stays()) {
            if dice.chance(70) {
                checks(dice, mood, task);
            }
        }
    }
}

fn checks(dice: &mut Dice, mood: Mood, task: &mut Task) {
    let number = dice.weighted(&[(3, 1), (1, 2)]);
    task.checks = (0..number)
        .map(|_| Check {
            http: dice.chance(70),
            interval: secs(dice.within(1..=3)),
            counts: dice.chance(85),
        })
        .collect();
    let listens = dice.lognormal(800, 0.8, 8000);
    task.rules
        .push(json!({"listens_after": format!("{listens}ms")}));
    if !dice.chance(40) {
        return;
    }
    // After its restart, or in a replacement, for a while or for good.
    let mut rule = if dice.chance(50) {
        json!({"start_from": 2})
    } else {
        json!({"replacement": true})
    };
    if mood.failing && dice.chance(25) {
        rule["check_code"] = 500.into();
        rule["check_output"] = "not ready\nstack".into();
    } else {
        let after = dice.within(0..=9000);
        rule["ill_after"] = format!("{after}ms").into();
        if !mood.failing || dice.chance(80) {
            let length = dice.within(4..=15);
            rule["ill_for"] = format!("{length}s").into();
        }
    }
    task.rules.push(rule);
}
