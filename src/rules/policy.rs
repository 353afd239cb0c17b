//! What follows a batch that is not the last one, and what an answer leads to.

use std::time::Duration;

use crate::event::{Answer, Exceeded, Question};
use crate::plan::{BatchMode, MaxFailures, OnError, Pause, RestartPlan};

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BatchResult {
    Ok,
    /// With errors, none of which is likely to happen again.
    Recoverable,
    /// With an error that is.
    Unrecoverable,
}

impl BatchResult {
    /// The result of a batch with these errors: for each whether it is unrecoverable.
    pub(crate) fn of(errors: impl IntoIterator<Item = bool>) -> Self {
        errors
            .into_iter()
            .map(|unrecoverable| {
                if unrecoverable {
                    Self::Unrecoverable
                } else {
                    Self::Recoverable
                }
            })
            .max()
            .unwrap_or(Self::Ok)
    }
}

/// What follows a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next batch, after this pause (zero = none).
    GoOn {
        pause: Duration,
    },
    Ask(Question),
    /// The run ends; `unrecoverable` is what it is said to end for.
    Stop {
        unrecoverable: bool,
    },
}

/// How many of `base` eligible allocations may fail; `None` = this stops nothing.
pub(crate) fn allowed_failures(max: Option<MaxFailures>, base: usize) -> Option<usize> {
    match max? {
        MaxFailures::Count(count) => Some(usize::try_from(count).unwrap_or(usize::MAX)),
        MaxFailures::Percent(percent) => {
            let part = base as u128 * u128::from(percent.min(100)) / 100;
            // At most `base`, which came from a `usize`.
            Some(usize::try_from(part).unwrap_or(base))
        }
    }
}

/// Whether so many failed allocations are more than allowed.
pub(crate) fn exceeded(failed: usize, allowed: Option<usize>) -> Option<Exceeded> {
    let allowed = allowed?;
    (failed > allowed).then_some(Exceeded { failed, allowed })
}

/// What follows a batch that is not the last, or a sliding window that was held. `pause` is the current one: an answer may have replaced the one of the plan. `exceeded`:
/// more allocations have failed than `-max-failures` allows.
pub(crate) fn after_batch(
    plan: &RestartPlan,
    pause: Pause,
    result: BatchResult,
    exceeded: bool,
) -> Next {
    let unrecoverable = result == BatchResult::Unrecoverable;
    let failed = result != BatchResult::Ok;
    let durations = pause == Pause::Ask;
    // Up to its number, -max-failures has answered the question.
    let tolerated = plan.max_failures.is_some() && !unrecoverable;
    if failed && plan.on_error == OnError::Fail {
        return Next::Stop {
            unrecoverable: false,
        };
    }
    // A yes to the question could not be acted on: the next batch would stop for the same number.
    if exceeded || (unrecoverable && plan.yes) {
        return Next::Stop { unrecoverable };
    }
    if failed && !plan.yes && !tolerated && plan.mode == BatchMode::Window {
        return Next::Ask(Question::IgnoreErrorsInWindow { unrecoverable });
    }
    if failed && !plan.yes && !tolerated {
        return Next::Ask(Question::IgnoreErrors {
            unrecoverable,
            durations,
        });
    }
    match (plan.yes, pause) {
        (_, Pause::Fixed(pause)) => Next::GoOn { pause },
        (false, Pause::Ask) => Next::Ask(Question::NextBatch { durations }),
        (true, Pause::Ask) => Next::GoOn {
            pause: Duration::ZERO,
        },
    }
}

/// Whether errors like these end or question a run as soon as they happen: with a sliding window nothing more is started then, until
/// what is in flight has ended and [`after_batch`] says what follows.
pub(crate) fn holds(plan: &RestartPlan, result: BatchResult, exceeded: bool) -> bool {
    plan.mode == BatchMode::Window
        && result != BatchResult::Ok
        && !matches!(
            after_batch(plan, plan.pause, result, exceeded),
            Next::GoOn { .. }
        )
}

/// What an answer to a question in mid-run leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The next batch, after `wait` (zero = none). `pause` is the current one from now on.
    GoOn { wait: Duration, pause: Pause },
    /// The run ends: the operator said no.
    Decline,
    /// The run ends as by a confirmed interrupt.
    Interrupt,
}

/// What an answer to a question about the next batch, or about errors, leads to. `pause` is the current one. A duration is
/// waited for now and from now on, and switches asking off.
pub(crate) fn after_answer(answer: &Answer, pause: Pause) -> Decision {
    match (answer, pause) {
        (Answer::Yes, Pause::Fixed(wait)) => Decision::GoOn { wait, pause },
        (Answer::Yes, Pause::Ask) => Decision::GoOn {
            wait: Duration::ZERO,
            pause,
        },
        (Answer::Pause(wait), _) => Decision::GoOn {
            wait: *wait,
            pause: Pause::Fixed(*wait),
        },
        (Answer::Interrupted, _) => Decision::Interrupt,
        // Neither question offers choices.
        (Answer::No | Answer::EndOfInput | Answer::Choice(_), _) => Decision::Decline,
    }
}

/// Whether an answer to [`Question::Interrupt`] stops the run: yes, the end of input, and Ctrl-C do.
pub(crate) fn stops(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::Yes | Answer::EndOfInput | Answer::Interrupted
    )
}

#[cfg(test)]
mod tests;
