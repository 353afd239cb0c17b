//! System jobs: their scheduler replaces nothing that is stopped unless it is asked to look once more.
//!
//! A stop and an evaluation sent as a pair can be processed as one, and then a replacement never comes. So the whole batch is stopped,
//! and the job is evaluated once when the scheduler has acted on every stop, and again while a replacement is missing.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::batch::{Batch, DeadEnd};
use super::context::Context;
use super::{Halt, Run};
use crate::cli::quote::quote;
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::json::{DesiredStatus, Evaluation};
use crate::plan::Action;
use crate::rules::selection::Candidate;
use crate::rules::verdict::{Confirm, placement_text};

/// How long a replacement may be missing after an evaluation before the next one.
const GRACE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);
/// How often an evaluation is read that has not ended.
const READ: Duration = Duration::from_secs(1);
/// The right that is needed, in the words of Nomad's policies.
const RIGHT: &str = "evaluate-job (Nomad 1.11.2 and later) or submit-job";

impl Run {
    /// Whether stops need an evaluation of their own.
    pub(super) fn needs_evaluations(&self) -> bool {
        let context = &self.context;
        context.job.kind == "system" && matches!(context.plan.action, Action::Reschedule { .. })
    }

    /// Finds out, before the first stop, whether the token may ask for evaluations: without that right what is stopped stays down.
    pub(super) async fn probe(&self) -> Result<(), Halt> {
        let job = quote(&self.context.job.id);
        match evaluate(&self.context).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permission_denied() => Err(self.fail(
                0,
                format!("Nothing was stopped: the replacements of system job {job} need the capability {RIGHT}: {error}"),
            )),
            Err(error) => Err(self.fail(
                0,
                format!("Nothing was stopped: system job {job} could not be evaluated: {error}"),
            )),
        }
    }

    /// Brings the replacements of a batch about. Ends when nothing more is to be done.
    pub(super) async fn evaluate_batch(&self, batch: &Batch, members: &[Candidate]) {
        let context = &self.context;
        let job = quote(&context.job.id);
        for member in members {
            self.stopped(batch, member).await;
        }
        while self.missing(batch, members).next().is_some() {
            match evaluate(context).await {
                Ok(evaluation) => self.follow(batch, members, &evaluation).await,
                Err(error) => {
                    batch.set_dead_end(DeadEnd {
                        group: None,
                        text: format!("Failed evaluate job: {error}. It was stopped and is not replaced; evaluate job {job} to bring it back"),
                    });
                    return;
                }
            }
        }
    }

    /// Waits until the scheduler has acted on the stop of a member, or its worker has ended.
    async fn stopped(&self, batch: &Batch, member: &Candidate) {
        let feed = &self.context.feed;
        let news = feed.follow(&member.id);
        let is_stopped = || {
            feed.read(|view| {
                view.allocations
                    .get(&member.id)
                    .is_none_or(|it| it.desired_status != DesiredStatus::Run)
            })
        };
        while !batch.has_ended(&member.id) && !is_stopped() {
            tokio::select! {
                () = news.changed() => {}
                // A worker that has ended wakes nobody.
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Members whose worker still waits and that nothing has replaced yet.
    fn missing<'a>(
        &'a self,
        batch: &'a Batch,
        members: &'a [Candidate],
    ) -> impl Iterator<Item = &'a Candidate> {
        members.iter().filter(|member| {
            !batch.has_ended(&member.id)
                && self
                    .context
                    .feed
                    .read(|view| view.last_successor(&member.id).is_none())
        })
    }

    /// Follows one evaluation until every member is replaced or the grace time is over; what the evaluation says of a failure ends the
    /// waits that it concerns.
    async fn follow(&self, batch: &Batch, members: &[Candidate], id: &str) {
        let deadline = Instant::now() + GRACE;
        let mut told = false;
        while Instant::now() < deadline && self.missing(batch, members).next().is_some() {
            sleep(READ).await;
            if told || id.is_empty() {
                continue;
            }
            let Ok(answer) = self.context.client.evaluation(id).await else {
                // The list tells of an outage; this read only explains.
                continue;
            };
            told = self.explain(batch, members, &answer.value).await;
        }
    }

    /// Takes the end of an evaluation in; false while it has not ended.
    async fn explain(&self, batch: &Batch, members: &[Candidate], evaluation: &Evaluation) -> bool {
        let verbose = self.context.plan.verbose;
        match evaluation.status.as_str() {
            "failed" => {
                batch.set_dead_end(DeadEnd {
                    group: None,
                    text: format!(
                        "Evaluation {} failed: {}; it was stopped and is not replaced",
                        quote(&evaluation.id),
                        evaluation.status_description
                    ),
                });
                true
            }
            "complete" if !evaluation.failed_tg_allocs.is_empty() => {
                // Its plan is older than this answer: what the list then lacks was not placed.
                if self.context.feed.confirm(&Confirm::List).await.is_err() {
                    return false;
                }
                for (group, metric) in &evaluation.failed_tg_allocs {
                    if self.missing(batch, members).any(|it| *it.group == **group) {
                        batch.set_dead_end(DeadEnd {
                            group: Some(group.clone()),
                            text: placement_text(&evaluation.id, group, metric, verbose),
                        });
                    }
                }
                true
            }
            // Also `canceled`: a more recent evaluation was processed in its stead.
            status => status != "pending" && status != "blocked",
        }
    }
}

/// Asks for an evaluation, and again while it may not have arrived: one more does no harm. Gives its id.
async fn evaluate(context: &Context) -> Result<String, ReadError> {
    let deadline = Instant::now() + crate::watch::PATIENCE;
    let mut backoff = context.client.backoff();
    loop {
        let permit = context.client.write_permit().await;
        let error = match context.client.evaluate(permit, &context.job.id).await {
            Ok(answer) => return Ok(answer.eval_id),
            Err(CallError::Refused(error)) => return Err(error),
            Err(CallError::NotSent(error) | CallError::Unknown(error)) => error,
            Err(CallError::Garbled(error)) => ReadError::Garbled(error),
        };
        let delay = backoff.next_delay();
        if Instant::now() + delay >= deadline {
            return Err(error);
        }
        sleep(delay).await;
    }
}
