//! The loop of batches: guard, batch, join, policy, pause, as one linear piece of code.

use std::ops::Range;
use std::sync::Arc;

use super::batch::Batch;
use super::{Halt, Run, Workers, next_end};
use crate::event::{EventKind, Trouble};
use crate::plan::Pause;
use crate::report::Turn;
use crate::rules::batches::{size, split};

impl Run {
    /// Gives what would have stopped the run if the last batch were not the last.
    pub(super) async fn batches(
        &self,
        workers: &mut Workers,
        pause: &mut Pause,
    ) -> Result<Option<Trouble>, Halt> {
        let context = &self.context;
        let size = size(context.plan.batch, self.base);
        context.reporter.emit(EventKind::Selected {
            allocations: self.candidates.len(),
        });
        let mut first = 0;
        let batches = split(&self.candidates, size);
        let of = batches.len();
        for (number, batch) in batches.enumerate() {
            context.gate.pass().await?;
            let members: Vec<_> = batch.iter().map(|it| Arc::clone(&it.id)).collect();
            self.guard(first, &members).await?;
            let number = number + 1;
            context.board.set_turn(Turn::Batch { number, of });
            context.reporter.emit(EventKind::BatchStarted {
                number,
                of,
                allocations: batch.len(),
                size,
            });
            if first == 0 && self.needs_evaluations() {
                self.probe().await?;
            }
            let mark = context.ledger().mark();
            let shared = Batch::new();
            // No later batch is larger than the first one.
            if first == 0 {
                self.tell_of_connections(batch.len());
            }
            let next = first + batch.len();
            let evaluations = async {
                if self.needs_evaluations() {
                    self.evaluate_batch(&shared, batch).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = self.work_off(first..next, workers, &shared) => {}
                () = evaluations => {}
            }
            self.relapses(&shared).await;
            context.reporter.emit(EventKind::BatchEnded { number });
            if next == self.candidates.len() {
                return Ok(self.cut_short(mark));
            }
            // What follows a batch waits for the answer to an open interrupt question.
            context.gate.pass().await?;
            let wait = self.policy(mark, pause).await?;
            self.pause(wait, next).await?;
            first = next;
        }
        Ok(None)
    }

    /// Brings these places of the processing order to their end. Each begins when there is a permit for its first write: of thousands
    /// that wait, nothing is kept.
    async fn work_off(
        &self,
        mut waiting: Range<usize>,
        workers: &mut Workers,
        shared: &Arc<Batch>,
    ) {
        loop {
            tokio::select! {
                biased;
                Some(_) = next_end(workers) => {}
                permit = self.context.client.write_permit(), if !waiting.is_empty() => {
                    if let Some(place) = waiting.next() {
                        self.launch(workers, place, shared, Some(permit));
                    }
                }
                else => break,
            }
        }
    }
}
