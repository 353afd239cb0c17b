//! From a number to a scene.

use std::time::Duration;

use nomad_sim::front::{Fault, Outage};
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::dice::Dice;
use super::plot::{Actor, Batch, Command, Group, Part, Plot, Reply, Task, Trouble, Wait, When};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What may go wrong in a scene.
#[derive(Clone, Copy, Debug, Default)]
struct Mood {
    faults: bool,
    actors: bool,
    failing: bool,
    signals: bool,
    /// Answers other than those that go on.
    contrary: bool,
}

impl Mood {
    fn draw(dice: &mut Dice) -> Self {
        let calm = Self::default();
        let mixed = Self {
            faults: dice.chance(60),
            actors: dice.chance(60),
            failing: dice.chance(50),
            signals: dice.chance(40),
            contrary: dice.chance(40),
        };
        dice.weighted(&[
            (20, calm),
            (
                22,
                Self {
                    faults: true,
                    ..calm
                },
            ),
            (
                16,
                Self {
                    actors: true,
                    ..calm
                },
            ),
            (
                14,
                Self {
                    failing: true,
                    contrary: true,
                    ..calm
                },
            ),
            (
                8,
                Self {
                    signals: true,
                    contrary: true,
                    ..calm
                },
            ),
            (20, mixed),
        ])
    }

    fn is_calm(self) -> bool {
        !(self.faults || self.actors || self.failing || self.signals || self.contrary)
    }
}

impl Plot {
    /// The scene of this seed.
    pub(super) fn draw(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let mood = Mood::draw(dice);
        let version = dice.weighted(&[
            (6, Version::V2_0),
            (1, Version::V1_11_3),
            (1, Version::V1_11_2),
            (1, Version::V1_10),
            (1, Version::V1_8),
            (1, Version::V1_6),
        ]);
        let kind = dice.weighted(&[(60, "service"), (20, "batch"), (20, "system")]);
        let most = dice.weighted(&[(80, 6), (15, 20), (4, 60), (1, 200)]);
        let nodes = usize::try_from(dice.within(1..=4)).unwrap();
        let nodes = if kind == "system" { nodes + 1 } else { nodes };
        let mut groups = groups(dice, mood, kind, most);
        if kind == "system" && mood.is_calm() && version == Version::V1_11_2 {
            // Its evaluations of several groups end `failed`.
            groups.truncate(1);
        }
        let mut plot = Self {
            seed,
            calm: mood.is_calm(),
            version,
            nodes,
            namespace: if dice.chance(25) { "prod" } else { "default" },
            kind,
            groups,
            stream: dice.chance(70),
            chunk: dice.pick(&[16 * 1024, 1024, 100]),
            latency: Duration::from_millis(dice.pick(&[0, 0, 2, 40])),
            stopped_before: usize::from(dice.chance(20)),
            age: dice.spread(secs(20), secs(90)),
            command: Command::default(),
            terminal: dice.chance(35),
            answers: Vec::new(),
            faults: Vec::new(),
            outages: Vec::new(),
            rewind: None,
            actors: Vec::new(),
            signals: Vec::new(),
            stdout_lines: None,
        };
        plot.command = command(dice, mood, &plot);
        let writes = plot.allocations();
        if mood.faults {
            plot.faults = (0..dice.within(1..=4)).map(|_| trouble(dice)).collect();
            if dice.chance(30) {
                plot.outages.push((
                    when(dice, writes),
                    dice.pick(&[Outage::NoLeader, Outage::NoServers, Outage::Down]),
                    dice.spread(Duration::from_millis(500), secs(80)),
                ));
            }
            if dice.chance(8) {
                plot.rewind = Some((when(dice, writes), dice.within(1..=200)));
            }
        }
        if mood.actors {
            let number = dice.within(1..=3);
            plot.actors = (0..number)
                .map(|_| (when(dice, writes), actor(dice, &plot)))
                .collect();
        }
        if mood.signals {
            let number = dice.weighted(&[(6, 1), (2, 2), (1, 3)]);
            plot.signals = (0..number)
                .map(|_| (when(dice, writes), dice.pick(&[1, 2, 2, 15])))
                .collect();
        }
        if mood.signals && dice.chance(20) {
            plot.stdout_lines = Some(dice.index(12));
        }
        plot.answers = (0..dice.within(0..=6))
            .map(|_| {
                let delay = dice.spread(Duration::from_millis(10), secs(60));
                (delay, reply(dice, mood))
            })
            .collect();
        plot
    }
}

