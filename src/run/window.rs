//! The loop of a sliding window: whenever one in flight is done, the next one takes its place.
//!
//! Gate, guard and policy are those of batches. An error after which a batch would not be followed by the next one at once holds the
//! window: what is in flight is brought in, and then the same policy says what follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::{Halt, Run, Workers, next_end};
use crate::event::{EventKind, Trouble};
use crate::plan::Pause;
use crate::report::Turn;
use crate::rules::batches::size;
use crate::rules::policy::holds;
use crate::rules::window::Window;

/// How often what is done is looked at once more: a look at each start would cost more than the starts in a large run.
const RELAPSES: Duration = Duration::from_secs(1);

/// When what is known was brought up to date last.
#[derive(Debug)]
struct Looks {
    /// The job and its deployment.
    read: Option<Instant>,
    /// What is done.
    relapses: Instant,
}

impl Run {
    /// Gives what would have stopped the run if there had been more to do.
    pub(super) async fn window(
        &self,
        workers: &mut Workers,
        pause: &mut Pause,
    ) -> Result<Option<Trouble>, Halt> {
        let context = &self.context;
        let count = self.candidates.len();
        let at_once = size(context.plan.batch, self.base).min(count);
        context.reporter.emit(EventKind::SelectedForWindow {
            allocations: count,
            at_once,
        });
        context.board.set_turn(Turn::Window { at_once });
        self.tell_of_connections(at_once);
        let wait = match *pause {
            Pause::Fixed(wait) => wait,
            // Refused on the command line.
            Pause::Ask => Duration::ZERO,
        };
        let now = Instant::now();
        let mut window = Window::new(count, at_once, wait, now);
        let mut looks = Looks {
            read: None,
            relapses: now,
        };
        let mut shared = Batch::new();
        let mut mark = context.ledger().mark();
        let mut told = false;

        while !window.is_over() {
            if self.is_held(&mut mark) {
                shared.hold();
                bring_in(workers, &mut window).await;
                self.relapses(&shared).await;
                if !window.has_waiting() {
                    break;
                }
                // What follows waits for the answer to an open interrupt question.
                context.gate.pass().await?;
                let wait = self.policy(mark, pause).await?;
                mark = context.ledger().mark();
                shared = Batch::new();
                window.go_on(wait, Instant::now());
                told = false;
                continue;
            }
            let ready = window.ready(Instant::now());
            if let Some(first) = ready.first() {
                context.gate.pass().await?;
                if let Err(halt) = self.clear(*first, &ready, &mut looks, &shared).await {
                    shared.hold();
                    bring_in(workers, &mut window).await;
                    return Err(halt);
                }
                // Nothing is awaited from here on: what was found out still holds when they start.
                if !self.is_held(&mut mark) {
                    for place in ready {
                        window.start(place);
                        self.launch(workers, place, &shared, None);
                    }
                }
                continue;
            }
            let next = window.next_place();
            if next.is_some() && !std::mem::replace(&mut told, true) {
                context
                    .reporter
                    .emit(EventKind::PausingEach { pause: wait });
            }
            let turn = window.next().unwrap_or(count);
            tokio::select! {
                biased;
                Some((place, left)) = next_end(workers) => window.end(place, left, Instant::now()),
                halt = self.blocked(turn), if next.is_some() => {
                    shared.hold();
                    bring_in(workers, &mut window).await;
                    return Err(halt);
                }
                () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            }
        }
        self.relapses(&shared).await;
        Ok(self.cut_short(mark))
    }

    /// Whether the errors since `mark` hold the window. What is put up with is passed over.
    fn is_held(&self, mark: &mut usize) -> bool {
        let context = &self.context;
        let (result, now) = {
            let ledger = context.ledger();
            (ledger.result_since(*mark), ledger.mark())
        };
        let held = holds(&context.plan, result, context.exceeded().is_some());
        if !held {
            *mark = now;
        }
        held
    }

    /// What comes before a start: another look at what is done, and the guard.
    async fn clear(
        &self,
        first: usize,
        ready: &[usize],
        looks: &mut Looks,
        shared: &Batch,
    ) -> Result<(), Halt> {
        if looks.relapses.elapsed() >= RELAPSES {
            looks.relapses = Instant::now();
            self.relapses(shared).await;
        }
        let members: Vec<_> = ready
            .iter()
            .map(|place| Arc::clone(&self.candidates[*place].id))
            .collect();
        self.guard_turn(first, &members, &mut looks.read).await
    }
}

/// Waits for all that is in flight; what was not touched keeps its turn.
async fn bring_in(workers: &mut Workers, window: &mut Window) {
    while let Some((place, left)) = next_end(workers).await {
        window.end(place, left, Instant::now());
    }
}
