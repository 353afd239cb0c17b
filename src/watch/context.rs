//! What surrounds the allocations: the newest deployment always, the job and its blocked evaluations while something in flight cannot
//! be explained without them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::next_index;
use super::shared::Shared;
use crate::event::EventKind;
use crate::nomad::client::Wait;
use crate::nomad::error::ReadError;
use crate::nomad::retry::Patience;
use crate::view::Change;

const HOLD: Duration = Duration::from_secs(30);
/// Any deployment of the cluster may wake the query.
const PACE: Duration = Duration::from_secs(1);
/// How often what the event stream should have explained is asked for all the same.
const STREAMING_PACE: Duration = Duration::from_secs(30);

/// The newest deployment at the start; gives the index to go on from.
pub(super) async fn first_deployment(shared: &Shared) -> Result<u64, ReadError> {
    deployment(shared, Patience::Startup).await
}

/// Reads the newest deployment anew, with the patience of a run that has work under way.
pub(super) async fn read_deployment(shared: &Shared) -> Result<(), ReadError> {
    deployment(shared, Patience::Working).await.map(drop)
}

async fn deployment(shared: &Shared, patience: Patience) -> Result<u64, ReadError> {
    let asked = Instant::now();
    let read = || shared.client.deployment(&shared.job_id, None);
    let answer = shared.patiently(patience, read).await?;
    shared.apply(Change::Deployment(answer.value), asked);
    Ok(next_index(answer.index))
}

/// Reads the job anew, with the patience of a run that has work under way: whether it was stopped or purged.
pub(super) async fn read_job(shared: &Shared) -> Result<(), ReadError> {
    let asked = Instant::now();
    let read = || shared.client.job(&shared.job_id, None);
    match shared.patiently(Patience::Working, read).await {
        Ok(answer) => shared.apply(Change::Job(Arc::new(answer.value)), asked),
        Err(error) if error.is_not_found() => shared.apply(Change::JobPurged, asked),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Follows the newest deployment for ever, while the event stream does not. Failures are left to the read that guards each batch.
pub(super) async fn follow_deployments(shared: Arc<Shared>, mut index: u64) {
    let mut backoff = shared.client.backoff();
    let mut sources = shared.sources.subscribe();
    loop {
        // The sender lives as long as what is shared.
        let _ = sources.wait_for(|sources| !sources.streaming).await;
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

/// Reads the job and its blocked evaluations while an allocation in flight was stopped and nothing runs in its place: once a second, and
/// rarely while the event stream brings both. Also whenever somebody wants the job to be read.
pub(super) async fn explain(shared: Arc<Shared>) {
    let mut warned = false;
    let mut since = None;
    loop {
        tokio::select! {
            biased;
            () = shared.job_wanted.notified() => {}
            () = sleep(PACE) => {
                if !shared.unexplained() {
                    since = None;
                    continue;
                }
                let since = since.get_or_insert_with(Instant::now);
                if shared.sources().streaming && since.elapsed() < STREAMING_PACE {
                    continue;
                }
                *since = Instant::now();
            }
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
