//! What other people do, and which calls go wrong and how.

use std::time::Duration;

use nomad_sim::front::Fault;

use super::secs;
use crate::seeds::dice::Dice;
use crate::seeds::plot::{Actor, Plot, Trouble};

pub(super) fn actor(dice: &mut Dice, plot: &Plot) -> Actor {
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

pub(super) fn trouble(dice: &mut Dice) -> Trouble {
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
