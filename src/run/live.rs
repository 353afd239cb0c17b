//! Hands the live block what it is drawn from, a few times a second and only where there is one, and takes it away at Ctrl-Z.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::context::Context;
use super::interrupt::{Desk, Suspensions};
use crate::report::{Reporter, Snapshot, Turn};
use crate::rules::estimate::{Estimate, Look};

const TICK: Duration = Duration::from_millis(250);

/// Goes on until it is dropped; then the block goes too. `allocations`: all that are to be restarted.
pub(super) async fn show(context: &Context, desk: &Desk, allocations: usize) -> Infallible {
    let reporter = &context.reporter;
    if !reporter.shows_live() {
        return std::future::pending().await;
    }
    let _gone = Gone(reporter);
    let mut suspensions = Suspensions::listen();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let started = Instant::now();
    let mut estimate = Estimate::new(started);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = suspensions.next() => {
                reporter.stop_process();
                continue;
            }
        }
        let (settled, failed) = context.ledger().settled();
        let (in_flight, rows) = context.board.oldest();
        let turn = context.board.turn();
        let expected_end = estimate.look(
            Instant::now(),
            &Look {
                asking: desk.is_open(),
                settled,
                left: allocations.saturating_sub(settled),
                in_flight,
                batch: match turn {
                    Some(Turn::Batch { number, of }) => Some((number, of)),
                    Some(Turn::Window { .. }) | None => None,
                },
            },
        );
        reporter.show(Some(Snapshot {
            started: started.into_std(),
            expected_end: expected_end.map(Instant::into_std),
            allocations,
            settled,
            failed,
            turn: turn.filter(|turn| tells(*turn, allocations)),
            in_flight,
            rows,
        }));
    }
}

/// Whether it says something that the count of the allocations does not say.
fn tells(turn: Turn, allocations: usize) -> bool {
    match turn {
        Turn::Batch { of, .. } => (2..allocations).contains(&of),
        Turn::Window { at_once } => (2..allocations).contains(&at_once),
    }
}

struct Gone<'a>(&'a Reporter);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.show(None);
    }
}
