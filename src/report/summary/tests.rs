//! Every way in which a run can end: lines on stderr are marked with `2|`, the others with `1|`.

use super::*;
use crate::event::{RunError, Trouble};
use crate::report::human::Stream;

fn ids(first: char, count: usize) -> Vec<AllocId> {
    (0..count)
        .map(|n| format!("{first}{n:07}-1111-2222-3333-444444444444").into())
        .collect()
}

fn skipped(count: usize) -> Vec<(AllocId, String)> {
    ids('5', count)
        .into_iter()
        .map(|id| (id, "it is gone".to_owned()))
        .collect()
}

/// All fates, with these numbers of allocations: done, failed, skipped, in flight, untouched.
fn summary(fates: [usize; 5]) -> Summary {
    let [done, failed, skip, in_flight, untouched] = fates;
    Summary {
        rescheduled: false,
        eligible: fates.iter().sum(),
        done: ids('d', done),
        skipped: skipped(skip),
        failed: ids('f', failed),
        in_flight: ids('1', in_flight),
        untouched: ids('0', untouched),
    }
}

fn errors(of: &Summary) -> Vec<RunError> {
    of.failed
        .iter()
        .map(|allocation| RunError {
            allocation: Some(allocation.clone()),
            text: "Unexpected response code: 500 (boom)".to_owned(),
            unrecoverable: false,
            trouble: Trouble::Failure,
        })
        .collect()
}

fn ended(how: Ending, summary: Summary) -> String {
    rendered(how, summary, false)
}

fn rendered(how: Ending, summary: Summary, verbose: bool) -> String {
    let finish = Finish {
        how,
        cause: None,
        errors: errors(&summary),
        summary,
        resume: Some("nomad-restart -started-before=2023-02-28T22:36:29Z web".to_owned()),
    };
    let at = DateTime::parse_from_rfc3339("2023-02-28T17:36:31-05:00").unwrap();
    let text: Vec<_> = lines(&at, &finish, verbose)
        .iter()
        .map(|line| {
            let stream = match line.to {
                Stream::Stdout => 1,
                Stream::Stderr => 2,
            };
            format!("{stream}|{}", line.text)
        })
        .collect();
    text.join("\n")
}

fn interrupted() -> Ending {
    Ending::Interrupted { signal: 15 }
}

