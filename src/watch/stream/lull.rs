//! Whether a silent stream has nothing to tell, or is dead.
//!
//! A server drops a reader that falls behind without a word, and closes the connection up to a minute later. With work in
//! flight that is too long, so while no events come one allocation in flight is read now and then: what that read finds new, the stream
//! has to tell as well within a moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::nomad::json::AllocId;
use crate::nomad::retry::Backoff;
use crate::view::Change;
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
    /// When to read again after a read that failed.
    again: Option<Instant>,
    backoff: Backoff,
}

impl Lull {
    pub(super) fn new(now: Instant, backoff: Backoff) -> Self {
        Self {
            again: None,
            backoff,
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

    /// A read went well; `news` is the index of what it found new.
    pub(super) fn answered(&mut self, news: Option<u64>, now: Instant) {
        self.again = None;
        self.backoff.reset();
        if let Some(index) = news {
            self.missed = Some((index, now + LAG));
        }
    }

    /// A read failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.again = Some(now + self.backoff.next_delay());
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

    /// What to read now, if it is time: the one in flight that has been quiet longest. After a failure anything does, to know when the
    /// servers answer again.
    pub(super) fn probe(&mut self, shared: &Shared, now: Instant) -> Option<AllocId> {
        if let Some(again) = self.again {
            return (again <= now).then(|| any(shared)).flatten();
        }
        if self.missed.is_some() || now.duration_since(self.since) < self.patience {
            return None;
        }
        let id = quietest(shared, now, self.patience)?;
        self.since = now;
        self.patience = (self.patience * 2).min(LONGEST_PROBE);
        Some(shared.view().last_successor(&id).unwrap_or(id))
    }
}

/// The one in flight that has been quiet longest, if that is long enough; marked as asked for.
fn quietest(shared: &Shared, now: Instant, patience: Duration) -> Option<AllocId> {
    let mut followers = shared.followers();
    let quietest = followers
        .by_number
        .values_mut()
        .filter(|entry| !entry.id.is_empty())
        .min_by_key(|entry| entry.heard)?;
    if now.duration_since(quietest.heard) < patience {
        return None;
    }
    quietest.heard = now;
    Some(Arc::clone(&quietest.id))
}

fn any(shared: &Shared) -> Option<AllocId> {
    let in_flight = shared.in_flight().pop();
    in_flight.or_else(|| shared.view().allocations.keys().next().cloned())
}

/// What a read tells about the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// All that it showed was known.
    Known,
    /// It showed news of this index.
    News(u64),
    /// The servers' state is another one than that the stream tells of.
    Restored,
    /// It failed.
    Failed,
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
        (Ok(()), Some(index)) if news => Probe::News(index),
        (Ok(()), Some(index)) if Some(index) < known => Probe::Restored,
        // Deleted ones are not told of.
        (Ok(()), _) => Probe::Known,
        (Err(_), _) => reachable(shared).await,
    }
}

/// Whether the servers answer at all: one allocation that cannot be read alone is no outage.
async fn reachable(shared: &Shared) -> Probe {
    let asked = Instant::now();
    match shared.client.deployment(&shared.job_id, None).await {
        Ok(answer) => {
            shared.apply(Change::Deployment(answer.value), asked);
            shared.alive();
            Probe::Known
        }
        Err(error) => {
            shared.silent(&error);
            Probe::Failed
        }
    }
}
