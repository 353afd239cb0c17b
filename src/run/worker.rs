//! One worker per allocation: it brings each of its writes about and books what became of them.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::batch::Batch;
use super::context::Context;
use super::ledger::Fate;
use super::unit::{End, Unit};
use crate::event::{EventKind, Target};
use crate::nomad::limiter::Permit;
use crate::plan::{Action, Tasks};
use crate::rules::policy::{BatchResult, holds};
use crate::rules::selection::Candidate;
use crate::rules::window::Left;

/// An allocation whose turn has come.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// Its place in the processing order.
    pub(super) place: usize,
    pub(super) candidate: Candidate,
    pub(super) batch: Arc<Batch>,
}

/// Handles one allocation from its turn to its verdict, and books the result. Gives its place in the processing order, and how it left.
/// `permit` is for its first write; others are waited for.
pub(super) async fn work(
    context: Arc<Context>,
    work: Work,
    mut permit: Option<Permit>,
) -> (usize, Left) {
    let candidate = &work.candidate;
    let mut targets = targets(&context, candidate);
    if targets.len() == 1
        && let Some(target) = targets.pop()
    {
        let end = Unit::new(&context, &work, target).run(permit).await;
        return (work.place, book(&context, &work, vec![end]));
    }
    let mut units = JoinSet::new();
    for (order, target) in targets.into_iter().enumerate() {
        let unit = Unit::new(&context, &work, target);
        let permit = permit.take();
        units.spawn(async move { (order, unit.run(permit).await) });
    }
    let mut joined = units.join_all().await;
    joined.sort_by_key(|(order, _)| *order);
    let ends = joined.into_iter().map(|(_, end)| end).collect();
    (work.place, book(&context, &work, ends))
}

/// The writes that an allocation needs: one, or one per named task.
fn targets(context: &Context, candidate: &Candidate) -> Vec<Target> {
    match &context.plan.action {
        Action::InPlace(Tasks::Running) => vec![Target::RunningTasks],
        Action::InPlace(Tasks::All) => vec![Target::AllTasks],
        Action::InPlace(Tasks::Named(_)) => candidate
            .tasks
            .iter()
            .map(|task| Target::Task(task.name.clone()))
            .collect(),
        Action::Reschedule { .. } => vec![Target::Reschedule],
    }
}

fn book(context: &Context, work: &Work, ends: Vec<End>) -> Left {
    let id = &work.candidate.id;
    work.batch.end(id);
    let untouched = ends.iter().all(|end| matches!(end, End::Untouched));
    let touched = |end: &End| matches!(end, End::Done | End::Failed(_));
    let left = match ends.iter().any(touched) {
        _ if untouched => Left::Untouched,
        true => Left::Ended,
        false => Left::Skipped,
    };
    let mut done = true;
    let mut told: Vec<String> = Vec::new();
    for end in ends {
        match end {
            End::Done => {}
            // Some of its tasks were not sent: what was sent stays booked as in flight.
            End::Untouched => done = false,
            End::Skipped(reason) => {
                done = false;
                let reason = reason.clause(context.plan.verbose);
                context.reporter.emit(EventKind::AllocationSkipped {
                    allocation: Arc::clone(id),
                    reason: reason.clone(),
                });
                context.set(id, Fate::Skipped(reason));
            }
            End::Failed(error) => {
                done = false;
                // Several of its tasks were waited for, and the same may have ended each wait. What was found out about it follows.
                let cause = error.text.lines().next().unwrap_or_default().to_owned();
                if told.contains(&cause) {
                    continue;
                }
                told.push(cause);
                let unrecoverable = error.unrecoverable;
                context.fail(work.place, error);
                let exceeded = context.exceeded().is_some();
                if holds(&context.plan, BatchResult::of([unrecoverable]), exceeded) {
                    work.batch.hold();
                } else if unrecoverable || exceeded {
                    work.batch.halt();
                }
            }
        }
    }
    if untouched {
        context.set(id, Fate::Untouched);
    } else if done {
        context.set(id, Fate::Done);
        context.reporter.emit(EventKind::AllocationDone {
            allocation: Arc::clone(id),
        });
    }
    left
}
