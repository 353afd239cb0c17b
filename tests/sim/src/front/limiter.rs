//! How many connections one client may have: 100 on a real agent. What is beyond that is told so, or
//! turned away without a word (recording h01).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Refusals with an answer that may come at once.
const BURST: f64 = 100.0;
/// Refusals with an answer per second after that.
const PER_SECOND: f64 = 10.0;

/// What is answered to a connection beyond the limit, newline included.
pub(crate) const TOO_MANY: &str =
    "Your IP is issuing too many concurrent connections, please rate limit your calls\n";

/// Counts connections by client; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limiter {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug)]
struct Counts {
    /// `None` is unlimited.
    limit: Option<usize>,
    open: HashMap<IpAddr, usize>,
    most: usize,
    turned_away: usize,
    /// Answers that refusals may still have, and when that was counted.
    budget: f64,
    counted: Option<Instant>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            limit: None,
            open: HashMap::new(),
            most: 0,
            turned_away: 0,
            budget: BURST,
            counted: None,
        }
    }
}

/// Whether a connection is let in.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Until all clones of the slot are gone.
    Open(Slot),
    /// Answer 429 and close.
    Told,
    /// Close.
    Closed,
}

/// The place of one connection among its client's. It is free again when its last clone is dropped:
/// a call whose client has hung up keeps one until its handler returns.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    limiter: Limiter,
    client: IpAddr,
    given_back: AtomicBool,
}

impl Limiter {
    /// Lets each client have so many connections, or any number.
    pub(crate) fn set(&self, limit: Option<usize>) {
        self.with(|counts| counts.limit = limit);
    }

    /// A client opens a connection.
    pub(crate) fn admit(&self, client: IpAddr) -> Admission {
        self.with(|counts| {
            let open = counts.open.entry(client).or_default();
            if counts.limit.is_none_or(|limit| *open < limit) {
                *open += 1;
                counts.most = counts.most.max(*open);
                let limiter = self.clone();
                return Admission::Open(Slot {
                    place: Arc::new(Place {
                        limiter,
                        client,
                        given_back: AtomicBool::new(false),
                    }),
                });
            }
            counts.turned_away += 1;
            if counts.may_tell() {
                Admission::Told
            } else {
                Admission::Closed
            }
        })
    }

    /// The most connections that one client had at once.
    pub(crate) fn most(&self) -> usize {
        self.with(|counts| counts.most)
    }

    /// Connections that were not let in.
    pub(crate) fn turned_away(&self) -> usize {
        self.with(|counts| counts.turned_away)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Counts) -> T) -> T {
        f(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    /// Takes one from the budget of refusals with an answer.
    fn may_tell(&mut self) -> bool {
        let now = Instant::now();
        let since = self.counted.map_or(0.0, |at| (now - at).as_secs_f64());
        self.counted = Some(now);
        self.budget = (self.budget + since * PER_SECOND).min(BURST);
        let may = self.budget >= 1.0;
        if may {
            self.budget -= 1.0;
        }
        may
    }
}

impl Slot {
    /// Frees the place although the connection goes on, as that of an event stream does.
    pub(crate) fn give_back(&self) {
        self.place.give_back();
    }
}

impl Place {
    fn give_back(&self) {
        if self.given_back.swap(true, Ordering::Relaxed) {
            return;
        }
        self.limiter.with(|counts| {
            if let Some(open) = counts.open.get_mut(&self.client) {
                *open -= 1;
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn refusals_are_told_in_a_burst_and_then_ten_a_second() {
        // h01: of 300 at once 95 after 5 others; then 21 of 40 at 20 a second.
        let limiter = Limiter::default();
        limiter.set(Some(0));
        let told = |n: usize| {
            let all = (0..n).map(|_| limiter.admit(CLIENT));
            all.filter(|it| matches!(it, Admission::Told)).count()
        };
        assert_eq!((told(5), told(300)), (5, 95));
        let mut later = 0;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            later += told(1);
        }
        assert_eq!((later, limiter.turned_away()), (20, 345));
    }

    #[tokio::test]
    async fn a_place_is_free_when_its_last_holder_is_gone() {
        let limiter = Limiter::default();
        limiter.set(Some(1));
        let Admission::Open(slot) = limiter.admit(CLIENT) else {
            panic!("the first one");
        };
        let handler = slot.clone();
        drop(slot);
        assert!(!matches!(limiter.admit(CLIENT), Admission::Open(_)));
        let other = IpAddr::from([10, 0, 0, 2]);
        assert!(matches!(limiter.admit(other), Admission::Open(_)));
        drop(handler);
        assert!(matches!(limiter.admit(CLIENT), Admission::Open(_)));
        assert_eq!(limiter.most(), 1);
    }
}
