//! What the live block is drawn from: plain data about what is in flight.

use std::time::Instant;

use crate::nomad::json::AllocId;

/// How many allocations in flight are shown one by one.
pub(crate) const SHOWN: usize = 8;

/// Looks at the run: it is called whenever the block is drawn, with the time.
pub(crate) type Source = Box<dyn FnMut(Instant) -> Snapshot + Send>;

/// A run as it was when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) started: Instant,
    /// When the run will have ended if it goes on as before; `None` while nothing can be said about that.
    pub(crate) expected_end: Option<Instant>,
    /// All that are to be restarted.
    pub(crate) allocations: usize,
    /// Those that need no more attention, whatever became of them.
    pub(crate) settled: usize,
    /// Those of them that failed.
    pub(crate) failed: usize,
    /// `None` where nothing is to be said of it: a batch is one allocation, or all of them.
    pub(crate) turn: Option<Turn>,
    pub(crate) in_flight: usize,
    /// At most [`SHOWN`] of those in flight, longest first.
    pub(crate) rows: Vec<InFlight>,
}

/// How the allocations take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Which batch, from 1, and of how many.
    Batch { number: usize, of: usize },
    /// A sliding window.
    Window { at_once: usize },
}

/// An allocation, or one task of it, to which a write was sent and whose effect is not seen yet.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) allocation: AllocId,
    pub(crate) group: String,
    /// The last of its replacements, if there is one.
    pub(crate) replacement: Option<AllocId>,
    /// When the write was sent first.
    pub(crate) since: Instant,
    /// One word, Nomad's own where there is one.
    pub(crate) state: String,
    /// What happened last, or what it waits for. Foreign text; may be empty.
    pub(crate) event: String,
}
