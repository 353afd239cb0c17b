//! The transcripts of behaviour, Appendix A, with the page's wording (design section 4): both streams as a terminal shows them.

use super::*;
use crate::event::Target;

/// A run at a terminal at which nothing takes any time.
struct Session {
    reporter: Reporter,
    task: ReportTask,
    screen: Screen,
}

impl Session {
    fn new(yes: bool) -> Self {
        let (io, screen) = Screen::open(TERMINAL);
        let now = DateTime::parse_from_rfc3339("2023-02-28T17:36:31-05:00").unwrap();
        let (reporter, task) = start_with(io, Arc::new(move || now), yes, false);
        Self {
            reporter,
            task,
            screen,
        }
    }

    fn emit(&self, kind: EventKind) -> &Self {
        self.reporter.emit(kind);
        self
    }

    fn selected(&self, allocations: usize) -> &Self {
        self.emit(EventKind::Selected { allocations })
    }

    fn batch(&self, number: usize, allocations: usize) -> &Self {
        self.emit(EventKind::BatchStarted {
            number,
            allocations,
        })
    }

    fn starts(&self, allocation: &str) -> &Self {
        self.emit(started(allocation))
    }

    fn reschedules(&self, allocation: &str) -> &Self {
        self.emit(EventKind::AllocationStarted {
            allocation: allocation.into(),
            group: "web".to_owned(),
            what: Target::Reschedule,
        })
    }

    fn pauses(&self, millis: u64) -> &Self {
        self.emit(EventKind::Pausing {
            pause: Duration::from_millis(millis),
        })
    }

    async fn asks(&self, question: Question, typed: &str) -> Answer {
        self.screen.type_text(typed);
        self.reporter.ask(question).await
    }

    fn finishes(&self, how: Ending, errors: &[RunError], summary: Summary) -> &Self {
        self.emit(EventKind::Finished(Finish {
            how,
            errors: errors.to_vec(),
            summary,
        }))
    }

    /// Without blanks at the ends of lines.
    fn shown(self) -> String {
        assert_eq!(self.task.finish(), OutputState::Fine);
        let shown = self.screen.shown();
        let lines: Vec<_> = shown.lines().map(str::trim_end).collect();
        lines.join("\n")
    }
}

fn boom(allocation: &str) -> RunError {
    error(allocation, "Unexpected response code: 500 (boom)")
}

/// The fates in the order done, failed, untouched.
fn summary(done: &[&str], failed: &[&str], untouched: &[&str]) -> Summary {
    let ids = |ids: &[&str]| ids.iter().copied().map(Into::into).collect::<Vec<_>>();
    Summary {
        eligible: done.len() + failed.len() + untouched.len(),
        done: ids(done),
        failed: ids(failed),
        untouched: ids(untouched),
        ..Summary::default()
    }
}

#[test]
fn a1_success() {
    let run = Session::new(true);
    run.selected(3)
        .starts("a0000002")
        .starts("a0000001")
        .starts("a0000000")
        .emit(completed(&["a0000002", "a0000001", "a0000000"]));
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 3 allocations
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000002" for group "web"
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000001" for group "web"
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    ==> 2023-02-28T17:36:31-05:00: Finished job restart

    All allocations restarted successfully!
    "#);
}

#[test]
fn a2_batches_and_waits() {
    let run = Session::new(true);
    run.selected(5)
        .batch(1, 2)
        .starts("a0000004")
        .starts("a0000003")
        .pauses(1_000)
        .batch(2, 2)
        .starts("a0000002")
        .starts("a0000001")
        .pauses(1_000)
        .batch(3, 1)
        .starts("a0000000")
        .emit(completed(&["a4", "a3", "a2", "a1", "a0"]));
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 5 allocations
    ==> 2023-02-28T17:36:31-05:00: Restarting 1st batch of 2 allocations
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000004" for group "web"
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000003" for group "web"
    ==> 2023-02-28T17:36:31-05:00: Waiting 1s before restarting the next batch
    ==> 2023-02-28T17:36:31-05:00: Restarting 2nd batch of 2 allocations
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000002" for group "web"
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000001" for group "web"
    ==> 2023-02-28T17:36:31-05:00: Waiting 1s before restarting the next batch
    ==> 2023-02-28T17:36:31-05:00: Restarting 3rd batch of 1 allocations
        2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    ==> 2023-02-28T17:36:31-05:00: Finished job restart

    All allocations restarted successfully!
    "#);
}

