//! Hands the live block what it is drawn from, a few times a second and only where there is one.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::context::Context;
use super::interrupt::Desk;
use crate::report::{Reporter, Snapshot};

const TICK: Duration = Duration::from_millis(250);

/// Goes on until it is dropped; then the block goes too.
pub(super) async fn show(context: &Context, desk: &Desk, allocations: usize) -> Infallible {
    if !context.reporter.shows_live() {
        return std::future::pending().await;
    }
    let _gone = Gone(&context.reporter);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let started = Instant::now();
    let mut estimate = Estimate::new(started);
    loop {
        tick.tick().await;
        let (settled, failed) = context.ledger().settled();
        let (in_flight, rows) = context.board.oldest();
        let batch = context.board.batch();
        let expected_end = estimate.look(
            Instant::now(),
            &Look {
                asking: desk.is_open(),
                settled,
                left: allocations.saturating_sub(settled),
                in_flight,
                batch,
            },
        );
        context.reporter.show(Some(Snapshot {
            started: started.into_std(),
            expected_end: expected_end.map(Instant::into_std),
            allocations,
            settled,
            failed,
            batch: batch.filter(|(_, of)| (2..allocations).contains(of)),
            in_flight,
            rows,
        }));
    }
}

struct Gone<'a>(&'a Reporter);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.show(None);
    }
}

/// When the run will have ended, if it goes on as before.
#[derive(Debug)]
struct Estimate {
    last: Instant,
    /// Time so far, without that in which a question was open.
    active: Duration,
    settled: usize,
    batch: usize,
    /// The most that were in flight at once: before so many have ended nothing is known of how long one takes.
    widest: usize,
    end: Option<Instant>,
}

/// What an estimate depends on.
#[derive(Clone, Copy, Debug)]
struct Look {
    asking: bool,
    settled: usize,
    left: usize,
    in_flight: usize,
    batch: Option<(usize, usize)>,
}

impl Estimate {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            active: Duration::ZERO,
            settled: 0,
            batch: 1,
            widest: 0,
            end: None,
        }
    }

    fn look(&mut self, now: Instant, look: &Look) -> Option<Instant> {
        let passed = now.saturating_duration_since(self.last);
        self.last = now;
        if look.asking {
            self.end = self.end.and_then(|end| end.checked_add(passed));
        } else {
            self.active += passed;
        }
        self.widest = self.widest.max(look.in_flight);
        // The members of a batch end together: how fast it goes shows when one batch gives way to the next.
        let tells = match look.batch {
            Some((number, of)) if of > 1 => std::mem::replace(&mut self.batch, number) != number,
            _ => look.settled != self.settled && look.settled >= self.widest,
        };
        self.settled = look.settled;
        if tells && let Ok(settled) = u32::try_from(look.settled) {
            let left = u32::try_from(look.left).unwrap_or(u32::MAX);
            self.end = self
                .active
                .checked_div(settled)
                .and_then(|each| each.checked_mul(left))
                .and_then(|rest| now.checked_add(rest));
        }
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(settled: usize, in_flight: usize, batch: Option<(usize, usize)>) -> Look {
        Look {
            asking: false,
            settled,
            left: 24 - settled,
            in_flight,
            batch,
        }
    }

    /// Seconds from the look on.
    fn rest(estimate: &mut Estimate, at: Instant, look: &Look) -> Option<u64> {
        let end = estimate.look(at, look)?;
        Some(end.saturating_duration_since(at).as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn batches_tell_when_one_gives_way_to_the_next() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut estimate = Estimate::new(start);
        for (seconds, settled, batch, expected) in [
            (1, 0, 1, None),
            (9, 5, 1, None),
            (10, 6, 2, Some(30)),
            (15, 6, 2, Some(25)),
            (18, 11, 2, Some(22)),
            (30, 12, 3, Some(30)),
            // Overdue.
            (70, 12, 3, Some(0)),
        ] {
            let look = look(settled, 6, Some((batch, 4)));
            let rest = rest(&mut estimate, at(seconds), &look);
            assert_eq!(rest, expected, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_batches_as_many_must_have_ended_as_were_in_flight() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut estimate = Estimate::new(start);
        for (seconds, settled, expected) in [
            (1, 0, None),
            (10, 3, None),
            (12, 4, Some(60)),
            (13, 4, Some(59)),
        ] {
            let rest = rest(&mut estimate, at(seconds), &look(settled, 4, None));
            assert_eq!(rest, expected, "{seconds}");
        }
        // All at once: there is nothing to learn from.
        let mut estimate = Estimate::new(start);
        let all = look(20, 24, Some((1, 1)));
        assert_eq!(rest(&mut estimate, at(10), &all), None);
    }

    #[tokio::test(start_paused = true)]
    async fn time_with_an_open_question_does_not_count() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut estimate = Estimate::new(start);
        let asking = Look {
            asking: true,
            ..look(1, 0, Some((1, 24)))
        };
        assert_eq!(rest(&mut estimate, at(2), &look(0, 1, Some((1, 24)))), None);
        assert_eq!(rest(&mut estimate, at(600), &asking), None);
        let next = look(1, 1, Some((2, 24)));
        assert_eq!(rest(&mut estimate, at(600), &next), Some(46));
        let asking = Look {
            batch: Some((2, 24)),
            ..asking
        };
        assert_eq!(rest(&mut estimate, at(700), &asking), Some(46));
    }
}
