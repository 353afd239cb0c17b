//! The backbone of the feed: the job's allocations as one list, by blocking queries while it is small.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::next_index;
use super::shared::Shared;
use crate::nomad::client::{Indexed, Wait};
use crate::nomad::error::ReadError;
use crate::nomad::json::Allocation;
use crate::nomad::retry::Patience;
use crate::view::Change;

/// Above this a list is read on demand only, and allocations in flight one by one.
const LARGE: usize = 2 * 1024 * 1024;
/// How long the server may hold a query; short enough for proxies and for abandoned queries to leave their place soon.
const HOLD: Duration = Duration::from_secs(30);
const LEAST_PACE: Duration = Duration::from_millis(100);
/// Pace towards a server that sends no index: its queries do not block.
const BLIND_PACE: Duration = Duration::from_secs(1);

/// Where the next query takes up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    index: u64,
    pace: Duration,
}

/// The first list.
pub(super) async fn first(shared: &Shared) -> Result<Position, ReadError> {
    once(shared, Patience::Startup).await
}

/// Reads the list once more, now, with the patience of a run that has work under way.
pub(super) async fn read(shared: &Shared) -> Result<(), ReadError> {
    once(shared, Patience::Working).await.map(drop)
}

/// As [`read`], unless somebody else does so meanwhile: many may want the same list at the same time.
pub(super) async fn read_since(shared: &Shared, wanted: Instant) -> Result<(), ReadError> {
    let _turn = shared.list_turn.lock().await;
    if *shared.listed.borrow() >= Some(wanted) {
        return Ok(());
    }
    read(shared).await
}

async fn once(shared: &Shared, patience: Patience) -> Result<Position, ReadError> {
    let known = shared.view().newest_allocation();
    let asked = Instant::now();
    let read = || {
        shared
            .client
            .allocations(&shared.job_id, None, |news| shared.view().same(news))
    };
    let answer = shared.patiently(patience, read).await?;
    if answer.index != 0 && Some(answer.index) < known {
        shared.apply(Change::Rewound, asked);
    }
    Ok(take(shared, answer, asked))
}

/// Reads lists for ever: one after the other while they are what brings news, else when somebody wants one.
pub(super) async fn follow(shared: Arc<Shared>, mut position: Position) {
    let mut backoff = shared.client.backoff();
    let mut sources = shared.sources.subscribe();
    // After a failure the next query is not held: an outage ends when the servers answer, not when there is news.
    let mut failed = false;
    loop {
        sleep(position.pace).await;
        let mut held = !failed;
        if !failed && !shared.sources().lists() {
            held = false;
            tokio::select! {
                biased;
                () = shared.list_wanted.notified() => {}
                // The sender lives as long as what is shared.
                _ = sources.wait_for(|sources| sources.lists()) => {}
            }
        }
        let wait = Wait {
            index: position.index,
            wait: HOLD,
        };
        let asked = Instant::now();
        match shared
            .client
            .allocations(&shared.job_id, held.then_some(wait), |news| {
                shared.view().same(news)
            })
            .await
        {
            Ok(answer) => {
                failed = false;
                backoff.reset();
                if answer.index != 0 && answer.index < position.index {
                    shared.apply(Change::Rewound, asked);
                }
                position = take(&shared, answer, asked);
            }
            Err(error) => {
                failed = true;
                shared.silent(&error);
                position.pace = backoff.next_delay();
            }
        }
    }
}

fn take(shared: &Shared, answer: Indexed<Vec<Arc<Allocation>>>, asked: Instant) -> Position {
    let is_large = answer.bytes > LARGE;
    shared.set_sources(|sources| sources.large = is_large);
    let pace = if answer.index == 0 {
        BLIND_PACE
    } else {
        LEAST_PACE
    };
    let position = Position {
        index: next_index(answer.index),
        pace: pace.max(answer.took * 8),
    };
    shared.alive();
    let snapshot = Change::Snapshot {
        index: answer.index,
        allocations: answer.value,
    };
    shared.apply(snapshot, asked);
    shared
        .listed
        .send_modify(|listed| *listed = (*listed).max(Some(asked)));
    position
}
