//! The transcripts of the documentation page of `nomad job restart` with questions, with the page's wording: both streams and the
//! typed answers as a terminal shows them.

use super::session::{Session, boom, summary};
use super::*;

#[tokio::test]
async fn a4_error_and_an_empty_answer() {
    // D57
    let run = Session::new(false);
    let errors = [boom("a0000002")];
    run.selected(3)
        .starts("a0000002")
        .emit(EventKind::BatchErrors {
            errors: errors.to_vec(),
        });
    assert_eq!(run.asks(IGNORE_ERRORS, "\n").await, Answer::No);
    run.finishes(
        Ending::Declined,
        &errors,
        summary(&[], &["a0000002"], &["a0000001", "a0000000"]),
    );
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 3 allocations
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000002" for group "web"
    ==> 2023-02-28T17:36:31-05:00: 1 error occurred while restarting job:
                                   * Error restarting allocation "a0000002": Unexpected response code: 500 (boom)
    ==> 2023-02-28T17:36:31-05:00: Ignore the errors above and proceed with the next batch? [y/N]
    ==> 2023-02-28T17:36:31-05:00: Job restart canceled

    1 error occurred while restarting job:
    * Error restarting allocation "a0000002": Unexpected response code: 500 (boom)

    0 of 3 allocations restarted, 1 failed, 2 not touched.
        failed: a0000002
        not touched: a0000001, a0000000
    "#);
}

#[tokio::test]
async fn a6_a_duration_and_a_later_error() {
    // N62
    let run = Session::new(false);
    let ask = |durations| Question::IgnoreErrors {
        unrecoverable: false,
        durations,
    };
    let half_a_second = Duration::from_millis(500);
    let errors = [boom("a0000003"), boom("a0000001")];
    run.selected(4)
        .starts("a0000003")
        .emit(EventKind::BatchErrors {
            errors: errors[..1].to_vec(),
        });
    assert_eq!(
        run.asks(ask(true), "500ms\n").await,
        Answer::Pause(half_a_second)
    );
    run.emit(EventKind::NewPause {
        pause: half_a_second,
    })
    .pauses(500)
    .starts("a0000002")
    .pauses(500)
    .starts("a0000001")
    .emit(EventKind::BatchErrors {
        errors: errors[1..].to_vec(),
    });
    run.screen.type_text("2s\n");
    assert_eq!(run.asks(ask(false), "y\n").await, Answer::Yes);
    run.pauses(500).starts("a0000000").finishes(
        Ending::Completed,
        &errors,
        summary(&["a0000002", "a0000000"], &["a0000003", "a0000001"], &[]),
    );
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 4 allocations
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000003" for group "web"
    ==> 2023-02-28T17:36:31-05:00: 1 error occurred while restarting job:
                                   * Error restarting allocation "a0000003": Unexpected response code: 500 (boom)
    ==> 2023-02-28T17:36:31-05:00: Ignore the errors above and proceed with the next batch? [y/N/<duration>] 500ms
    ==> 2023-02-28T17:36:31-05:00: Proceeding restarts with new wait time of 500ms
    ==> 2023-02-28T17:36:31-05:00: Waiting 500ms before restarting the next batch
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000002" for group "web"
    ==> 2023-02-28T17:36:31-05:00: Waiting 500ms before restarting the next batch
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000001" for group "web"
    ==> 2023-02-28T17:36:31-05:00: 1 error occurred while restarting job:
                                   * Error restarting allocation "a0000001": Unexpected response code: 500 (boom)
    ==> 2023-02-28T17:36:31-05:00: Ignore the errors above and proceed with the next batch? [y/N] 2s
                                   Invalid answer "2s"
    ==> 2023-02-28T17:36:31-05:00: Ignore the errors above and proceed with the next batch? [y/N] y
    ==> 2023-02-28T17:36:31-05:00: Waiting 500ms before restarting the next batch
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    ==> 2023-02-28T17:36:31-05:00: Job restart finished with errors

    2 errors occurred while restarting job:
    * Error restarting allocation "a0000003": Unexpected response code: 500 (boom)
    * Error restarting allocation "a0000001": Unexpected response code: 500 (boom)

    2 of 4 allocations restarted, 2 failed.
    "#);
}

#[tokio::test]
async fn a7_interrupted_in_the_wait() {
    let run = Session::new(false);
    run.pauses(10_000);
    assert_eq!(run.asks(Question::Interrupt, "y\n").await, Answer::Yes);
    run.finishes(
        Ending::Interrupted { signal: 2 },
        &[],
        Summary {
            eligible: 3,
            in_flight: vec!["a0000001".into()],
            ..summary(&["a0000002"], &[], &["a0000000"])
        },
    );
    insta::assert_snapshot!(run.shown(), @"
    ==> 2023-02-28T17:36:31-05:00: Waiting 10s before restarting the next batch
    ==> 2023-02-28T17:36:31-05:00: Restart interrupted, no more allocations will be restarted.
                                   Are you sure you want to stop the restart process? [y/N] y

    Canceling job restart process

    1 of 3 allocations restarted, 1 in flight, 1 not touched.
        restarted: a0000002
        in flight, not seen running again yet: a0000001
        not touched: a0000000

    To continue, run:
        nomad-restart -batch-wait=10s -started-before=2023-02-28T22:36:29Z web
    ");
}

#[tokio::test]
async fn a9_unrecoverable_error_question() {
    let run = Session::new(false);
    let question = Question::IgnoreErrors {
        unrecoverable: true,
        durations: false,
    };
    assert_eq!(run.asks(question, "n\n").await, Answer::No);
    insta::assert_snapshot!(run.shown(), @"
    ==> 2023-02-28T17:36:31-05:00: The errors above are likely to happen again.
                                   Ignore them anyway and proceed with the next batch? [y/N] n
    ");
}

#[tokio::test]
async fn a10_end_of_input_at_the_question() {
    // D67
    let run = Session::new(false);
    run.screen.end_input();
    assert_eq!(run.asks(NEXT_BATCH, "").await, Answer::EndOfInput);
    run.finishes(
        Ending::Declined,
        &[],
        summary(&["a0000001"], &[], &["a0000000"]),
    );
    insta::assert_snapshot!(run.shown(), @"
    ==> 2023-02-28T17:36:31-05:00: Proceed with next batch? [Y/n/<duration>]
    ==> 2023-02-28T17:36:31-05:00: Job restart canceled

    1 of 2 allocations restarted, 1 not touched.
        restarted: a0000001
        not touched: a0000000
    ");
}
