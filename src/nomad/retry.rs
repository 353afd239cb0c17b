//! Repeating reads that failed for a reason that may pass.
//!
//! Writes are never repeated here: what a lost answer to a write means is for the caller to find out.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::ReadError;

/// How long a read is worth repeating, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Before anything was changed: someone waits at the terminal. Busy, leaderless and broken answers up to 20 s, an unreadable one
    /// twice more; what cannot be reached at all fails at once.
    Startup,
    /// While work is in flight: everything that may pass, for a minute from the first failure.
    Working,
}

const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// How often an unreadable answer is asked for again at start-up.
const UNREADABLE: u32 = 2;

impl Patience {
    fn limit(self) -> Duration {
        match self {
            Self::Startup => Duration::from_secs(20),
            Self::Working => Duration::from_secs(60),
        }
    }

    fn allows(self, error: &ReadError, unreadable: u32) -> bool {
        error.is_retryable()
            && match self {
                Self::Startup => {
                    !error.is_connect() && (!error.is_garbled() || unreadable <= UNREADABLE)
                }
                Self::Working => true,
            }
    }
}

/// A seed that differs from run to run.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one("jitter")
}

/// Where the jitter of the delays comes from.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Between three and five quarters of `delay`.
    fn spread(&mut self, delay: Duration) -> Duration {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let step = u32::try_from(bits % 513).unwrap_or_default();
        delay * (768 + step) / 1024
    }
}

/// Reads until it succeeds, fails for good, or patience ends; the last error is the result. `first_retry` is called once, before the
/// first repetition, with the reason for it.
pub(crate) async fn patiently<T, Read, Reading>(
    patience: Patience,
    mut jitter: Jitter,
    first_retry: impl FnOnce(&ReadError),
    mut read: Read,
) -> Result<T, ReadError>
where
    Read: FnMut() -> Reading,
    Reading: Future<Output = Result<T, ReadError>>,
{
    let began = Instant::now();
    let mut since = match patience {
        Patience::Startup => Some(began),
        Patience::Working => None,
    };
    let mut first_retry = Some(first_retry);
    let mut delay = FIRST_DELAY;
    let mut unreadable = 0;
    loop {
        let error = match read().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        unreadable += u32::from(error.is_garbled());
        let deadline = *since.get_or_insert_with(Instant::now) + patience.limit();
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !patience.allows(&error, unreadable) {
            return Err(error);
        }
        if let Some(first_retry) = first_retry.take() {
            first_retry(&error);
        }
        // The last attempt falls on the deadline.
        sleep(jitter.spread(delay).min(left)).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Delays between attempts of a caller that counts them itself: they double up to a limit, and are spread.
#[derive(Debug)]
pub(crate) struct Backoff {
    jitter: Jitter,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(jitter: Jitter) -> Self {
        Self {
            jitter,
            next: FIRST_DELAY,
        }
    }

    /// How long to wait before the next attempt.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let delay = self.jitter.spread(self.next);
        self.next = (self.next * 2).min(LONGEST_DELAY);
        delay
    }

    /// Begins anew, after a success.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST_DELAY;
    }
}

#[cfg(test)]
mod tests;
