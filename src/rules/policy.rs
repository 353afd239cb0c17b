//! What follows a batch that is not the last one (design section 9, behaviour 5.8), and what an answer leads to.

use std::time::Duration;

use crate::event::{Answer, Question};
use crate::plan::{OnError, Pause, RestartPlan};

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

/// What follows a batch that is not the last. `pause` is the current one: an answer may have replaced the one of the plan.
pub(crate) fn after_batch(plan: &RestartPlan, pause: Pause, result: BatchResult) -> Next {
    let unrecoverable = result == BatchResult::Unrecoverable;
    let failed = result != BatchResult::Ok;
    let durations = pause == Pause::Ask;
    if failed && plan.on_error == OnError::Fail {
        return Next::Stop {
            unrecoverable: false,
        };
    }
    if unrecoverable && plan.yes {
        return Next::Stop {
            unrecoverable: true,
        };
    }
    match (plan.yes, failed, pause) {
        (false, true, _) => Next::Ask(Question::IgnoreErrors {
            unrecoverable,
            durations,
        }),
        (false, false, Pause::Ask) => Next::Ask(Question::NextBatch { durations }),
        (_, _, Pause::Fixed(pause)) => Next::GoOn { pause },
        (true, _, Pause::Ask) => Next::GoOn {
            pause: Duration::ZERO,
        },
    }
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

/// What an answer to [`Question::NextBatch`] or [`Question::IgnoreErrors`] leads to. `pause` is the current one. A duration is
/// waited for now and from now on, and switches asking off (behaviour 5.8.22).
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
mod tests {
    use std::time::Duration;

    use super::{BatchResult, Decision, Next, after_answer, after_batch, stops};
    use crate::event::{Answer, Question};
    use crate::plan::{OnError, Pause, RestartPlan};
    use crate::rules::samples::{in_place, plan};

    const W: Duration = Duration::from_secs(10);
    const NONE: Duration = Duration::ZERO;

    fn next(yes: bool, on_error: OnError, pause: Pause, result: BatchResult) -> Next {
        let plan = RestartPlan {
            on_error,
            yes,
            ..plan(in_place())
        };
        after_batch(&plan, pause, result)
    }

    fn errors(unrecoverable: bool, durations: bool) -> Next {
        Next::Ask(Question::IgnoreErrors {
            unrecoverable,
            durations,
        })
    }

    #[test]
    fn what_follows_a_batch() {
        use BatchResult::{Ok, Recoverable, Unrecoverable};
        use OnError::{Ask, Fail};
        use Pause::{Ask as Asks, Fixed};

        let wait = Next::GoOn { pause: W };
        let at_once = Next::GoOn { pause: NONE };
        let ask = Next::Ask(Question::NextBatch { durations: true });
        let stop = Next::Stop {
            unrecoverable: false,
        };
        let hard_stop = Next::Stop {
            unrecoverable: true,
        };
        // behaviour 5.8.1 to 5.8.18; T34, T55
        let table = [
            (1, false, Ask, Fixed(W), Ok, &wait),
            (2, false, Ask, Fixed(W), Recoverable, &errors(false, false)),
            (3, false, Ask, Fixed(W), Unrecoverable, &errors(true, false)),
            (4, false, Ask, Asks, Ok, &ask),
            (5, false, Ask, Asks, Recoverable, &errors(false, true)),
            (6, false, Ask, Asks, Unrecoverable, &errors(true, true)),
            (7, false, Fail, Fixed(W), Ok, &wait),
            (8, false, Fail, Fixed(W), Recoverable, &stop),
            (8, false, Fail, Fixed(W), Unrecoverable, &stop),
            (9, false, Fail, Asks, Ok, &ask),
            (10, false, Fail, Asks, Recoverable, &stop),
            (10, false, Fail, Asks, Unrecoverable, &stop),
            (11, true, Ask, Fixed(W), Ok, &wait),
            (12, true, Ask, Fixed(W), Recoverable, &wait),
            (13, true, Ask, Fixed(W), Unrecoverable, &hard_stop),
            (14, true, Ask, Asks, Ok, &at_once),
            (14, true, Ask, Asks, Recoverable, &at_once),
            (15, true, Ask, Asks, Unrecoverable, &hard_stop),
            (16, true, Fail, Fixed(W), Ok, &wait),
            (17, true, Fail, Asks, Ok, &at_once),
            (18, true, Fail, Fixed(W), Recoverable, &stop),
            (18, true, Fail, Fixed(W), Unrecoverable, &stop),
            (18, true, Fail, Asks, Recoverable, &stop),
            (18, true, Fail, Asks, Unrecoverable, &stop),
        ];
        for (row, yes, on_error, pause, result, expected) in table {
            assert_eq!(
                &next(yes, on_error, pause, result),
                expected,
                "5.8.{row} {result:?}"
            );
        }
    }

    #[test]
    fn one_unrecoverable_error_makes_the_batch_so() {
        assert_eq!(BatchResult::of([]), BatchResult::Ok);
        assert_eq!(BatchResult::of([false, false]), BatchResult::Recoverable);
        assert_eq!(
            BatchResult::of([false, true, false]),
            BatchResult::Unrecoverable
        );
    }

    #[test]
    fn what_an_answer_leads_to() {
        let go_on = |wait, pause| Decision::GoOn { wait, pause };
        let fixed = Pause::Fixed(W);
        let other = Duration::from_millis(500);
        let table = [
            (Answer::Yes, fixed, go_on(W, fixed)),
            // 5.8.4: without wait, and asked again next time.
            (Answer::Yes, Pause::Ask, go_on(NONE, Pause::Ask)),
            // 5.8.22, N62, A6: a duration switches asking off.
            (
                Answer::Pause(other),
                Pause::Ask,
                go_on(other, Pause::Fixed(other)),
            ),
            (
                Answer::Pause(NONE),
                Pause::Ask,
                go_on(NONE, Pause::Fixed(NONE)),
            ),
            (Answer::No, fixed, Decision::Decline),
            (Answer::No, Pause::Ask, Decision::Decline),
            (Answer::EndOfInput, Pause::Ask, Decision::Decline),
            (Answer::Choice(0), Pause::Ask, Decision::Decline),
            (Answer::Interrupted, Pause::Ask, Decision::Interrupt),
        ];
        for (answer, pause, expected) in table {
            assert_eq!(after_answer(&answer, pause), expected, "{answer:?}");
        }
    }

    #[test]
    fn after_a_duration_no_question_offers_one() {
        // N62
        let Decision::GoOn { pause, .. } = after_answer(&Answer::Pause(W), Pause::Ask) else {
            panic!("a duration goes on");
        };
        let after = |result| next(false, OnError::Ask, pause, result);
        assert_eq!(after(BatchResult::Ok), Next::GoOn { pause: W });
        assert_eq!(after(BatchResult::Recoverable), errors(false, false));
    }

    #[test]
    fn what_stops_at_the_interrupt_question() {
        // behaviour 5.9.5, 5.9.8, 5.10.2
        for answer in [Answer::Yes, Answer::EndOfInput, Answer::Interrupted] {
            assert!(stops(&answer), "{answer:?}");
        }
        for answer in [Answer::No, Answer::Pause(W), Answer::Choice(0)] {
            assert!(!stops(&answer), "{answer:?}");
        }
    }
}
