//! How long the run will still take, judged by what it has taken so far. Only for the eyes of somebody who waits: nothing depends on it.

use std::time::{Duration, Instant};

/// Looks are closer to each other. If they are not, nobody waited meanwhile (a question was open, the process was stopped): what is
/// longer does not count.
const LONGEST: Duration = Duration::from_secs(1);

/// When the run will have ended, if it goes on as before.
#[derive(Debug)]
pub(crate) struct Estimate {
    last: Instant,
    /// Time so far, as far as it counts.
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
        let counted = passed.min(LONGEST);
        self.active += counted;
        self.end = self
            .end
            .and_then(|end| end.checked_add(passed.saturating_sub(counted)));
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
            settled,
            left: 24 - settled,
            in_flight,
            batch,
        }
    }

    /// A run that is looked at every quarter of a second.
    struct Watched {
        start: Instant,
        now: Instant,
        estimate: Estimate,
    }

    impl Watched {
        fn new() -> Self {
            let start = Instant::now();
            Self {
                start,
                now: start,
                estimate: Estimate::new(start),
            }
        }

        /// How it looks until so many seconds after the start. Gives the seconds that are left then, to the nearest one.
        fn until(&mut self, seconds: u64, look: &Look) -> Option<u64> {
            let mut end = None;
            while self.now < self.start + Duration::from_secs(seconds) {
                self.now += Duration::from_millis(250);
                end = self.estimate.look(self.now, look);
            }
            let left = end?.saturating_duration_since(self.now) + Duration::from_millis(500);
            Some(left.as_secs())
        }
    }

    #[test]
    fn batches_tell_when_one_gives_way_to_the_next() {
        let mut run = Watched::new();
        for (until, settled, batch, expected) in [
            (8, 0, 1, None),
            (10, 5, 1, None),
            // Six took ten seconds.
            (11, 6, 2, Some(30)),
            (15, 6, 2, Some(26)),
            (18, 11, 2, Some(23)),
            (30, 11, 2, Some(11)),
            (31, 12, 3, Some(29)),
            // Overdue.
            (70, 12, 3, Some(0)),
        ] {
            let left = run.until(until, &look(settled, 6, Some((batch, 4))));
            assert_eq!(left, expected, "{until}");
        }
    }

    #[test]
    fn without_batches_as_many_must_have_ended_as_were_in_flight() {
        let mut run = Watched::new();
        for (until, settled, expected) in [
            (1, 0, None),
            (12, 3, None),
            // Four took twelve seconds.
            (13, 4, Some(61)),
            (23, 4, Some(51)),
        ] {
            let left = run.until(until, &look(settled, 4, None));
            assert_eq!(left, expected, "{until}");
        }
        // All at once: there is nothing to learn from.
        let mut run = Watched::new();
        assert_eq!(run.until(10, &look(20, 24, Some((1, 1)))), None);
    }

    #[test]
    fn what_nobody_waited_for_does_not_count() {
        let mut run = Watched::new();
        run.until(3, &look(0, 1, Some((1, 24))));
        // A question was open for an hour, of which a second counts.
        run.now += Duration::from_secs(3600);
        run.start += Duration::from_secs(3600);
        assert_eq!(run.until(4, &look(1, 1, Some((2, 24)))), Some(4 * 23 - 1));
        run.now += Duration::from_secs(3600);
        run.start += Duration::from_secs(3600);
        let left = run.until(5, &look(1, 1, Some((2, 24))));
        assert_eq!(left, Some(4 * 23 - 2));
    }
}