#[test]
fn all_done() {
    insta::assert_snapshot!(ended(Ending::Completed, summary([5, 0, 0, 0, 0])), @"
    1|==> 2023-02-28T17:36:31-05:00: Finished job restart
    1|
    1|All allocations restarted successfully!
    ");
}

#[test]
fn all_done_with_reschedule() {
    let summary = Summary {
        rescheduled: true,
        ..summary([2, 0, 0, 0, 0])
    };
    insta::assert_snapshot!(ended(Ending::Completed, summary), @"
    1|==> 2023-02-28T17:36:31-05:00: Finished job restart
    1|
    1|All allocations restarted successfully!
    ");
}

#[test]
fn some_skipped() {
    insta::assert_snapshot!(ended(Ending::Completed, summary([4, 0, 1, 0, 0])), @"
    1|==> 2023-02-28T17:36:31-05:00: Finished job restart
    1|
    1|4 of 5 allocations restarted, 1 skipped.
    ");
}

#[test]
fn all_skipped_is_no_success_story() {
    insta::assert_snapshot!(ended(Ending::Completed, summary([0, 0, 1, 0, 0])), @"
    1|==> 2023-02-28T17:36:31-05:00: Finished job restart
    1|
    1|0 of 1 allocation restarted, 1 skipped.
    ");
}

#[test]
fn nothing_eligible_has_been_said_already() {
    assert_eq!(ended(Ending::Completed, Summary::default()), "");
}

#[test]
fn finished_with_errors() {
    insta::assert_snapshot!(ended(Ending::Completed, summary([3, 2, 1, 0, 0])), @r#"
    1|==> 2023-02-28T17:36:31-05:00: Job restart finished with errors
    2|
    2|2 errors occurred while restarting job:
    * Error restarting allocation "f0000000": Unexpected response code: 500 (boom)
    * Error restarting allocation "f0000001": Unexpected response code: 500 (boom)
    2|
    2|3 of 6 allocations restarted, 2 failed, 1 skipped.
    "#);
}

#[test]
fn what_a_last_batch_has_left_is_named() {
    insta::assert_snapshot!(ended(Ending::Completed, summary([1, 1, 0, 0, 1])), @r#"
    1|==> 2023-02-28T17:36:31-05:00: Job restart finished with errors
    2|
    2|1 error occurred while restarting job:
    * Error restarting allocation "f0000000": Unexpected response code: 500 (boom)
    2|
    2|1 of 3 allocations restarted, 1 failed, 1 not touched.
    2|    restarted: d0000000
    2|    failed: f0000000
    2|    not touched: 00000000
    "#);
}

#[test]
fn stopped_by_policy() {
    insta::assert_snapshot!(ended(Ending::Stopped, summary([1, 1, 0, 0, 3])), @r#"
    1|==> 2023-02-28T17:36:31-05:00: Job restart finished with errors
    2|
    2|1 error occurred while restarting job:
    * Error restarting allocation "f0000000": Unexpected response code: 500 (boom)
    2|
    2|1 of 5 allocations restarted, 1 failed, 3 not touched.
    2|    restarted: d0000000
    2|    failed: f0000000
    2|    not touched: 00000000, 00000001, 00000002
    "#);
}

#[test]
fn declined_without_errors() {
    insta::assert_snapshot!(ended(Ending::Declined, summary([2, 0, 0, 0, 3])), @"
    1|==> 2023-02-28T17:36:31-05:00: Job restart canceled
    2|
    2|2 of 5 allocations restarted, 3 not touched.
    2|    restarted: d0000000, d0000001
    2|    not touched: 00000000, 00000001, 00000002
    ");
}

#[test]
fn declined_after_errors() {
    insta::assert_snapshot!(ended(Ending::Declined, summary([1, 1, 0, 0, 1])), @r#"
    1|==> 2023-02-28T17:36:31-05:00: Job restart canceled
    2|
    2|1 error occurred while restarting job:
    * Error restarting allocation "f0000000": Unexpected response code: 500 (boom)
    2|
    2|1 of 3 allocations restarted, 1 failed, 1 not touched.
    2|    restarted: d0000000
    2|    failed: f0000000
    2|    not touched: 00000000
    "#);
}

#[test]
fn declined_before_anything_was_selected() {
    // N63
    insta::assert_snapshot!(ended(Ending::Declined, Summary::default()), @"
    1|
    1|Job restart canceled.
    ");
}

#[test]
fn interrupted_in_a_batch() {
    // D65, N59: errors are not lost
    insta::assert_snapshot!(ended(interrupted(), summary([1, 1, 1, 2, 3])), @r#"
    1|
    1|Canceling job restart process
    2|
    2|1 error occurred while restarting job:
    * Error restarting allocation "f0000000": Unexpected response code: 500 (boom)
    2|
    2|1 of 8 allocations restarted, 1 failed, 1 skipped, 2 in flight, 3 not touched.
    2|    restarted: d0000000
    2|    failed: f0000000
    2|    skipped: 50000000
    2|    in flight, not seen running again yet: 10000000, 10000001
    2|    not touched: 00000000, 00000001, 00000002
    2|
    2|To continue, run:
        nomad-restart -started-before=2023-02-28T22:36:29Z web
    "#);
}

#[test]
fn interrupted_while_rescheduling() {
    let summary = Summary {
        rescheduled: true,
        ..summary([0, 0, 0, 1, 0])
    };
    insta::assert_snapshot!(ended(interrupted(), summary), @"
    1|
    1|Canceling job restart process
    2|
    2|0 of 1 allocation rescheduled, 1 in flight.
    2|    in flight, not seen replaced yet: 10000000
    2|
    2|To continue, run:
        nomad-restart -started-before=2023-02-28T22:36:29Z web
    ");
}

#[test]
fn interrupted_before_anything_was_selected() {
    insta::assert_snapshot!(ended(interrupted(), Summary::default()), @"
    1|
    1|Canceling job restart process
    2|
    2|No allocations were restarted.
    2|
    2|To continue, run:
        nomad-restart -started-before=2023-02-28T22:36:29Z web
    ");
}

#[test]
fn interrupted_when_all_was_done_leaves_nothing_to_continue() {
    insta::assert_snapshot!(ended(interrupted(), summary([2, 0, 0, 0, 0])), @"
    1|
    1|Canceling job restart process
    2|
    2|2 of 2 allocations restarted.
    2|    restarted: d0000000, d0000001
    ");
}

#[test]
fn long_lists_are_cut_unless_everything_is_asked_for() {
    let text = ended(Ending::Declined, summary([9, 0, 0, 0, 50]));
    insta::assert_snapshot!(text, @"
    1|==> 2023-02-28T17:36:31-05:00: Job restart canceled
    2|
    2|9 of 59 allocations restarted, 50 not touched.
    2|    restarted: d0000000, d0000001, d0000002, d0000003, d0000004, d0000005, d0000006, d0000007, d0000008
    2|    not touched: 00000000, 00000001, 00000002, 00000003, 00000004, 00000005, 00000006, 00000007 and 42 more
    ");
    let text = rendered(Ending::Declined, summary([1, 0, 0, 0, 10]), true);
    assert_eq!(text.matches("-1111-2222-3333-444444444444").count(), 11);
}
