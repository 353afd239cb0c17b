//! Allocations in flight that have been quiet, read one by one; all of them, often, when the list is too large to follow.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::shared::Shared;
use crate::nomad::client::Indexed;
use crate::nomad::error::ReadError;
use crate::nomad::json::{AllocId, Allocation, DesiredStatus};
use crate::nomad::retry::Patience;
use crate::view::Change;

/// In flight and quiet for so long: read it.
const QUIET: Duration = Duration::from_secs(30);
/// The same while nothing else brings news.
const QUIET_WITHOUT_LIST: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 4;
/// While the event stream is open, more quiet ones than these are read as one list.
const FEW: usize = 4;
/// The same for lists that are too large to be read often.
pub(super) const MANY: usize = 200;
const LOOK: Duration = Duration::from_millis(250);

/// Reads one allocation, with the patience of a run that has work under way, and folds it into the view.
pub(super) async fn read(shared: &Shared, id: &AllocId) -> Result<(), ReadError> {
    let known = known(shared, id);
    let asked = Instant::now();
    let read = || shared.client.allocation(id);
    let answer = shared.patiently(Patience::Working, read).await;
    take(shared, id, known, answer, asked)
}

/// The index of what is known of an allocation.
pub(super) fn known(shared: &Shared, id: &AllocId) -> Option<u64> {
    shared.view().last_known(id).map(|it| it.modify_index)
}

/// Folds an answer in. `known` is what was known of the allocation when it was asked for.
pub(super) fn take(
    shared: &Shared,
    id: &AllocId,
    known: Option<u64>,
    answer: Result<Indexed<Allocation>, ReadError>,
    asked: Instant,
) -> Result<(), ReadError> {
    match answer {
        Ok(answer) => {
            if Some(answer.value.modify_index) < known {
                // The servers' state was restored: a list tells what else is different.
                shared.apply(Change::Rewound, asked);
                shared.list_wanted.notify_one();
            }
            shared.apply(Change::Allocation(Box::new(answer.value)), asked);
        }
        Err(error) if error.is_not_found() => {
            shared.apply(Change::Gone(Arc::clone(id)), asked);
            shared.list_wanted.notify_one();
        }
        Err(error) => return Err(error),
    }
    shared.alive();
    Ok(())
}

/// Reads these allocations, a few at a time, with the patience of a run that has work under way.
pub(super) async fn read_all(
    shared: &Arc<Shared>,
    ids: impl Iterator<Item = AllocId>,
) -> Result<(), ReadError> {
    let mut reads = JoinSet::new();
    for id in ids {
        if reads.len() >= AT_ONCE {
            joined(reads.join_next().await)?;
        }
        let shared = Arc::clone(shared);
        reads.spawn(async move { read(&shared, &id).await });
    }
    while !reads.is_empty() {
        joined(reads.join_next().await)?;
    }
    Ok(())
}

fn joined(result: Option<Result<Result<(), ReadError>, JoinError>>) -> Result<(), ReadError> {
    match result {
        Some(Ok(result)) => result,
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => Ok(()),
    }
}

/// Looks after the quiet ones for ever.
pub(super) async fn follow(shared: Arc<Shared>) {
    loop {
        let due = due(&shared);
        if due.is_empty() {
            let idle = shared.followers().by_number.is_empty();
            if idle {
                // A follower that registers between the look and the wait is found at the next look at the latest.
                tokio::select! {
                    () = shared.followed.notified() => {}
                    () = sleep(QUIET_WITHOUT_LIST) => {}
                }
            }
            sleep(LOOK).await;
            continue;
        }
        let mut reads = JoinSet::new();
        for id in due {
            while reads.len() >= AT_ONCE {
                reads.join_next().await;
            }
            let shared = Arc::clone(&shared);
            reads.spawn(async move {
                let known = known(&shared, &id);
                let asked = Instant::now();
                let answer = shared.client.allocation(&id).await;
                // Where something else is followed, that tells of an outage.
                if let Err(error) = take(&shared, &id, known, answer, asked)
                    && shared.sources().silent()
                {
                    shared.silent(&error);
                }
            });
        }
        while reads.join_next().await.is_some() {}
    }
}

/// Those in flight without news for too long, with the last known member of their chain of replacements; marked as asked for.
fn due(shared: &Shared) -> Vec<AllocId> {
    let sources = shared.sources();
    let quiet = if sources.silent() {
        QUIET_WITHOUT_LIST
    } else {
        QUIET
    };
    let now = Instant::now();
    let view = shared.view();
    let mut followers = shared.followers();
    let mut due = Vec::new();
    for entry in followers
        .by_number
        .values_mut()
        .filter(|entry| !entry.id.is_empty())
    {
        if now.duration_since(entry.heard) < quiet {
            continue;
        }
        entry.heard = now;
        if !view.is_gone(&entry.id) {
            due.push(Arc::clone(&entry.id));
        }
        if let Some(last) = view.last_successor(&entry.id) {
            due.push(last);
        } else if view
            .allocations
            .get(&entry.id)
            .is_none_or(|own| own.desired_status != DesiredStatus::Run)
        {
            // Stopped and nothing linked: a replacement without links shows in a list only.
            shared.list_wanted.notify_one();
        }
    }
    let most = if sources.large { MANY } else { FEW };
    if sources.streaming && due.len() > most {
        shared.list_wanted.notify_one();
        due.clear();
    }
    due
}
