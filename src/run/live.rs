//! What the live block is drawn from, where there is one, and Ctrl-Z, which takes it away.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use super::context::Context;
use super::interrupt::Suspensions;
use crate::report::{Reporter, Snapshot, Turn};
use crate::rules::estimate::{Estimate, Look};

/// Goes on until it is dropped; then the block goes too. `allocations`: all that are to be restarted.
pub(super) async fn show(context: &Arc<Context>, allocations: usize) -> Infallible {
    let reporter = &context.reporter;
    if !reporter.shows_live() {
        return std::future::pending().await;
    }
    let looked_at = Arc::clone(context);
    let started = Instant::now();
    let mut estimate = Estimate::new(started);
    reporter.show(Some(Box::new(move |now| {
        snapshot(&looked_at, allocations, started, &mut estimate, now)
    })));
    let _gone = Gone(reporter);
    let mut suspensions = Suspensions::listen();
    loop {
        suspensions.next().await;
        reporter.stop_process();
    }
}

/// How the run stands, without a copy of more than is shown.
fn snapshot(
    context: &Context,
    allocations: usize,
    started: Instant,
    estimate: &mut Estimate,
    now: Instant,
) -> Snapshot {
    let (settled, failed) = context.ledger().settled();
    let (in_flight, rows) = context.board.oldest();
    let turn = context.board.turn();
    let expected_end = estimate.look(
        now,
        &Look {
            settled,
            left: allocations.saturating_sub(settled),
            in_flight,
            batch: match turn {
                Some(Turn::Batch { number, of }) => Some((number, of)),
                Some(Turn::Window { .. }) | None => None,
            },
        },
    );
    Snapshot {
        started,
        expected_end,
        allocations,
        settled,
        failed,
        turn: turn.filter(|turn| tells(*turn, allocations)),
        in_flight,
        rows,
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
