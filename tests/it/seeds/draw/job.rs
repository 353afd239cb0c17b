//! The groups of a job, their tasks, and how their processes behave.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Mood, secs};
use crate::seeds::dice::Dice;
use crate::seeds::plot::{Group, Part, Task};

pub(super) fn groups(dice: &mut Dice, mood: Mood, kind: &str, most: u64) -> Vec<Group> {
    let number = dice.weighted(&[(6, 1), (3, 2), (1, 3)]);
    ["web", "api", "db"][..number]
        .iter()
        .map(|name| {
            let count = dice.within(1..=most.div_ceil(number as u64));
            let count = u32::try_from(count).unwrap();
            Group {
                name,
                count,
                tasks: tasks(dice, mood, kind, count),
                shutdown_delay: dice.weighted(&[(8, Duration::ZERO), (1, secs(2)), (1, secs(7))]),
                restarts: dice.pick(&[2, 2, 1, 4]),
                mode: dice.pick(&["fail", "fail", "delay"]),
                reschedules: dice.pick(&[Some(0), Some(2), None]),
            }
        })
        .collect()
}

fn tasks(dice: &mut Dice, mood: Mood, kind: &str, count: u32) -> Vec<Task> {
    let mut tasks = vec![task(dice, mood, "app", Part::Main, count)];
    for (percent, name, part) in [
        (15, "log", Part::Main),
        (20, "init", Part::Prestart),
        (15, "proxy", Part::Sidecar),
        (8, "warm", Part::Poststart),
        (8, "clean", Part::Poststop),
    ] {
        if dice.chance(percent) {
            tasks.push(task(dice, mood, name, part, count));
        }
    }
    if kind == "batch" && mood.failing && dice.chance(50) {
        // Some of its work is done before, or just when, or soon after the program begins.
        let run_for = dice.within(5..=120);
        tasks[0]
            .rules
            .push(json!({"index": dice.index(count as usize), "start": 1,
            "run_for": format!("{run_for}s"), "exit_code": 0}));
        if dice.chance(50) {
            tasks[0]
                .rules
                .push(json!({"start_from": 2, "run_for": "3s", "exit_code": 0}));
        }
    }
    tasks
}

fn task(dice: &mut Dice, mood: Mood, name: &'static str, part: Part, count: u32) -> Task {
    let (median, sigma) = dice.pick(&[(100, 0.0), (1000, 0.0), (1000, 0.5), (3000, 0.8)]);
    let exit = dice.pick(&[50, 500, 2000]);
    let mut rules = Vec::new();
    let times = |dice: &mut Dice| {
        let start = dice.lognormal(median, sigma, 20_000);
        let exit = dice.lognormal(exit, 0.4, 4000);
        json!({"start_block_for": format!("{start}ms"), "kill_after": format!("{exit}ms")})
    };
    rules.push(times(dice));
    if sigma > 0.0 {
        for index in 0..count.min(40) {
            let mut rule = times(dice);
            rule["index"] = index.into();
            rules.push(rule);
        }
    }
    if matches!(part, Part::Prestart | Part::Poststart | Part::Poststop) {
        let run_for = dice.lognormal(800, 0.6, 5000);
        rules.push(json!({"run_for": format!("{run_for}ms"), "exit_code": 0}));
    } else if mood.failing && dice.chance(60) {
        let mut rule = failure(dice);
        // In some of them only.
        if count > 1 && dice.chance(60) {
            rule["index"] = dice.index(count as usize).into();
        }
        rules.push(rule);
    }
    Task {
        name,
        part,
        kill_timeout: secs(5),
        shutdown_delay: dice.weighted(&[(9, Duration::ZERO), (1, secs(1))]),
        rules,
        checks: Vec::new(),
    }
}

/// How a process fails.
fn failure(dice: &mut Dice) -> Value {
    let start = dice.within(2..=3);
    let soon = format!("{}ms", dice.lognormal(700, 1.0, 20_000));
    match dice.within(0..=9) {
        // After its restart, for good or once.
        0 | 1 => json!({"start_from": 2, "run_for": soon, "exit_code": 3}),
        2 => json!({"start": start, "run_for": soon, "exit_code": 1}),
        3 => json!({"start_from": 2, "start_error": "image not found"}),
        4 => {
            json!({"start": start, "start_error": "registry is busy", "start_error_recoverable": true})
        }
        5 => json!({"replacement": true, "start_error": "image not found"}),
        6 => json!({"replacement": true, "run_for": soon, "exit_code": 2}),
        // By itself, at about the time of the run.
        7 => json!({"start": 1, "run_for": format!("{}s", dice.within(30..=150)), "exit_code": 1}),
        8 => json!({"ignore_signal": true, "kill_code": 137}),
        // Very slow to start again.
        _ => json!({"start": 2, "start_block_for": format!("{}s", dice.within(30..=200))}),
    }
}
