//! What follows a batch that is not the last (behaviour 5.8, design section 9).

use std::time::Duration;

use crate::event::{Answer, Question, RunError};
use crate::plan::{OnError, Pause, RestartPlan};

/// What the run does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next batch, after this wait.
    GoOn {
        wait: Duration,
    },
    Ask(Question),
    Stop {
        unrecoverable: bool,
    },
}

/// What an answer after a batch leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Decline,
    /// The next batch, after this wait.
    GoOn {
        wait: Duration,
    },
    /// The next batch after this wait, and so from now on; no more questions between batches.
    NewPause(Duration),
}

/// Decides after a batch with these errors. `pause` is the one in force, which an answer may have changed.
pub(crate) fn after_batch(plan: &RestartPlan, pause: Pause, errors: &[RunError]) -> Next {
    let unrecoverable = errors.iter().any(|error| error.unrecoverable);
    let durations = pause == Pause::Ask;
    if errors.is_empty() {
        if durations && !plan.yes {
            return Next::Ask(Question::NextBatch { durations });
        }
    } else if plan.on_error == OnError::Fail {
        return Next::Stop {
            unrecoverable: false,
        };
    } else if !plan.yes {
        return Next::Ask(Question::IgnoreErrors {
            unrecoverable,
            durations,
        });
    } else if unrecoverable {
        return Next::Stop {
            unrecoverable: true,
        };
    }
    Next::GoOn { wait: fixed(pause) }
}

/// What the operator's answer means. Whatever is no clear yes ends the run.
pub(crate) fn after_answer(answer: &Answer, pause: Pause) -> Then {
    match answer {
        Answer::Yes => Then::GoOn { wait: fixed(pause) },
        Answer::Pause(wait) => Then::NewPause(*wait),
        Answer::No | Answer::EndOfInput | Answer::Interrupted | Answer::Choice(_) => Then::Decline,
    }
}

/// The wait without a question.
fn fixed(pause: Pause) -> Duration {
    match pause {
        Pause::Fixed(wait) => wait,
        Pause::Ask => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, BatchSize, Progress, Tasks, Timeout};

    const W: Duration = Duration::from_secs(10);

    fn plan(yes: bool, on_error: OnError) -> RestartPlan {
        RestartPlan {
            job: "web".into(),
            exact: false,
            action: Action::InPlace(Tasks::Running),
            groups: Vec::new(),
            batch: BatchSize::Count(1),
            pause: Pause::Fixed(W),
            on_error,
            yes,
            timeout: Timeout::FromJob,
            started_before: None,
            verbose: false,
            progress: Progress::Plain,
        }
    }

    fn errors(kinds: &[bool]) -> Vec<RunError> {
        kinds
            .iter()
            .map(|unrecoverable| RunError {
                allocation: None,
                text: "boom".into(),
                unrecoverable: *unrecoverable,
            })
            .collect()
    }

    #[test]
    fn the_truth_table() {
        const OK: &[bool] = &[];
        const RECOVERABLE: &[bool] = &[false];
        const UNRECOVERABLE: &[bool] = &[false, true];
        let fixed = Pause::Fixed(W);
        let go_on = |wait| Next::GoOn { wait };
        let q2 = || Next::Ask(Question::NextBatch { durations: true });
        let q3 = |unrecoverable, durations| {
            Next::Ask(Question::IgnoreErrors {
                unrecoverable,
                durations,
            })
        };
        let stop = |unrecoverable| Next::Stop { unrecoverable };
        use OnError::{Ask, Fail};
        for (row, yes, on_error, pause, batch, expected) in [
            ("5.8.1", false, Ask, fixed, OK, go_on(W)),
            ("5.8.2", false, Ask, fixed, RECOVERABLE, q3(false, false)),
            ("5.8.3", false, Ask, fixed, UNRECOVERABLE, q3(true, false)),
            ("5.8.4", false, Ask, Pause::Ask, OK, q2()),
            (
                "5.8.5",
                false,
                Ask,
                Pause::Ask,
                RECOVERABLE,
                q3(false, true),
            ),
            (
                "5.8.6",
                false,
                Ask,
                Pause::Ask,
                UNRECOVERABLE,
                q3(true, true),
            ),
            ("5.8.7", false, Fail, fixed, OK, go_on(W)),
            ("5.8.8", false, Fail, fixed, RECOVERABLE, stop(false)),
            ("5.8.8", false, Fail, fixed, UNRECOVERABLE, stop(false)),
            ("5.8.9", false, Fail, Pause::Ask, OK, q2()),
            ("5.8.10", false, Fail, Pause::Ask, RECOVERABLE, stop(false)),
            ("5.8.11", true, Ask, fixed, OK, go_on(W)),
            ("5.8.12", true, Ask, fixed, RECOVERABLE, go_on(W)),
            ("5.8.13", true, Ask, fixed, UNRECOVERABLE, stop(true)),
            ("5.8.14", true, Ask, Pause::Ask, OK, go_on(Duration::ZERO)),
            (
                "5.8.14",
                true,
                Ask,
                Pause::Ask,
                RECOVERABLE,
                go_on(Duration::ZERO),
            ),
            ("5.8.15", true, Ask, Pause::Ask, UNRECOVERABLE, stop(true)),
            ("5.8.16", true, Fail, fixed, OK, go_on(W)),
            ("5.8.17", true, Fail, Pause::Ask, OK, go_on(Duration::ZERO)),
            ("5.8.18", true, Fail, fixed, RECOVERABLE, stop(false)),
            ("5.8.18", true, Fail, Pause::Ask, UNRECOVERABLE, stop(false)),
        ] {
            assert_eq!(
                after_batch(&plan(yes, on_error), pause, &errors(batch)),
                expected,
                "{row}"
            );
        }
    }

    #[test]
    fn a_yes_keeps_the_pause_and_a_duration_replaces_it() {
        let fixed = Pause::Fixed(W);
        assert_eq!(after_answer(&Answer::Yes, fixed), Then::GoOn { wait: W });
        assert_eq!(
            after_answer(&Answer::Yes, Pause::Ask),
            Then::GoOn {
                wait: Duration::ZERO
            }
        );
        assert_eq!(
            after_answer(&Answer::Pause(W), Pause::Ask),
            Then::NewPause(W)
        );
        for answer in [Answer::No, Answer::EndOfInput, Answer::Interrupted] {
            assert_eq!(after_answer(&answer, fixed), Then::Decline);
        }
    }
}
