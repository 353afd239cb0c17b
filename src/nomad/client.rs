//! The calls that the program makes, typed.
//!
//! Nothing here retries and nothing judges: a call gives its answer, or says what is known of its failure. Time limits are tokio
//! timers, so they work on paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;

use super::answer::Answer;
use super::config::ClientConfig;
use super::error::{CallError, ReadError};
use super::exchange::{Exchange, Limits};
use super::json::{Allocation, Deployment, Evaluation, Job, StopAnswer};
use super::limiter::{Limiter, Permit, Split};
use super::request::{Call, EvalOptions, EvaluateBody, RequestError, Requests, RestartBody};
use super::retry::{self, Backoff, Jitter, Patience, patiently};
use super::transport::Transport;

/// How long an ordinary read may take to begin to be answered.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// How long a stop may take: a write to the server's log, and at most five seconds of waiting for a leader.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A Nomad agent to talk to. Clones share connections and their budget.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    exchange: Exchange,
    requests: Requests,
    limiter: Limiter,
    jitter: Arc<AtomicU64>,
}

/// Makes a read wait for news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The index of the answer before; 0 is taken as 1.
    pub(crate) index: u64,
    /// How long the server may hold the request, at most; it adds up to a sixteenth.
    pub(crate) wait: Duration,
}

/// An answer with what else is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Indexed<T> {
    pub(crate) value: T,
    /// `X-Nomad-Index`, 0 when missing. Ask again with at least 1.
    pub(crate) index: u64,
    /// Size of the body, decompressed.
    pub(crate) bytes: usize,
    /// From the head of the answer to its last byte, without the time that the server held the request.
    pub(crate) took: Duration,
    /// The agent's clock (`Date`, whole seconds), if it told.
    pub(crate) date: Option<DateTime<Utc>>,
}

impl Client {
    /// A client for the agent of `config`, with its own budget of connections.
    pub(crate) fn new(
        config: &ClientConfig,
        transport: Arc<dyn Transport>,
        max_connections: usize,
    ) -> Result<Self, RequestError> {
        Ok(Self {
            exchange: Exchange::new(transport),
            requests: config.requests()?,
            limiter: Limiter::new(max_connections),
            jitter: Arc::new(AtomicU64::new(retry::random_seed())),
        })
    }

    /// Makes the delays of retries the same in every run.
    pub(crate) fn with_jitter_seed(self, seed: u64) -> Self {
        self.jitter.store(seed, Ordering::Relaxed);
        self
    }

    /// Repeats a read for as long as `patience` says (see [`patiently`]).
    pub(crate) async fn patiently<T, Reading>(
        &self,
        patience: Patience,
        first_retry: impl FnOnce(&ReadError),
        read: impl FnMut() -> Reading,
    ) -> Result<T, ReadError>
    where
        Reading: Future<Output = Result<T, ReadError>>,
    {
        let seed = self.jitter.fetch_add(1, Ordering::Relaxed);
        patiently(patience, Jitter::seeded(seed), first_retry, read).await
    }

