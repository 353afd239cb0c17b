//! From a number to a scene.

mod command;
mod extras;
mod job;
mod trouble;

use std::time::Duration;

use nomad_sim::front::Outage;
use nomad_sim::model::Version;

use super::dice::Dice;
use super::plot::{Command, Plot, When};

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
        let mut groups = job::groups(dice, mood, kind, most);
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
            deploying: None,
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
        plot.command = command::command(dice, mood, &plot);
        let writes = plot.allocations();
        if mood.faults {
            plot.faults = (0..dice.within(1..=4))
                .map(|_| trouble::trouble(dice))
                .collect();
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
                .map(|_| (when(dice, writes), trouble::actor(dice, &plot)))
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
                (delay, command::reply(dice, mood))
            })
            .collect();
        extras::add(&mut Dice::new(!seed), mood, &mut plot);
        plot
    }
}

impl When {
    /// A moment of a run with so many writes.
    pub(super) fn draw(dice: &mut Dice, writes: usize) -> Self {
        when(dice, writes)
    }
}

fn when(dice: &mut Dice, writes: usize) -> When {
    let writes = u64::try_from(writes).unwrap();
    When {
        writes: usize::try_from(dice.within(0..=writes)).unwrap(),
        then: dice.spread(Duration::from_millis(1), secs(30)),
    }
}
