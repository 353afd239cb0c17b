//! Reads that are answered with a list.

use std::sync::Arc;

use super::super::error::ReadError;
use super::super::json::{Allocation, Evaluation, Job, JobStub, JobVersions, NodeStub, Texts};
use super::super::request::Call;
use super::{Client, Indexed, Wait};

/// Entries of a job list asked for at once.
const PAGE: usize = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What to ask for the next page with; `None` on the last one.
    pub(crate) next: Option<String>,
}

impl Client {
    /// `GET /v1/jobs`: jobs whose id begins with `prefix`, by namespace and id.
    pub(crate) async fn jobs(
        &self,
        prefix: &str,
        next_token: Option<&str>,
    ) -> Result<Page<JobStub>, ReadError> {
        let mut call = Call::get(&["jobs"]).param("per_page", PAGE.to_string());
        if !prefix.is_empty() {
            call = call.param("prefix", prefix);
        }
        if let Some(token) = next_token {
            call = call.param("next_token", token);
        }
        let answer = self.read(call, None).await?;
        Ok(Page {
            items: answer.json()?,
            next: answer.next_token(),
        })
    }

    /// `GET /v1/job/:id/versions`: newest first; a server keeps only the last few.
    pub(crate) async fn job_versions(&self, id: &str) -> Result<Vec<Job>, ReadError> {
        let call = Call::get(&["job", id, "versions"]).param("diffs", "false");
        let answer = self.read(call, None).await?;
        Ok(answer.json::<JobVersions>()?.versions)
    }

    /// `GET /v1/job/:id/allocations`: list stubs of the job's allocations, by id. An unknown job has none.
    ///
    /// `same` gives what is known already instead of an allocation that tells nothing new, so that a list takes the memory of its news.
    pub(crate) async fn allocations(
        &self,
        id: &str,
        wait: Option<Wait>,
        same: impl Fn(&Allocation) -> Option<Arc<Allocation>>,
    ) -> Result<Indexed<Vec<Arc<Allocation>>>, ReadError> {
        let call = Call::get(&["job", id, "allocations"]).param("all", "false");
        let (request, limits) = self.asking(call, wait)?;
        let permit = self.limiter.read().await;
        let mut texts = Texts::default();
        let share = |allocation: &mut Arc<Allocation>| match same(allocation) {
            Some(known) => *allocation = known,
            None => texts.share(Arc::make_mut(allocation)),
        };
        let read = self.exchange.read_list(request, limits, share).await;
        permit.give_back().await;
        let (answer, allocations) = read?;
        if allocations
            .iter()
            .any(|allocation| allocation.id.is_empty())
        {
            return Err(answer.garbled("an allocation in it has no ID"));
        }
        Ok(answer.indexed(allocations))
    }

    /// The job's evaluations that are blocked now: what the scheduler could not place.
    pub(crate) async fn blocked_evaluations(
        &self,
        job: &str,
        wait: Option<Wait>,
    ) -> Result<Indexed<Vec<Evaluation>>, ReadError> {
        // How an expression spells such characters differs between servers, so these rare jobs are asked for everything.
        let call = if job.contains(['"', '\\', '`']) {
            Call::get(&["job", job, "evaluations"])
        } else {
            Call::get(&["evaluations"]).param(
                "filter",
                format!("JobID == \"{job}\" and Status == \"blocked\""),
            )
        };
        let answer = self.read(call, wait).await?;
        let mut evaluations: Vec<Evaluation> = answer.json()?;
        evaluations.retain(|evaluation| evaluation.job_id == job && evaluation.status == "blocked");
        Ok(answer.indexed(evaluations))
    }

    /// `GET /v1/nodes`. Needs `node:read`, which few tokens have.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeStub>, ReadError> {
        self.read(Call::get(&["nodes"]), None).await?.json()
    }
}