#[test]
fn a3_reschedule() {
    let run = Session::new(true);
    run.selected(1)
        .reschedules("a0000000")
        .emit(EventKind::Replaced {
            replaced: "a0000000".into(),
            by: "b0000000".into(),
        })
        .emit(EventKind::ReplacementRunning {
            allocation: "b0000000".into(),
            status: "running".to_owned(),
        })
        .emit(completed(&["a0000000"]));
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 1 allocation
        2023-02-28T17:36:31-05:00: Rescheduling allocation "a0000000" for group "web"
        2023-02-28T17:36:31-05:00: Allocation "a0000000" replaced by "b0000000", waiting for "b0000000" to start running
        2023-02-28T17:36:31-05:00: Allocation "b0000000" is "running"
    ==> 2023-02-28T17:36:31-05:00: Finished job restart

    All allocations restarted successfully!
    "#);
}

#[tokio::test]
async fn a4_error_and_an_empty_answer() {
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

#[test]
fn a5_placement_failure() {
    let run = Session::new(true);
    let errors = [RunError {
        unrecoverable: true,
        ..error(
            "a0000002",
            "Evaluation \"e1234567\" has placement failures for group \"web\":\n    \
             * No nodes were eligible for evaluation\n    \
             * No nodes are available in datacenter \"dc1\"",
        )
    }];
    run.selected(3)
        .reschedules("a0000002")
        .emit(EventKind::AllocationFailed {
            error: errors[0].clone(),
        })
        .emit(EventKind::Stopping {
            unrecoverable: true,
        })
        .finishes(
            Ending::Stopped,
            &errors,
            Summary {
                rescheduled: true,
                ..summary(&[], &["a0000002"], &["a0000001", "a0000000"])
            },
        );
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 3 allocations
        2023-02-28T17:36:31-05:00: Rescheduling allocation "a0000002" for group "web"
        2023-02-28T17:36:31-05:00: Error restarting allocation "a0000002": Evaluation "e1234567" has placement failures for group "web":
                                       * No nodes were eligible for evaluation
                                       * No nodes are available in datacenter "dc1"
    ==> 2023-02-28T17:36:31-05:00: Stopping job restart due to unrecoverable error
    ==> 2023-02-28T17:36:31-05:00: Job restart finished with errors

    1 error occurred while restarting job:
    * Error restarting allocation "a0000002": Evaluation "e1234567" has placement failures for group "web":
        * No nodes were eligible for evaluation
        * No nodes are available in datacenter "dc1"

    0 of 3 allocations rescheduled, 1 failed, 2 not touched.
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
        Ending::Interrupted {
            signal: 2,
            resume: "nomad-restart -batch-wait=10s -started-before=2023-02-28T22:36:29Z web"
                .to_owned(),
        },
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

#[test]
fn a8_guard_error() {
    let run = Session::new(false);
    let errors = [RunError {
        allocation: None,
        text: "Deployment \"d1234567\" is \"running\"".to_owned(),
        unrecoverable: false,
    }];
    run.selected(3).finishes(
        Ending::Stopped,
        &errors,
        summary(&[], &[], &["a0000002", "a0000001", "a0000000"]),
    );
    insta::assert_snapshot!(run.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 3 allocations
    ==> 2023-02-28T17:36:31-05:00: Job restart finished with errors

    1 error occurred while restarting job:
    * Deployment "d1234567" is "running"

    0 of 3 allocations restarted, 3 not touched.
        not touched: a0000002, a0000001, a0000000
    "#);
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