fn when(dice: &mut Dice, writes: usize) -> When {
    let writes = u64::try_from(writes).unwrap();
    When {
        writes: usize::try_from(dice.within(0..=writes)).unwrap(),
        then: dice.spread(Duration::from_millis(1), secs(30)),
    }
}

fn groups(dice: &mut Dice, mood: Mood, kind: &str, most: u64) -> Vec<Group> {
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

fn command(dice: &mut Dice, mood: Mood, plot: &Plot) -> Command {
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

fn reply(dice: &mut Dice, mood: Mood) -> Reply {
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

fn actor(dice: &mut Dice, plot: &Plot) -> Actor {
    let node = dice.index(plot.nodes);
    let nth = dice.index(plot.allocations());
    let group = dice.index(plot.groups.len());
    let group = &plot.groups[group];
    let later = dice.spread(secs(2), secs(120));
    match dice.within(0..=19) {
        0..=2 => Actor::Drain(node, later),
        3 => Actor::Ineligible(node),
        4..=6 => Actor::KillAgent(node, later),
        7 => Actor::PurgeNode(node),
        8 | 9 => Actor::Update,
        10 | 11 if plot.kind != "system" => {
            let count = dice.within(0..=u64::from(group.count) + 2);
            Actor::Scale(group.name, u32::try_from(count).unwrap())
        }
        12 => Actor::StopJob,
        13 => Actor::PurgeJob,
        10 | 11 | 14 | 15 => Actor::Restart(nth),
        16 | 17 => Actor::Stop(nth),
        18 if plot.command.token => Actor::Revoke,
        _ => Actor::Evaluate,
    }
}

fn trouble(dice: &mut Dice) -> Trouble {
    let write = dice.chance(50);
    let path = if write {
        dice.pick(&["/restart", "/stop", "/evaluate", "/restart", "/stop", ""])
    } else {
        dice.pick(&[
            "/allocations",
            "/v1/allocation/",
            "/v1/job/web",
            "/deployment",
            "/evaluation",
            "/versions",
            "",
        ])
    };
    let first = dice.lognormal(3, 0.9, 40).max(1);
    let length = dice.weighted(&[(6, 1), (3, 2), (2, 4), (1, 12)]);
    Trouble {
        path,
        write,
        calls: first..=first + length - 1,
        fault: fault(dice, write),
    }
}

fn fault(dice: &mut Dice, write: bool) -> Fault {
    let text = |text: &str| text.to_owned();
    let short = dice.spread(Duration::from_millis(5), secs(20));
    let cut = dice.index(1500);
    match dice.within(0..=19) {
        0 => Fault::Status(
            500,
            text(
                "rpc error: failed to get conn: dial tcp 10.0.0.1:4647: connect: connection refused",
            ),
        ),
        1 => Fault::Status(500, text("No cluster leader")),
        2 => Fault::Status(429, text("Too many requests")),
        3 => Fault::Html(502, text("Bad Gateway")),
        4 => Fault::Html(503, text("Service Unavailable")),
        5 | 6 => Fault::StatusAfter(504, text("upstream request timeout")),
        7 => Fault::Refused,
        8 => Fault::Busy,
        9 => Fault::Closed,
        10 => Fault::ResetBefore,
        11 | 12 => Fault::ResetAfter,
        13 => Fault::Cut(cut),
        14 => Fault::Garbage(
            dice.pick(&["{", "<html>", "null", "[]", "{}", "\"\"", ""])
                .into(),
        ),
        15 if !write => Fault::StallAfter(cut),
        16 if !write => Fault::NoIndex,
        17 => Fault::Delay(short),
        18 => Fault::DelayAnswer(short),
        _ => Fault::Drip(200, Duration::from_millis(20)),
    }
}
