//! The tables of what follows a batch and an answer.

use std::time::Duration;

use super::{
    BatchResult, Decision, Next, after_answer, after_batch, allowed_failures, exceeded, holds,
    stops,
};
use crate::event::{Answer, Exceeded, Question};
use crate::plan::{BatchMode, MaxFailures, OnError, Pause, RestartPlan};
use crate::rules::samples::{in_place, plan};

const W: Duration = Duration::from_secs(10);
const NONE: Duration = Duration::ZERO;

fn next(yes: bool, on_error: OnError, pause: Pause, result: BatchResult) -> Next {
    let plan = RestartPlan {
        on_error,
        yes,
        ..plan(in_place())
    };
    after_batch(&plan, pause, result, false)
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
    // T34, T55
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
    for answer in [Answer::Yes, Answer::EndOfInput, Answer::Interrupted] {
        assert!(stops(&answer), "{answer:?}");
    }
    for answer in [Answer::No, Answer::Pause(W), Answer::Choice(0)] {
        assert!(!stops(&answer), "{answer:?}");
    }
}

#[test]
fn what_follows_a_batch_while_failures_are_counted() {
    use BatchResult::{Ok, Recoverable, Unrecoverable};
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
    // -yes, -batch-wait, result, more failures than -max-failures allows. The README has the same table.
    let table = [
        (false, Fixed(W), Ok, false, &wait),
        (false, Fixed(W), Recoverable, false, &wait),
        (false, Fixed(W), Recoverable, true, &stop),
        (false, Fixed(W), Unrecoverable, false, &errors(true, false)),
        (false, Fixed(W), Unrecoverable, true, &hard_stop),
        (false, Asks, Ok, false, &ask),
        (false, Asks, Recoverable, false, &ask),
        (false, Asks, Recoverable, true, &stop),
        (false, Asks, Unrecoverable, false, &errors(true, true)),
        (false, Asks, Unrecoverable, true, &hard_stop),
        (true, Fixed(W), Ok, false, &wait),
        (true, Fixed(W), Recoverable, false, &wait),
        (true, Fixed(W), Recoverable, true, &stop),
        (true, Fixed(W), Unrecoverable, false, &hard_stop),
        (true, Fixed(W), Unrecoverable, true, &hard_stop),
        (true, Asks, Recoverable, false, &at_once),
        (true, Asks, Recoverable, true, &stop),
    ];
    for (yes, pause, result, exceeded, expected) in table {
        let plan = RestartPlan {
            max_failures: Some(MaxFailures::Count(2)),
            yes,
            ..plan(in_place())
        };
        assert_eq!(
            &after_batch(&plan, pause, result, exceeded),
            expected,
            "{yes} {pause:?} {result:?} {exceeded}"
        );
    }
}

#[test]
fn what_holds_a_window() {
    use BatchResult::{Ok, Recoverable, Unrecoverable};
    use OnError::{Ask, Fail};

    let asks = |unrecoverable| Next::Ask(Question::IgnoreErrorsInWindow { unrecoverable });
    let stop = |unrecoverable| Next::Stop { unrecoverable };
    let go_on = Next::GoOn { pause: W };
    // -yes, -on-error, -max-failures given, exceeded; what happened; what follows.
    let table = [
        (false, Ask, false, false, Recoverable, asks(false)),
        (false, Ask, false, false, Unrecoverable, asks(true)),
        (false, Fail, false, false, Recoverable, stop(false)),
        (false, Fail, false, false, Unrecoverable, stop(false)),
        (true, Ask, false, false, Recoverable, go_on.clone()),
        (true, Ask, false, false, Unrecoverable, stop(true)),
        (true, Fail, false, false, Recoverable, stop(false)),
        (false, Ask, true, false, Recoverable, go_on.clone()),
        (false, Ask, true, false, Unrecoverable, asks(true)),
        (false, Ask, true, true, Recoverable, stop(false)),
        (false, Ask, true, true, Unrecoverable, stop(true)),
        (true, Ask, true, false, Recoverable, go_on.clone()),
        (true, Ask, true, true, Recoverable, stop(false)),
    ];
    for (yes, on_error, counts, exceeded, result, expected) in table {
        let mut plan = RestartPlan {
            mode: BatchMode::Window,
            pause: Pause::Fixed(W),
            max_failures: counts.then_some(MaxFailures::Count(2)),
            on_error,
            yes,
            ..plan(in_place())
        };
        let about = format!("{yes} {on_error:?} {counts} {exceeded} {result:?}");
        assert_eq!(
            after_batch(&plan, plan.pause, result, exceeded),
            expected,
            "{about}"
        );
        assert_eq!(holds(&plan, result, exceeded), expected != go_on, "{about}");
        // Without an error nothing is held, and without a window nothing is.
        assert!(!holds(&plan, Ok, exceeded), "{about}");
        plan.mode = BatchMode::Lockstep;
        assert!(!holds(&plan, result, exceeded), "{about}");
    }
}

