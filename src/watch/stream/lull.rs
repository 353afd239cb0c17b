//! Whether a silent stream has nothing to tell, or is dead.
//!
//! A server drops a reader that falls behind without a word, and closes the connection up to a minute later (CLAIMS 2, 3). With work in
//! flight that is too long, so while no events come one allocation in flight is read now and then: what that read finds new, the stream
//! has to tell as well within a moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::nomad::json::AllocId;
use crate::watch::shared::Shared;
use crate::watch::targeted;

const FIRST_PROBE: Duration = Duration::from_secs(2);
const LONGEST_PROBE: Duration = Duration::from_secs(30);
/// How long the stream may lag behind a read.
const LAG: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(500);

/// What is known of the stream's silence.
#[derive(Debug)]
pub(super) struct Lull {
    /// When events came last, or a probe was sent.
    since: Instant,
    /// How long a silence lasts until the next probe.
    patience: Duration,
    next: Instant,
    /// An index that a read found and the stream has not told of, and until when it has to.
    missed: Option<(u64, Instant)>,
}

impl Lull {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            patience: FIRST_PROBE,
            next: now + LOOK,
            missed: None,
        }
    }

    /// Events of this index came.
    pub(super) fn heard(&mut self, index: u64, now: Instant) {
        self.since = now;
        self.patience = FIRST_PROBE;
        self.missed = match self.missed {
            // It comes, if slowly.
            Some((missed, _)) if missed > index => Some((missed, now + LAG)),
            _ => None,
        };
    }

    /// A read found news of this index.
    pub(super) fn missed(&mut self, index: u64, now: Instant) {
        self.missed = Some((index, now + LAG));
    }

    /// When to look next.
    pub(super) fn next(&self) -> Instant {
        match self.missed {
            Some((_, until)) => until.min(self.next),
            None => self.next,
        }
    }

    /// Whether the stream is dead; the next look is due later.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.next = now + LOOK;
        self.missed.is_some_and(|(_, until)| until <= now)
    }

    /// What to read now, if it is time: the one in flight that has been quiet longest.
    pub(super) fn probe(&mut self, shared: &Shared, now: Instant) -> Option<AllocId> {
        if self.missed.is_some() || now.duration_since(self.since) < self.patience {
            return None;
        }
        let mut followers = shared.followers();
        let quietest = followers
            .by_number
            .values_mut()
            .filter(|entry| !entry.id.is_empty())
            .min_by_key(|entry| entry.heard)?;
        if now.duration_since(quietest.heard) < self.patience {
            return None;
        }
        quietest.heard = now;
        let id = Arc::clone(&quietest.id);
        drop(followers);
        self.since = now;
        self.patience = (self.patience * 2).min(LONGEST_PROBE);
        Some(shared.view().last_successor(&id).unwrap_or(id))
    }
}

/// What a read tells about the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// All that it showed was known.
    Known,
    /// It showed news of this index.
    News(u64),
    /// It failed, or the servers are no longer those that the stream comes from: what the stream tells is not all that there is.
    Doubt,
}

/// Reads one allocation and holds it against what the stream told of it.
pub(super) async fn read(shared: &Shared, id: &AllocId) -> Probe {
    let known = targeted::known(shared, id);
    let asked = Instant::now();
    let answer = shared.client.allocation(id).await;
    let index = answer.as_ref().ok().map(|it| it.value.modify_index);
    // The stream may have told of it while the read was on its way.
    let news = index > targeted::known(shared, id);
    match (targeted::take(shared, id, known, answer, asked), index) {
        (Ok(()), Some(index)) if index > known.unwrap_or_default() && news => Probe::News(index),
        (Ok(()), Some(index)) if Some(index) < known => Probe::Doubt,
        // Deleted ones are not told of.
        (Ok(()), _) => Probe::Known,
        (Err(_), _) => Probe::Doubt,
    }
}
