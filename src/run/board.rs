//! What is in flight, for the live block. Without one nothing is kept here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::nomad::json::AllocId;
use crate::report::{InFlight, SHOWN, Turn};
use crate::rules::verdict::State;

/// Who is in flight, in the order of sending, and whose turn it is.
#[derive(Debug)]
pub(crate) struct Board(Option<Mutex<Flights>>);

#[derive(Debug, Default)]
struct Flights {
    last: u64,
    by_number: BTreeMap<u64, Entry>,
    turn: Option<Turn>,
}

#[derive(Debug)]
struct Entry {
    allocation: AllocId,
    group: Arc<str>,
    since: Instant,
    state: State,
}

/// One of those in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    board: &'a Board,
    number: u64,
}

impl Board {
    /// `looked_at`: whether there is a live block.
    pub(super) fn new(looked_at: bool) -> Self {
        Self(looked_at.then(Mutex::default))
    }

    pub(super) fn begin(&self, allocation: &AllocId, group: &Arc<str>) -> Flight<'_> {
        let number = self.flights().map_or(0, |mut flights| {
            flights.last += 1;
            let entry = Entry {
                allocation: Arc::clone(allocation),
                group: Arc::clone(group),
                since: Instant::now(),
                state: State::NoSignYet,
            };
            let number = flights.last;
            flights.by_number.insert(number, entry);
            number
        });
        Flight {
            board: self,
            number,
        }
    }

    /// Notes which batch begins, or that there is a window.
    pub(super) fn set_turn(&self, turn: Turn) {
        if let Some(mut flights) = self.flights() {
            flights.turn = Some(turn);
        }
    }

    pub(super) fn turn(&self) -> Option<Turn> {
        self.flights()?.turn
    }

    /// How many are in flight, and those that have been so for longest.
    pub(super) fn oldest(&self) -> (usize, Vec<InFlight>) {
        let Some(flights) = self.flights() else {
            return (0, Vec::new());
        };
        let oldest = flights.by_number.values().take(SHOWN);
        (flights.by_number.len(), oldest.map(Entry::shown).collect())
    }

    fn flights(&self) -> Option<MutexGuard<'_, Flights>> {
        let flights = self.0.as_ref()?.lock();
        Some(flights.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entry {
    fn shown(&self) -> InFlight {
        let brief = self.state.brief();
        InFlight {
            allocation: Arc::clone(&self.allocation),
            group: self.group.to_string(),
            replacement: brief.allocation.filter(|id| *id != self.allocation),
            since: self.since.into_std(),
            state: brief.state,
            event: brief.event,
        }
    }
}

impl Flight<'_> {
    /// Notes how things stand.
    pub(super) fn is(&self, state: &State) {
        if let Some(mut flights) = self.board.flights()
            && let Some(entry) = flights.by_number.get_mut(&self.number)
            && entry.state != *state
        {
            entry.state = state.clone();
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if let Some(mut flights) = self.board.flights() {
            flights.by_number.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_in_flight_longest_come_first_and_leave_when_they_are_dropped() {
        let board = Board::new(true);
        let ids: Vec<AllocId> = (0..20)
            .map(|number| format!("{number:02}").into())
            .collect();
        let group = Arc::from("web");
        let mut flights: Vec<_> = ids.iter().map(|id| board.begin(id, &group)).collect();
        flights.remove(1);
        flights[0].is(&State::Placed {
            allocation: "new".into(),
            status: "pending".into(),
        });
        let (count, rows) = board.oldest();
        assert_eq!((count, rows.len()), (19, SHOWN));
        let shown: Vec<_> = rows.iter().map(|row| &*row.allocation).collect();
        assert_eq!(shown[..3], ["00", "02", "03"]);
        assert_eq!(rows[0].replacement.as_deref(), Some("new"));
        assert_eq!(rows[0].state, "pending");
        drop(flights);
        assert_eq!(board.oldest().0, 0);
    }

    #[test]
    fn nothing_is_kept_where_nobody_looks() {
        let board = Board::new(false);
        let flight = board.begin(&"00".into(), &Arc::from("web"));
        flight.is(&State::Scheduling);
        board.set_turn(Turn::Window { at_once: 2 });
        assert_eq!(board.oldest().0, 0);
        assert_eq!(board.turn(), None);
    }
}
