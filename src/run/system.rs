//! System jobs: their scheduler replaces nothing that is stopped unless it is asked to look once more.
//!
//! A stop and an evaluation sent as a pair can be processed as one, and then a replacement never comes. So the whole batch is stopped,
//! and the job is evaluated once when the scheduler has acted on every stop, and again while a replacement is missing. Evaluations that
//! end without bringing it are given up after a few, because no further one brings what the scheduler cannot place.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::batch::Batch;
use super::context::Context;
use super::{Halt, LAST_CALLS, Run};
use crate::cli::quote::quote;
use crate::event::{RunError, Trouble};
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::json::{AllocId, DesiredStatus, Evaluation};
use crate::plan::Action;
use crate::rules::selection::Candidate;
use crate::rules::verdict::{Confirm, placement_text, short_id};

/// How long a replacement may be missing after an evaluation has ended before the next one.
const GRACE: Duration = Duration::from_secs(10);
/// How many evaluations may end without bringing a replacement before it is given up.
const TRIES: u32 = 3;
const LOOK: Duration = Duration::from_millis(200);
/// How often an evaluation is read that has not ended.
const READ: Duration = Duration::from_secs(1);
/// How long an evaluation may be unreadable before it is left alone.
const UNREADABLE: Duration = Duration::from_secs(10);
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
                Trouble::Permission,
            )),
            Err(error) => Err(self.fail(
                0,
                format!("Nothing was stopped: system job {job} could not be evaluated: {error}"),
                Trouble::of_read(&error),
            )),
        }
    }

    /// Brings the replacements of a batch about. Ends when nothing more is to be done.
    pub(super) async fn evaluate_batch(&self, batch: &Batch, members: &[Candidate]) {
        for member in members {
            self.stopped(batch, member).await;
        }
        let mut without_effect = 0;
        while self.missing(batch, members).next().is_some() {
            if without_effect == TRIES {
                self.give_up_on(batch, members).await;
                return;
            }
            match evaluate(&self.context).await {
                Ok(id) => {
                    self.follow(batch, members, &id).await;
                    without_effect += 1;
                }
                Err(error) => {
                    let job = quote(&self.context.job.id);
                    for member in self.missing(batch, members) {
                        self.give_up(
                            batch,
                            &member.id,
                            format!("Failed evaluate job: {error}. It was stopped and is not replaced; evaluate job {job} to bring it back"),
                            Trouble::of_read(&error),
                        );
                    }
                    return;
                }
            }
        }
    }

    /// Asks for the evaluation of what an interrupted batch has stopped: without it that stays down. Says so where it cannot.
    pub(super) async fn bring_back(&self) {
        let context = &self.context;
        let stopped: Vec<AllocId> = context.ledger().summary().in_flight;
        let down = || stopped.iter().filter(|id| self.is_down(id));
        if down().next().is_none() {
            return;
        }
        let evaluated = timeout(LAST_CALLS, async {
            for id in &stopped {
                while self.is_down(id) && !self.is_stopped(id) {
                    sleep(LOOK).await;
                }
            }
            evaluate(context).await.map(|_| ())
        })
        .await;
        let (reason, trouble) = match evaluated {
            Ok(Ok(())) => return,
            Ok(Err(error)) => (error.to_string(), Trouble::of_read(&error)),
            Err(_) => (
                format!("no answer within {}s", LAST_CALLS.as_secs()),
                Trouble::Connection,
            ),
        };
        let ids: Vec<String> = down()
            .map(|id| quote(short_id(id, context.plan.verbose)))
            .collect();
        let job = quote(&context.job.id);
        context.ledger().error(
            usize::MAX,
            RunError {
                allocation: None,
                text: format!(
                    "Failed evaluate job: {reason}. Stopped and perhaps not replaced: {}; evaluate job {job} to bring them back",
                    ids.join(", ")
                ),
                unrecoverable: true,
                trouble,
            },
        );
    }

    /// Whether nothing has replaced an allocation yet.
    fn is_down(&self, id: &AllocId) -> bool {
        self.context
            .feed
            .read(|view| view.last_successor(id).is_none())
    }

    /// Whether the scheduler has acted on the stop of an allocation.
    fn is_stopped(&self, id: &AllocId) -> bool {
        self.context.feed.read(|view| {
            view.allocations
                .get(id)
                .is_none_or(|it| it.desired_status != DesiredStatus::Run)
        })
    }

    /// Waits until the scheduler has acted on the stop of a member, or its worker has ended.
    async fn stopped(&self, batch: &Batch, member: &Candidate) {
        let news = self.context.feed.follow(&member.id);
        while !batch.has_ended(&member.id) && !self.is_stopped(&member.id) {
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
        members
            .iter()
            .filter(|member| !batch.has_ended(&member.id) && self.is_down(&member.id))
    }

    /// Follows one evaluation until every member is replaced, or the grace time after its end is over. While it has not ended, another
    /// one would only wait behind it.
    async fn follow(&self, batch: &Batch, members: &[Candidate], id: &str) {
        let mut readable = Instant::now();
        // Some answers lack the id.
        while !id.is_empty() && self.missing(batch, members).next().is_some() {
            sleep(READ).await;
            match self.context.client.evaluation(id).await {
                Ok(answer) if self.explain(batch, members, &answer.value).await => break,
                Ok(_) => readable = Instant::now(),
                // The list tells of an outage; this read only explains. A collected evaluation has ended.
                Err(error) if error.is_not_found() => break,
                Err(_) if readable.elapsed() >= UNREADABLE => break,
                Err(_) => {}
            }
        }
        let over = Instant::now() + GRACE;
        while Instant::now() < over && self.missing(batch, members).next().is_some() {
            sleep(READ).await;
        }
    }

    /// Takes the end of an evaluation in; false while it has not ended, or what it led to could not be read.
    async fn explain(&self, batch: &Batch, members: &[Candidate], evaluation: &Evaluation) -> bool {
        let verbose = self.context.plan.verbose;
        match evaluation.status.as_str() {
            "pending" | "blocked" => false,
            "failed" => {
                for member in self.missing(batch, members) {
                    self.give_up(
                        batch,
                        &member.id,
                        format!(
                            "Evaluation {} failed: {}; it was stopped and is not replaced",
                            quote(short_id(&evaluation.id, verbose)),
                            evaluation.status_description
                        ),
                        Trouble::Failure,
                    );
                }
                true
            }
            "complete" => {
                // Its plan is older than this answer: what the list then lacks was not placed.
                if self.context.feed.confirm(&Confirm::List).await.is_err() {
                    return false;
                }
                for member in self.missing(batch, members) {
                    if let Some(metric) = evaluation.failed_tg_allocs.get(&*member.group) {
                        self.give_up(
                            batch,
                            &member.id,
                            placement_text(&evaluation.id, &member.group, metric, verbose),
                            Trouble::Placement,
                        );
                    }
                }
                true
            }
            // `canceled`: a more recent evaluation was processed in its stead.
            _ => true,
        }
    }

    /// Ends the wait of a member's worker.
    fn give_up(&self, batch: &Batch, id: &AllocId, text: String, trouble: Trouble) {
        batch.give_up(id, text, trouble);
        self.context.feed.wake(id);
    }

    /// Ends the waits for what several evaluations have not brought, with the reason if a node tells it.
    async fn give_up_on(&self, batch: &Batch, members: &[Candidate]) {
        // Most tokens may not read nodes.
        let nodes = self.context.client.nodes().await.unwrap_or_default();
        let job = quote(&self.context.job.id);
        for member in self.missing(batch, members) {
            let node_id = self.context.feed.read(|view| {
                let allocation = view.allocations.get(&member.id)?;
                Some(allocation.node_id.to_string())
            });
            let node = nodes
                .iter()
                .find(|node| Some(&node.id) == node_id.as_ref() && !node.takes_allocations());
            let why = match node {
                Some(node) => format!("its node {} takes no new allocations", quote(&node.name)),
                None => format!("job {job} was evaluated {TRIES} times without placing it again"),
            };
            self.give_up(
                batch,
                &member.id,
                format!("it was stopped and is not replaced: {why}"),
                Trouble::Placement,
            );
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