    /// Delays for a caller that repeats something itself.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(Jitter::seeded(self.jitter.fetch_add(1, Ordering::Relaxed)))
    }

    /// The same agent and budget, asked for another namespace (`*` where listing).
    pub(crate) fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            requests: self.requests.clone().namespace(Some(namespace.to_owned())),
            ..self.clone()
        }
    }

    /// The namespace that requests name; `None` leaves it to the agent (`default`).
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.requests.current_namespace()
    }

    /// How the connections are divided between reads and writes.
    pub(crate) fn split(&self) -> Split {
        self.limiter.split()
    }

    /// Waits until one more write may be sent.
    pub(crate) async fn write_permit(&self) -> Permit {
        self.limiter.write().await
    }

    /// `GET /v1/job/:id`.
    pub(crate) async fn job(
        &self,
        id: &str,
        wait: Option<Wait>,
    ) -> Result<Indexed<Job>, ReadError> {
        let answer = self.read(Call::get(&["job", id]), wait).await?;
        let job: Job = answer.json()?;
        if job.id.is_empty() || job.kind.is_empty() {
            return Err(answer.garbled("the job in it has no ID or no type"));
        }
        Ok(answer.indexed(job))
    }

    /// `GET /v1/allocation/:id`: one allocation with the job as it was when it was placed.
    pub(crate) async fn allocation(&self, id: &str) -> Result<Indexed<Allocation>, ReadError> {
        let answer = self.read(Call::get(&["allocation", id]), None).await?;
        let mut allocation: Allocation = answer.json()?;
        if allocation.id.is_empty() {
            return Err(answer.garbled("the allocation in it has no ID"));
        }
        allocation.complete_from_job();
        Ok(answer.indexed(allocation))
    }

    /// `GET /v1/job/:id/deployment`: the job's newest deployment, if it ever had one.
    pub(crate) async fn deployment(
        &self,
        job: &str,
        wait: Option<Wait>,
    ) -> Result<Indexed<Option<Deployment>>, ReadError> {
        let answer = self
            .read(Call::get(&["job", job, "deployment"]), wait)
            .await?;
        let deployment: Option<Deployment> = answer.json_or_null()?;
        // Whatever it is, it would be waited for in vain.
        if deployment
            .as_ref()
            .is_some_and(|it| it.id.is_empty() || it.status.is_empty())
        {
            return Err(answer.garbled("the deployment in it has no ID or no status"));
        }
        Ok(answer.indexed(deployment))
    }

    /// `PUT /v1/client/allocation/:id/restart`. The agent answers when the old processes have exited, which may take any time: there is
    /// no limit, and the permit lives until the answer is there. Never repeat one whose outcome is unknown.
    pub(crate) async fn restart(
        &self,
        permit: Permit,
        alloc: &str,
        body: &RestartBody,
    ) -> Result<(), CallError> {
        let call = Call::put(&["client", "allocation", alloc, "restart"]).json(body);
        let answer = self.write(call, Limits::NONE).await;
        permit.give_back().await;
        answer.and_then(|answer| answer.accepted())
    }

    /// `PUT /v1/allocation/:id/stop`: returns when the server has taken it. Repeating it with the same parameters is harmless.
    pub(crate) async fn stop(
        &self,
        permit: Permit,
        alloc: &str,
        no_shutdown_delay: bool,
    ) -> Result<StopAnswer, CallError> {
        let mut call = Call::put(&["allocation", alloc, "stop"]);
        if no_shutdown_delay {
            call = call.param("no_shutdown_delay", "true");
        }
        let answer = self.write(call, Limits::head(STOP_LIMIT)).await;
        permit.give_back().await;
        evaluation_of(&answer?)
    }

    /// `PUT /v1/job/:id/evaluate`: makes the scheduler look at the job once more. Harmless to repeat. Needs `submit-job`, or since
    /// Nomad 1.11.2 `evaluate-job`.
    pub(crate) async fn evaluate(
        &self,
        permit: Permit,
        job: &str,
    ) -> Result<StopAnswer, CallError> {
        let body = EvaluateBody {
            job_id: job.to_owned(),
            eval_options: EvalOptions::default(),
        };
        let call = Call::put(&["job", job, "evaluate"]).json(&body);
        let answer = self.write(call, Limits::head(STOP_LIMIT)).await;
        permit.give_back().await;
        evaluation_of(&answer?)
    }

    /// `GET /v1/evaluation/:id`.
    pub(crate) async fn evaluation(&self, id: &str) -> Result<Indexed<Evaluation>, ReadError> {
        let answer = self.read(Call::get(&["evaluation", id]), None).await?;
        let evaluation: Evaluation = answer.json()?;
        if evaluation.id.is_empty() {
            return Err(answer.garbled("the evaluation in it has no ID"));
        }
        Ok(answer.indexed(evaluation))
    }

    async fn read(&self, call: Call, wait: Option<Wait>) -> Result<Answer, ReadError> {
        let (request, limits) = self.asking(call, wait)?;
        let permit = self.limiter.read().await;
        let answer = self.exchange.read(request, limits).await;
        permit.give_back().await;
        answer
    }

    /// The request of a read, and how long it may take to begin to be answered.
    fn asking(
        &self,
        call: Call,
        wait: Option<Wait>,
    ) -> Result<(Request<Bytes>, Limits), RequestError> {
        let (call, limit) = match wait {
            Some(Wait { index, wait }) => {
                let wait = self.split().hold(wait);
                (
                    call.blocking(index, wait),
                    wait + wait / 16 + Duration::from_secs(10),
                )
            }
            None => (call, READ_LIMIT),
        };
        Ok((self.requests.build(call)?, Limits::head(limit)))
    }

    async fn write(&self, call: Call, limits: Limits) -> Result<Answer, CallError> {
        let request = self
            .requests
            .build(call)
            .map_err(|error| CallError::of_write(error.into()))?;
        self.exchange
            .write(request, limits)
            .await
            .map_err(CallError::of_write)
    }
}

/// What an accepted write says of its evaluation. Status 200 says that it was done, also where the rest of the answer was lost: the id
/// is empty then.
fn evaluation_of(answer: &Answer) -> Result<StopAnswer, CallError> {
    answer.accepted()?;
    Ok(answer.json().unwrap_or_else(|_| StopAnswer {
        eval_id: String::new(),
        index: answer.index(),
    }))
}

mod lists;
mod node;
pub(crate) mod stream;

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod foreign_tests;
#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod time_tests;