#[test]
fn how_many_may_fail() {
    for (max, base, allowed) in [
        (None, 10, None),
        (Some(MaxFailures::Count(0)), 10, Some(0)),
        (Some(MaxFailures::Count(30)), 10, Some(30)),
        // Rounded down: 10 % of 9 is none.
        (Some(MaxFailures::Percent(10)), 9, Some(0)),
        (Some(MaxFailures::Percent(10)), 10, Some(1)),
        (Some(MaxFailures::Percent(10)), 19, Some(1)),
        (Some(MaxFailures::Percent(100)), 7, Some(7)),
        (Some(MaxFailures::Percent(u64::MAX)), 7, Some(7)),
        (Some(MaxFailures::Percent(0)), 7, Some(0)),
    ] {
        assert_eq!(allowed_failures(max, base), allowed, "{max:?} of {base}");
    }
    assert_eq!(exceeded(5, None), None);
    assert_eq!(exceeded(2, Some(2)), None);
    assert_eq!(
        exceeded(1, Some(0)),
        Some(Exceeded {
            failed: 1,
            allowed: 0
        })
    );
}

#[test]
fn the_readme_shows_what_follows_a_batch() {
    use BatchResult::{Ok, Recoverable, Unrecoverable};

    let (_, table) = include_str!("../../../README.md")
        .split_once("\n| options | no errors |")
        .unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows: Vec<_> = table.lines().skip(2).collect();
    assert_eq!(rows.len(), 6, "{rows:?}");
    let word = |next: &Next| match next {
        Next::GoOn { .. } => "the next batch",
        Next::Ask(_) => "question",
        Next::Stop { .. } => "stop",
    };
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let has = |option| cells[0].contains(option);
        let counts = has("-max-failures");
        let plan = RestartPlan {
            yes: has("-yes"),
            on_error: if has("-on-error=fail") {
                OnError::Fail
            } else {
                OnError::Ask
            },
            max_failures: counts.then_some(MaxFailures::Count(2)),
            ..plan(in_place())
        };
        let follows = |result, exceeded| after_batch(&plan, plan.pause, result, exceeded);
        let shown: Vec<_> = [
            (Ok, false),
            (Recoverable, false),
            (Recoverable, true),
            (Unrecoverable, false),
        ]
        .into_iter()
        .map(|(result, exceeded)| {
            let next = follows(result, exceeded);
            if exceeded && !counts { "" } else { word(&next) }
        })
        .collect();
        let (hard, too_many) = cells[4].split_once("; ").unwrap_or((cells[4], ""));
        assert_eq!([cells[1], cells[2], cells[3], hard], shown[..], "{row}");
        if !too_many.is_empty() {
            assert_eq!(too_many, "stop when too many have failed", "{row}");
            assert_eq!(word(&follows(Unrecoverable, true)), "stop", "{row}");
        }
    }
}
