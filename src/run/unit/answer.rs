//! Sending a write, and what its answer means: sent again is only what cannot have been carried out, or may be carried out twice.

use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep};

use super::{End, Unit};
use crate::event::{Target, Trouble};
use crate::nomad::error::{ApiError, CallError, ReadError};
use crate::nomad::limiter::Permit;
use crate::nomad::request::RestartBody;
use crate::nomad::retry::Backoff;
use crate::plan::Action;
use crate::rules::selection::{LeftOut, recheck};
use crate::rules::verdict::{CallState, Cause, Confirm, Want};

/// How a call ended, or that its task was ended.
type Outcome = Result<Result<(), CallError>, JoinError>;

/// A write call on its way, and what is known of it.
pub(super) struct Write {
    handle: Option<JoinHandle<Result<(), CallError>>>,
    pub(super) state: CallState,
    /// Why its answer was lost.
    pub(super) lost: String,
    backoff: Backoff,
}

impl Write {
    /// Whether an answer is still to come.
    pub(super) fn is_open(&self) -> bool {
        self.handle.is_some()
    }

    /// Waits for the answer; for ever when none is to come.
    pub(super) async fn answer(&mut self) -> Outcome {
        let Some(handle) = &mut self.handle else {
            return std::future::pending().await;
        };
        let outcome = handle.await;
        self.handle = None;
        outcome
    }

    /// Whether a server may have taken it, now or at an earlier attempt.
    fn may_have_arrived(&self) -> bool {
        self.state != CallState::NotSent
    }
}

impl Unit {
    /// Sends the write for the first time.
    pub(super) fn begin(&self, permit: Permit) -> Write {
        Write {
            handle: Some(self.send(permit)),
            state: CallState::Open,
            lost: String::new(),
            backoff: self.context.client.backoff(),
        }
    }

    fn no_shutdown_delay(&self) -> bool {
        matches!(
            self.context.plan.action,
            Action::Reschedule {
                no_shutdown_delay: true
            }
        )
    }

    /// Sends the write from a task of its own, which owns the permit: a call that nobody waits for still takes its place at the agent.
    fn send(&self, permit: Permit) -> JoinHandle<Result<(), CallError>> {
        let client = self.context.client.clone();
        let open = self.context.calls.begin();
        let id = Arc::clone(self.id());
        let no_shutdown_delay = self.no_shutdown_delay();
        let body = match &self.target {
            Target::RunningTasks => Some(RestartBody::default()),
            Target::AllTasks => Some(RestartBody {
                all_tasks: true,
                ..RestartBody::default()
            }),
            Target::Task(task) => Some(RestartBody {
                task_name: task.clone(),
                ..RestartBody::default()
            }),
            Target::Reschedule => None,
        };
        tokio::spawn(async move {
            let _open = open;
            match body {
                Some(body) => client.restart(permit, &id, &body).await,
                None => client
                    .stop(permit, &id, no_shutdown_delay)
                    .await
                    .map(|_| ()),
            }
        })
    }

    /// Takes the answer to a write in; gives the end of the wait if it is one.
    pub(super) async fn answered(
        &self,
        write: &mut Write,
        want: &Want,
        outcome: Outcome,
    ) -> Option<End> {
        let error = match outcome {
            Ok(Ok(())) => {
                write.state = CallState::Accepted(Instant::now());
                return None;
            }
            Ok(Err(error)) => error,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        match error {
            CallError::Refused(error) => self.refused(write, &error).await,
            CallError::NotSent(error) => {
                if write.state == CallState::Open {
                    write.state = CallState::NotSent;
                }
                self.again(write, want, &error.to_string()).await
            }
            CallError::Unknown(_) | CallError::Garbled(_) => {
                write.state = CallState::Unknown(Instant::now());
                write.lost = error.to_string();
                if self.target == Target::Reschedule {
                    // Harmless to repeat: the same transition is merged once more.
                    return self.again(write, want, &error.to_string()).await;
                }
                None
            }
        }
    }

    /// Sends once more, unless the time is up, the gate has closed, or the allocation needs it no longer.
    async fn again(&self, write: &mut Write, want: &Want, error: &str) -> Option<End> {
        let may_have_arrived = write.may_have_arrived();
        let delay = write.backoff.next_delay();
        if want
            .deadline
            .is_some_and(|deadline| Instant::now() + delay >= deadline)
        {
            let text = format!("the call could not be sent within the time limit: {error}");
            return (!may_have_arrived).then(|| self.error(text, true, Trouble::Connection));
        }
        if !may_have_arrived {
            self.context.ledger().not_taken(self.id());
        }
        sleep(delay).await;
        if may_have_arrived && let Err(error) = self.look().await {
            return Some(self.lost(&error));
        }
        let permit = self.context.client.write_permit().await;
        match self.pass(permit).await {
            Ok((permit, _)) => {
                write.handle = Some(self.send(permit));
                if !may_have_arrived {
                    write.state = CallState::Open;
                    self.context.ledger().sent(self.id());
                }
                None
            }
            // What may have arrived is waited for, whatever keeps it from being repeated.
            Err(_) if may_have_arrived => None,
            Err(end) => Some(end),
        }
    }

    /// Nomad refused. What ended or was replaced meanwhile is skipped, as it would have been a moment later; unless an earlier
    /// attempt may have brought that about.
    async fn refused(&self, write: &Write, error: &ReadError) -> Option<End> {
        let context = &self.context;
        let permission = error.is_permission_denied();
        if !permission && self.look().await.is_ok() {
            let changed = context
                .feed
                .read(|view| recheck(view, &self.candidate, &context.plan));
            if let Err(
                reason @ (LeftOut::Gone
                | LeftOut::Replaced { .. }
                | LeftOut::NotRunning { .. }
                | LeftOut::Migrating),
            ) = changed
            {
                let ours = matches!(write.state, CallState::Unknown(_));
                return (!ours).then_some(End::Skipped(reason));
            }
        }
        let unreachable = error.api().is_some_and(ApiError::is_no_path_to_node);
        let hint = if unreachable && self.target != Target::Reschedule {
            "; its node is down or cut off, -reschedule can move the allocation".to_owned()
        } else {
            error.right("alloc-lifecycle", Some(&context.job.namespace))
        };
        Some(self.failed(&Cause::Refused {
            target: self.target.clone(),
            text: format!("{error}{hint}"),
            permission,
        }))
    }

    /// Brings what is known of the allocation up to date.
    async fn look(&self) -> Result<(), ReadError> {
        let allocation = Confirm::Allocation(Arc::clone(self.id()));
        self.context.feed.confirm(&allocation).await
    }
}
