//! What is looked at, or asked, before the allocations of a job are: whether it has any of its own, where it runs, and whether it is being
//! deployed.

use std::sync::Arc;

use super::Early;
use crate::cli::quote::quote;
use crate::event::{Answer, EventKind, Question, Trouble};
use crate::exit;
use crate::lookup;
use crate::nomad::client::Client;
use crate::nomad::error::ReadError;
use crate::nomad::json::{AllocId, Job};
use crate::plan::RestartPlan;
use crate::report::{Operator, Reporter};
use crate::rules::verdict::Confirm;
use crate::run::deployments_end;
use crate::view::JobState;
use crate::watch::Feed;

/// A periodic or parameterized parent has no allocations of its own (N38).
pub(super) async fn check_parent(
    job: &Job,
    client: &Client,
    reporter: &Reporter,
) -> Result<(), Early> {
    let kind = if job.periodic {
        "periodic"
    } else if job.parameterized_job && !job.dispatched {
        "parameterized"
    } else {
        return Ok(());
    };
    let children = match lookup::children(client, &job.id, reporter).await {
        Ok(children) if children.is_empty() => {
            "It has started no jobs that are still known".to_owned()
        }
        Ok(children) => format!(
            "Restart the jobs that it has started: {}",
            children.join(", ")
        ),
        Err(error) => format!("The jobs that it has started could not be listed: {error}"),
    };
    reporter.emit(EventKind::NothingToDo {
        left_out: format!(
            "Job {} is {kind} and has no allocations of its own. {children}.",
            quote(&job.id)
        ),
    });
    Err(Early::Done)
}

pub(super) async fn confirm_region(
    plan: &RestartPlan,
    job: &Job,
    reporter: &Reporter,
) -> Result<(), Early> {
    if plan.yes
        || job
            .multiregion
            .as_ref()
            .is_none_or(|multiregion| multiregion.regions.is_empty())
    {
        return Ok(());
    }
    if plan.dry_run {
        reporter.emit(EventKind::Warning(format!(
            "Job {} runs in several regions: a run restarts it in this one only, and asks before that unless -yes is given",
            quote(&job.id)
        )));
        return Ok(());
    }
    if !reporter.interactive() {
        let text = format!(
            "Job {} runs in several regions and there is nobody to ask. Use -yes to restart it in this region only",
            quote(&job.id)
        );
        return Err(Early::Error(text, Trouble::Precondition));
    }
    match reporter
        .ask(Question::MultiRegion {
            job: job.id.clone(),
        })
        .await
    {
        Answer::Yes => Ok(()),
        Answer::Interrupted => Err(Early::Interrupted(exit::SIGINT)),
        _ => Err(Early::Declined),
    }
}

/// Finds out, before anything is restarted, whether the token may read checks: without that no restart could be told to be healthy. What
/// else keeps them from being read may be over when they are needed.
pub(super) async fn check_rights(
    plan: &RestartPlan,
    job: &Job,
    client: &Client,
    id: &AllocId,
    reporter: &Reporter,
) -> Result<(), Early> {
    let Err(error) = client.checks(id).await else {
        return Ok(());
    };
    if !error.is_permission_denied() {
        return Ok(());
    }
    let right = error.right("read-job", Some(&job.namespace));
    let why = format!(
        "whether allocations of job {} are healthy cannot be known, because their checks cannot be read: {error}{right}",
        quote(&job.id)
    );
    if plan.dry_run {
        reporter.emit(EventKind::Warning(format!(
            "A run would restart nothing: {why}"
        )));
        return Ok(());
    }
    let text = format!("Nothing was restarted: {why}");
    Err(Early::Error(text, Trouble::Permission))
}

/// Waits for the end of whatever deployment of the job is active. Gives the job as it is then, if there was one: the view is up to
/// date again too.
pub(super) async fn await_deployments(
    job: &Job,
    feed: &Feed,
    reporter: &Reporter,
) -> Result<Option<Arc<Job>>, Early> {
    let failed = |error: &ReadError| {
        let text = format!(
            "Error waiting for the deployment of job {}: {error}{}",
            quote(&job.id),
            error.right("read-job", Some(&job.namespace))
        );
        Early::Error(text, Trouble::of_read(error))
    };
    let mut current = None;
    while deployments_end(feed, reporter)
        .await
        .map_err(|error| failed(&error))?
    {
        let reread = async {
            feed.reread_job().await?;
            // A deployment that fails may bring the next one.
            feed.reread_deployment().await?;
            feed.confirm(&Confirm::List).await
        };
        reread.await.map_err(|error| failed(&error))?;
        current = feed
            .read(|view| match &view.job {
                JobState::Known(job) => Ok(Some(Arc::clone(job))),
                JobState::Unread => Ok(None),
                JobState::Purged => Err("purged"),
            })
            .and_then(|job| match job {
                Some(job) if job.stop => Err("stopped"),
                job => Ok(job),
            })
            .map_err(|ended| {
                let job = quote(&job.id);
                let text = format!("Job {job} was {ended} while its deployment was waited for");
                Early::Error(text, Trouble::Precondition)
            })?;
    }
    Ok(current)
}
