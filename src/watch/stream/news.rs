//! What an event means for the view.

use std::sync::Arc;

use tokio::time::Instant;

use crate::nomad::events::{Payload, StreamEvent};
use crate::nomad::json::{Allocation, Job};
use crate::view::{Change, JobState, JobView};
use crate::watch::shared::Shared;

/// Folds one event in, if it concerns the job.
pub(super) fn take(shared: &Shared, event: StreamEvent) {
    // How late it comes is not known, so that it does not show how fresh knowledge is.
    let asked = shared.started;
    // With the wildcard, old servers tell of all namespaces (VERSIONS 33).
    let namespace = shared.client.namespace().unwrap_or("default");
    if !event.namespace.is_empty() && event.namespace != namespace {
        return;
    }
    let Payload {
        allocation,
        evaluation,
        deployment,
        job,
        deleted,
    } = event.payload;
    if let Some(mut allocation) = allocation
        && *allocation.job_id == *shared.job_id
        && !allocation.id.is_empty()
    {
        shared.texts().share(&mut allocation);
        complete(&mut allocation, &shared.view());
        shared.apply(Change::Allocation(allocation), asked);
    }
    if let Some(evaluation) = evaluation
        && evaluation.job_id == shared.job_id
    {
        shared.apply(Change::Evaluation(evaluation), asked);
    }
    if let Some(deployment) = deployment
        && deployment.job_id == shared.job_id
    {
        shared.apply(Change::Deployment(Some(*deployment)), asked);
    }
    if let Some(job) = job
        && job.id == shared.job_id
    {
        take_job(shared, *job, deleted, asked);
    }
}

fn take_job(shared: &Shared, job: Job, deleted: bool, asked: Instant) {
    if deleted {
        // The event may be older than a job of the same id that was registered since: only the server knows.
        shared.job_wanted.notify_one();
        return;
    }
    let updated = match &shared.view().job {
        JobState::Known(known) => job.version > known.version,
        JobState::Unread | JobState::Purged => true,
    };
    shared.apply(Change::Job(Arc::new(job)), asked);
    if updated {
        // Allocations that an update leaves where they are get its version, which events do not tell.
        shared.list_wanted.notify_one();
    }
}

/// Fills in what events of an allocation leave out: the version and the type of its job.
fn complete(allocation: &mut Allocation, view: &JobView) {
    if let Some(known) = view.last_known(&allocation.id) {
        allocation.job_version = known.job_version;
        allocation.job_type = Arc::clone(&known.job_type);
    } else if let JobState::Known(job) = &view.job {
        allocation.job_version = job.version;
        allocation.job_type = job.kind.as_str().into();
    }
}
