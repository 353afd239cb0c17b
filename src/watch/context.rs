//! What surrounds the allocations: the newest deployment always, the job and its blocked evaluations while something in flight cannot
//! be explained without them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Shared, next_index};
use crate::event::EventKind;
use crate::nomad::client::Wait;
use crate::nomad::error::ReadError;
use crate::nomad::json::DesiredStatus;
use crate::nomad::retry::Patience;
use crate::view::Change;

const HOLD: Duration = Duration::from_secs(30);
/// Any deployment of the cluster may wake the query.
const PACE: Duration = Duration::from_secs(1);

/// The newest deployment at the start; gives the index to go on from.
pub(super) async fn first_deployment(shared: &Shared) -> Result<u64, ReadError> {
    let asked = Instant::now();
    let answer = shared
        .client
        .patiently(
            Patience::Startup,
            |error| shared.say_retry(error),
            || shared.client.deployment(&shared.job_id, None),
        )
        .await?;
    shared.apply(Change::Deployment(answer.value), asked);
    Ok(next_index(answer.index))
}

/// Follows the newest deployment for ever. Failures are left to the read that guards each batch.
pub(super) async fn follow_deployments(shared: Arc<Shared>, mut index: u64) {
    let mut backoff = shared.client.backoff();
    loop {
        let asked = Instant::now();
        match shared
            .client
            .deployment(&shared.job_id, Some(Wait { index, wait: HOLD }))
            .await
        {
            Ok(answer) => {
                backoff.reset();
                index = next_index(answer.index);
                shared.apply(Change::Deployment(answer.value), asked);
                sleep(PACE).await;
            }
            Err(_) => sleep(backoff.next_delay().max(PACE)).await,
        }
    }
}

/// Reads the job and its blocked evaluations, once a second, while an allocation in flight was stopped and nothing runs in its place.
pub(super) async fn explain(shared: Arc<Shared>) {
    let mut warned = false;
    loop {
        sleep(PACE).await;
        if !unexplained(&shared) {
            continue;
        }
        let asked = Instant::now();
        match shared.client.job(&shared.job_id, None).await {
            Ok(answer) => shared.apply(Change::Job(Arc::new(answer.value)), asked),
            Err(error) if error.is_not_found() => shared.apply(Change::JobPurged, asked),
            // The list tells of an outage; this read only explains.
            Err(_) => {}
        }
        match shared
            .client
            .blocked_evaluations(&shared.job_id, None)
            .await
        {
            Ok(answer) => shared.apply(
                Change::Blocked {
                    index: answer.index,
                    evaluations: answer.value,
                },
                asked,
            ),
            Err(error) if !warned && !error.is_retryable() => {
                warned = true;
                shared.reporter.emit(EventKind::Warning(format!(
                    "Cannot read evaluations, placement failures will show as a time limit only: {error}"
                )));
            }
            Err(_) => {}
        }
    }
}

/// Whether the last known member of some chain in flight is no longer meant to run.
fn unexplained(shared: &Shared) -> bool {
    let view = shared.view();
    let followers = shared.followers();
    followers
        .by_number
        .values()
        .filter(|entry| !entry.id.is_empty())
        .any(|entry| {
            let last = view
                .last_successor(&entry.id)
                .unwrap_or_else(|| Arc::clone(&entry.id));
            view.allocations
                .get(&last)
                .is_none_or(|allocation| allocation.desired_status != DesiredStatus::Run)
        })
}
