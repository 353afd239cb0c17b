//! The backbone of the feed: the job's allocations as one list, by blocking queries while it is small.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Shared, next_index};
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
    let asked = Instant::now();
    let answer = shared
        .client
        .patiently(
            Patience::Startup,
            |error| shared.say_retry(error),
            || shared.client.allocations(&shared.job_id, None),
        )
        .await?;
    Ok(take(shared, answer, asked))
}

/// Reads the list once more, now, with the patience of a run that has work under way.
pub(super) async fn read(shared: &Shared) -> Result<(), ReadError> {
    let asked = Instant::now();
    let answer = shared
        .client
        .patiently(
            Patience::Working,
            |error| shared.say_retry(error),
            || shared.client.allocations(&shared.job_id, None),
        )
        .await?;
    take(shared, answer, asked);
    Ok(())
}

/// Reads lists for ever.
pub(super) async fn follow(shared: Arc<Shared>, mut position: Position) {
    let mut backoff = shared.client.backoff();
    let mut large = shared.lists_are_large.subscribe();
    // After a failure the next query is not held: an outage ends when the servers answer, not when there is news.
    let mut failed = false;
    loop {
        sleep(position.pace).await;
        if *large.borrow_and_update() {
            shared.list_wanted.notified().await;
        }
        let wait = Wait {
            index: position.index,
            wait: HOLD,
        };
        let wait = Some(wait).filter(|_| !failed && !*large.borrow());
        let asked = Instant::now();
        match shared.client.allocations(&shared.job_id, wait).await {
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

fn take(shared: &Shared, answer: Indexed<Vec<Allocation>>, asked: Instant) -> Position {
    let is_large = answer.bytes > LARGE;
    shared
        .lists_are_large
        .send_if_modified(|large| std::mem::replace(large, is_large) != is_large);
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
    position
}
