//! Waiting for the deployments of others to end, for as long as that takes: only the operator, or a cluster that no longer answers, ends
//! the wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::event::EventKind;
use crate::nomad::error::ReadError;
use crate::report::Reporter;
use crate::rules::guard::{active, awaited};
use crate::watch::Feed;

const STILL_WAITING: Duration = Duration::from_secs(60);
/// How often the job is read: nothing else tells that it was purged.
const JOB_PACE: Duration = Duration::from_secs(30);

/// Waits until no deployment of the job is active, or the job has ended. Tells whether there was one to wait for: then everything
/// else that is known may be older than its end.
///
/// # Errors
/// When the cluster has not answered for [`crate::watch::PATIENCE`].
pub(crate) async fn deployments_end(
    feed: &Feed,
    reporter: &Reporter,
) -> Result<bool, Arc<ReadError>> {
    let news = feed.follow_job();
    let mut minute = interval_at(Instant::now() + STILL_WAITING, STILL_WAITING);
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The one that was told of last.
    let mut told = None;
    loop {
        feed.live().await?;
        let deployment = feed.read(|view| {
            let deployment = active(view).filter(|_| !view.job_ended());
            deployment.map(awaited)
        });
        let Some(deployment) = deployment else {
            return Ok(told.is_some());
        };
        if told.as_ref() != Some(&deployment.id) {
            told = Some(deployment.id.clone());
            minute.reset();
            reporter.emit(EventKind::DeploymentAwaited {
                deployment,
                still: false,
            });
            continue;
        }
        tokio::select! {
            () = news.changed() => {}
            () = look_at_job(feed) => {}
            _ = minute.tick() => reporter.emit(EventKind::DeploymentAwaited {
                deployment,
                still: true,
            }),
        }
    }
}

/// Reads the job once more, after a while.
pub(super) async fn look_at_job(feed: &Feed) {
    sleep(JOB_PACE).await;
    // A failure is for whoever needs the answer to find.
    let _ = feed.reread_job().await;
}
