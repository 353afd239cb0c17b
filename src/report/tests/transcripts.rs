//! The transcripts of the documentation page of `nomad job restart` in which nobody is asked, with the page's wording: both streams as
//! a terminal shows them.

use super::session::{Session, summary};
use super::*;

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
            healthy: false,
        })
        .emit(EventKind::ReplacementRunning {
            allocation: "b0000000".into(),
            status: "running".to_owned(),
            healthy: false,
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

#[test]
fn a5_placement_failure() {
    let run = Session::new(true);
    let errors = [RunError {
        unrecoverable: true,
        trouble: Trouble::Failure,
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
            exceeded: None,
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

#[test]
fn a8_guard_error() {
    let run = Session::new(false);
    let errors = [RunError {
        allocation: None,
        text: "Deployment \"d1234567\" is \"running\"".to_owned(),
        unrecoverable: false,
        trouble: Trouble::Failure,
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
