//! A run over the eligible allocations: its loops, their common parts, and the workers beneath them. `lockstep` holds the loop of batches,
//! `window` the one that gives each place away on its own.
//!
//! Nothing of batch k+1 is written before batch k is judged, and nothing is written that has not passed the gate. A stop from outside
//! (a signal, a closed stdout) closes the gate; the loop then waits for the calls that are on their way, for a bounded time, and tells what
//! is done, what is in flight and what was not touched.

mod batch;
mod board;
mod context;
mod deployment;
mod evidence;
mod gate;
mod interrupt;
mod ledger;
mod live;
mod lockstep;
mod pause;
mod progress;
mod system;
mod unit;
mod window;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use batch::Batch;
pub(crate) use context::{Context, Given};
pub(crate) use deployment::deployments_end;
use evidence::evidence;
pub(crate) use gate::{Gate, Stop};
pub(crate) use interrupt::{Desk, Signals, attend, listen};

use crate::event::{Ending, EventKind, Finish, RunError, Trouble};
use crate::exit::SIGINT;
use crate::nomad::limiter::Permit;
use crate::plan::{Action, BatchMode, Pause};
use crate::rules::policy::{BatchResult, Decision, Next, after_answer, after_batch};
use crate::rules::selection::Candidate;
use crate::rules::verdict::relapse;
use crate::rules::window::Left;
use worker::Work;

/// How long a stopped run waits for calls that are on their way.
const LAST_CALLS: Duration = Duration::from_secs(5);
/// How long, within that, it waits for what they have brought about: nodes report within 1.3 s.
const LAST_NEWS: Duration = Duration::from_millis(1500);

/// One run over the eligible allocations.
#[derive(Debug)]
pub(crate) struct Run {
    context: Arc<Context>,
    desk: Desk,
    candidates: Vec<Candidate>,
    /// The number that a percentage is taken of.
    base: usize,
}

/// Why the batch loop ended before its last batch; errors are in the books.
enum Halt {
    Stopped(Trouble),
    Declined,
    Interrupted(Stop),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Interrupted(stop)
    }
}

/// The workers of a run; each gives its place in the processing order and how it left.
type Workers = JoinSet<(usize, Left)>;

