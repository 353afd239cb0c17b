//! How long the run will still take, judged by what it has taken so far. Only for the eyes of somebody who waits: nothing depends on it.

use std::time::Duration;

use tokio::time::Instant;

/// When the run will have ended, if it goes on as before.
#[derive(Debug)]
pub(crate) struct Estimate {
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
pub(crate) struct Look {
    /// A question is open.
    pub(crate) asking: bool,
    /// How many need no more attention.
    pub(crate) settled: usize,
    /// How many do.
    pub(crate) left: usize,
    pub(crate) in_flight: usize,
    /// Which batch, from 1, and of how many. `None` = in a sliding window.
    pub(crate) batch: Option<(usize, usize)>,
}

impl Estimate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last: now,
            active: Duration::ZERO,
            settled: 0,
            batch: 1,
            widest: 0,
            end: None,
        }
    }

    /// Takes note of how things stand now. `None` while nothing can be said about the end.
    pub(crate) fn look(&mut self, now: Instant, look: &Look) -> Option<Instant> {
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
        // To the nearest one: a third of a time is not exact.
        Some((end.saturating_duration_since(at) + Duration::from_millis(500)).as_secs())
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