/// Waits for the next worker that ends; `None` when there is none any more. One that panicked has booked nothing: the run must not go on
/// as if it had.
async fn next_end(workers: &mut Workers) -> Option<(usize, Left)> {
    match workers.join_next().await? {
        Ok(end) => Some(end),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Waits for all workers.
async fn joined(workers: &mut Workers) {
    while next_end(workers).await.is_some() {}
}

impl Run {
    pub(crate) fn new(
        context: Arc<Context>,
        desk: Desk,
        candidates: Vec<Candidate>,
        base: usize,
    ) -> Self {
        Self {
            context,
            desk,
            candidates,
            base,
        }
    }

    /// Restarts everything, batch by batch. `resume` makes the command that continues, from the pause in force.
    pub(crate) async fn restart(self, resume: impl Fn(Pause) -> String) -> Finish {
        let context = Arc::clone(&self.context);
        let allocations = self.candidates.len();
        tokio::select! {
            biased;
            finish = self.all(resume) => finish,
            never = live::show(&context, allocations) => match never {},
        }
    }

    async fn all(self, resume: impl Fn(Pause) -> String) -> Finish {
        let gate = Arc::clone(&self.context.gate);
        let mut workers = Workers::new();
        let mut pause = self.context.plan.pause;
        let loops = async {
            match self.context.plan.mode {
                BatchMode::Lockstep => self.batches(&mut workers, &mut pause).await,
                BatchMode::Window => self.window(&mut workers, &mut pause).await,
            }
        };
        let ended = tokio::select! {
            biased;
            stop = gate.closed() => Err(Halt::Interrupted(stop)),
            ended = loops => ended,
        };
        let mut cause = None;
        let how = match ended {
            Ok(last) => {
                cause = last;
                Ending::Completed
            }
            Err(Halt::Stopped(trouble)) => {
                cause = Some(trouble);
                Ending::Stopped
            }
            Err(Halt::Declined) => Ending::Declined,
            Err(Halt::Interrupted(stop)) => {
                // The workers go on judging meanwhile, so that what comes back in time is told as done, and the servers show what
                // is under way to the run that continues.
                let last = async {
                    self.context.calls.idle().await;
                    let _ = timeout(LAST_NEWS, joined(&mut workers)).await;
                };
                let _ = timeout(LAST_CALLS, last).await;
                if self.needs_evaluations() {
                    self.bring_back().await;
                }
                Ending::Interrupted {
                    signal: stop.signal,
                }
            }
        };
        workers.abort_all();
        let ledger = self.context.ledger();
        Finish {
            how,
            cause,
            errors: ledger.errors_since(0),
            summary: ledger.summary(),
            resume: Some(resume(pause)),
        }
    }

    /// The trouble that made the last batch end before its time, or another one impossible.
    fn cut_short(&self, mark: usize) -> Option<Trouble> {
        let context = &self.context;
        let ledger = context.ledger();
        let untouched = !ledger.summary().untouched.is_empty();
        unrecoverable_trouble(&ledger.errors_since(mark))
            .or_else(|| untouched.then_some(Trouble::Failure))
    }

    /// Says so where fewer calls are sent at once than there might be.
    fn tell_of_connections(&self, calls: usize) {
        let at_once = self.context.client.split().writes;
        let is_in_place = matches!(self.context.plan.action, Action::InPlace(_));
        if is_in_place && calls > at_once {
            let pipelined = match at_once {
                1 => "Restart calls are sent one at a time".to_owned(),
                _ => format!("At most {at_once} restart calls are sent at once"),
            };
            self.context.reporter.emit(EventKind::Notice(format!(
                "{pipelined}, to spare the agent's connections"
            )));
        }
    }

    /// Starts the worker of the allocation at this place in the processing order; with the permit for its first write if there is one.
    fn launch(
        &self,
        workers: &mut Workers,
        place: usize,
        shared: &Arc<Batch>,
        permit: Option<Permit>,
    ) {
        let work = Work {
            place,
            candidate: self.candidates[place].clone(),
            batch: Arc::clone(shared),
        };
        workers.spawn(worker::work(Arc::clone(&self.context), work, permit));
    }

    /// What follows a batch; gives the wait before the next one.
    async fn policy(&self, mark: usize, pause: &mut Pause) -> Result<Duration, Halt> {
        let context = &self.context;
        let errors = context.ledger().errors_since(mark);
        let result = BatchResult::of(errors.iter().map(|error| error.unrecoverable));
        let exceeded = context.exceeded();
        match after_batch(&context.plan, *pause, result, exceeded.is_some()) {
            Next::GoOn { pause } => Ok(pause),
            Next::Stop { unrecoverable } => {
                context.reporter.emit(EventKind::Stopping {
                    unrecoverable,
                    exceeded,
                });
                let trouble = unrecoverable_trouble(&errors).unwrap_or(Trouble::Failure);
                Err(Halt::Stopped(trouble))
            }
            Next::Ask(question) => {
                if !errors.is_empty() {
                    context.reporter.emit(EventKind::BatchErrors { errors });
                }
                match after_answer(&self.desk.ask(question).await, *pause) {
                    Decision::GoOn { wait, pause: new } => {
                        if new != *pause {
                            context.reporter.emit(EventKind::NewPause { pause: wait });
                        }
                        *pause = new;
                        Ok(wait)
                    }
                    Decision::Decline => Err(Halt::Declined),
                    Decision::Interrupt => {
                        // Ctrl-C at the question: the gate is about to be closed by the signal itself.
                        context.gate.close(Stop { signal: SIGINT });
                        Err(Halt::Interrupted(Stop { signal: SIGINT }))
                    }
                }
            }
        }
    }

    /// Looks once more at what is done: what has failed since is an error, and no longer counts as done.
    async fn relapses(&self, batch: &Batch) {
        let context = &self.context;
        let mut failed = Vec::new();
        context.feed.read(|view| {
            context.done().retain(|done| {
                let cause = relapse(&done.base, done.by.as_ref(), view);
                let is_well = cause.is_none();
                failed.extend(cause.map(|cause| (done.place, done.base.allocation.clone(), cause)));
                is_well
            });
        });
        for (place, allocation, cause) in failed {
            let mut text = cause.sentence(context.plan.verbose);
            if cause.exited().is_some() && batch.may_look_into() {
                text += &evidence(context, &cause).await;
            }
            let error = RunError {
                allocation: Some(allocation),
                text,
                unrecoverable: cause.is_unrecoverable(),
                trouble: cause.trouble(),
            };
            context.fail(place, error);
        }
    }

    /// An error of the run, not of an allocation: it ends the run.
    fn fail(&self, place: usize, text: String, trouble: Trouble) -> Halt {
        self.context.ledger().error(
            place,
            RunError {
                allocation: None,
                text,
                unrecoverable: true,
                trouble,
            },
        );
        Halt::Stopped(trouble)
    }
}

/// The kind of the first error that is likely to happen again.
fn unrecoverable_trouble(errors: &[RunError]) -> Option<Trouble> {
    let mut unrecoverable = errors.iter().filter(|error| error.unrecoverable);
    unrecoverable.next().map(|error| error.trouble)
}
