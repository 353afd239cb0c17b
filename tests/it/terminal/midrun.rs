//! The questions between two batches, with every kind of answer: Q2 to Q4.

use super::cluster::{WEB, die_slowly, refuse, served, writes};
use super::session::Session;
use crate::support::{Served, normalise};

const Q2: &str = "Proceed with next batch? [Y/n/<duration>] ";
const Q3: &str = "Ignore the errors above and proceed with the next batch? [y/N] ";
const Q3_OR_DURATION: &str =
    "Ignore the errors above and proceed with the next batch? [y/N/<duration>] ";
const Q4: &str = "The errors above are likely to happen again.\n\
    \x20                              Ignore them anyway and proceed with the next batch? [y/N] ";
/// A refusal of one restart, which says nothing about the next one.
const REFUSAL: &str = "restart of an alloc that should not run";

fn asks_between_batches(served: &Served) -> Session {
    Session::start(served, &["-batch-wait=ask", WEB])
}

/// The first restart fails in a way that need not happen again.
fn served_with_a_refusal() -> Served {
    let served = served();
    refuse(&served, 1, 500, REFUSAL);
    served
}

#[test]
fn q2_yes_and_an_empty_answer_proceed_at_once_and_it_is_asked_again() {
    // N61, 5.8.4
    let served = served();
    let mut run = asks_between_batches(&served);
    run.wait_for(Q2).line(" YES\t").wait_for(Q2).line("");
    let shown = run.ends_with(0);
    assert!(
        shown.ends_with("Finished job restart\n\nAll allocations restarted successfully!\n"),
        "{shown}"
    );
    assert!(!shown.contains("Waiting"), "{shown}");
    assert_eq!(writes(&served).len(), 3);
}

#[test]
fn q2_a_duration_is_the_pause_from_now_on_and_ends_the_asking() {
    // N50, 5.8.22
    let served = served();
    let mut run = asks_between_batches(&served);
    run.wait_for(Q2).line("50ms");
    let shown = normalise(&run.ends_with(0));
    let after = shown.split_once("50ms\n").unwrap().1;
    assert_eq!(
        after,
        "==> <TS>: Proceeding restarts with new wait time of 50ms\n\
         ==> <TS>: Waiting 50ms before restarting the next batch\n    \
             <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"\n\
         ==> <TS>: Waiting 50ms before restarting the next batch\n    \
             <TS>: Restarting running tasks in allocation \"<id 3>\" for group \"web\"\n\
         ==> <TS>: Finished job restart\n\n\
         All allocations restarted successfully!"
    );
}

#[test]
fn q2_what_is_no_answer_is_asked_again_without_limit() {
    // N61
    let served = served();
    let mut run = asks_between_batches(&served);
    let invalid = [
        "maybe",
        "10",
        "-5s",
        "1M",
        "yes please",
        "?",
        "\u{e9}t\u{e9}",
        "q",
        "exit",
        "0x1s",
    ];
    for answer in invalid {
        run.wait_for(Q2).line(answer);
        run.wait_for(&format!(
            "\n                               Invalid answer \"{answer}\"\n"
        ));
    }
    run.wait_for(Q2).line("0");
    let shown = run.ends_with(0);
    assert!(shown.contains("Proceeding restarts with new wait time of 0s\n"));
    assert!(!shown.contains("Waiting"), "{shown}");
}

#[test]
fn q2_no_and_the_end_of_input_cancel_without_an_error() {
    // N61, A10, D59
    for no in ["n\n", " No \n", "\u{4}"] {
        let served = served();
        let mut run = asks_between_batches(&served);
        run.wait_for(Q2).keys(no);
        let shown = normalise(&run.ends_with(0));
        let end = shown.split_once("[Y/n/<duration>] ").unwrap().1;
        let end = end.split_once('\n').unwrap().1;
        assert_eq!(
            hide_names(end),
            "==> <TS>: Job restart canceled\n\n\
             1 of 3 allocations restarted, 2 not touched.\n    \
                 restarted: <names>\n    \
                 not touched: <names>"
        );
        assert_eq!(writes(&served).len(), 1);
    }
}

#[test]
fn q2_control_c_is_an_interrupt_with_the_command_that_continues() {
    // N55, 5.10.9, D82
    let served = served();
    let mut run = asks_between_batches(&served);
    run.wait_for(Q2).control_c();
    let shown = run.ends_with(130);
    let (_, end) = shown.split_once("[Y/n/<duration>] ").unwrap();
    let (end, command) = end.split_once("To continue, run:\n    ").unwrap();
    assert_eq!(
        hide_names(end),
        "^C\n\n\
         Canceling job restart process\n\n\
         1 of 3 allocations restarted, 2 not touched.\n    \
             restarted: <names>\n    \
             not touched: <names>\n\n"
    );
    assert!(
        command.contains(" -batch-wait=ask -started-before=") && command.ends_with("Z web\n"),
        "{command}"
    );
    assert_eq!(writes(&served).len(), 1);

    // What it says is true: the command restarts the two that are left, and only them.
    let before = started_before(command);
    let shown = Session::start(&served, &["-yes", &before, WEB]).ends_with(0);
    assert!(shown.contains("Restarting 2 allocations\n"), "{shown}");
    let mut touched: Vec<_> = writes(&served).into_iter().map(|it| it.path).collect();
    touched.sort();
    touched.dedup();
    assert_eq!(touched.len(), 3);
}

#[test]
fn q3_an_empty_answer_no_and_the_end_of_input_cancel_with_the_errors() {
    // A4, N61, D57
    for no in ["\n", "n\n", "NO\n", "\u{4}"] {
        let served = served_with_a_refusal();
        let mut run = Session::start(&served, &[WEB]);
        run.wait_for(Q3).keys(no);
        let shown = normalise(&run.ends_with(1));
        let (start, end) = shown.split_once(Q3.trim_end()).unwrap();
        assert_eq!(
            start,
            "==> <TS>: Restarting 3 allocations\n    \
                 <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"\n\
             ==> <TS>: 1 error occurred while restarting job:\n                               \
                 * Error restarting allocation \"<id 1>\": \
                 Unexpected response code: 500 (restart of an alloc that should not run)\n\
             ==> <TS>: "
        );
        let end = end.split_once('\n').unwrap().1;
        assert_eq!(
            hide_names(end),
            "==> <TS>: Job restart canceled\n\n\
             1 error occurred while restarting job:\n\
             * Error restarting allocation \"<id 1>\": \
             Unexpected response code: 500 (restart of an alloc that should not run)\n\n\
             0 of 3 allocations restarted, 1 failed, 2 not touched.\n    \
                 failed: <names>\n    \
                 not touched: <names>"
        );
        assert_eq!(writes(&served).len(), 1);
    }
}

#[test]
fn q3_yes_goes_on_after_the_pause_and_the_run_still_ends_with_the_errors() {
    // 5.8.2
    let served = served_with_a_refusal();
    let mut run = Session::start(&served, &["-batch-wait=20ms", "-batch-size=2", WEB]);
    run.wait_for(Q3).line("y").wait_for("Waiting 20ms");
    let shown = run.ends_with(1);
    assert!(shown.contains("Job restart finished with errors\n\n1 error"));
    assert!(
        shown.ends_with("\n2 of 3 allocations restarted, 1 failed.\n"),
        "{shown}"
    );
    assert_eq!(writes(&served).len(), 3);
}

#[test]
fn q3_a_duration_only_where_it_is_offered() {
    // A6, N62
    let served = served_with_a_refusal();
    refuse(&served, 2, 500, REFUSAL);
    let mut run = asks_between_batches(&served);
    run.wait_for(Q3_OR_DURATION).line("50ms");
    run.wait_for("Proceeding restarts with new wait time of 50ms");
    run.wait_for("Waiting 50ms before restarting the next batch");
    run.wait_for(Q3)
        .line("2s")
        .wait_for("Invalid answer \"2s\"");
    run.wait_for(Q3).line("y").wait_for("Waiting 50ms");
    let shown = run.ends_with(1);
    assert!(shown.contains("\n2 errors occurred while restarting job:\n* "));
    assert!(
        shown.ends_with("\n1 of 3 allocations restarted, 2 failed.\n"),
        "{shown}"
    );
    assert_eq!(writes(&served).len(), 3);
}

#[test]
fn q3_control_c_is_an_interrupt_that_loses_no_error() {
    // N55, N59
    let served = served_with_a_refusal();
    let mut run = Session::start(&served, &[WEB]);
    run.wait_for(Q3).control_c();
    let shown = run.ends_with(130);
    let (_, end) = shown.split_once(Q3).unwrap();
    assert!(
        end.starts_with("^C\n\nCanceling job restart process\n\n1 error occurred while"),
        "{end:?}"
    );
    assert!(end.contains(REFUSAL), "{end}");
    assert!(end.contains("\n0 of 3 allocations restarted, 1 failed, 2 not touched.\n"));
    assert!(end.contains("\n\nTo continue, run:\n    "), "{end}");
    assert_eq!(writes(&served).len(), 1);
}

#[test]
fn q4_is_asked_when_the_errors_are_likely_to_happen_again() {
    // A9, 5.8.3
    for (answers, code, sent) in [
        (["what\n", "y\n"], 1, 3),
        (["2s\n", "\n"], 1, 1),
        (["10\n", "n\n"], 1, 1),
        (["z\n", "\u{4}"], 1, 1),
        (["z\n", "\u{3}"], 130, 1),
    ] {
        let served = served();
        refuse(&served, 1, 403, "Permission denied");
        let mut run = Session::start(&served, &[WEB]);
        run.wait_for("403 (Permission denied)");
        for answer in answers {
            run.wait_for(Q4).keys(answer);
        }
        let shown = run.ends_with(code);
        assert!(shown.contains("Invalid answer \""), "{shown}");
        assert_eq!(writes(&served).len(), sent, "{shown}");
    }
}

#[test]
fn q4_after_a_placement_failure_names_the_causes_under_the_error() {
    // T50, A5, A9
    let served = served();
    served.cluster().set_eligible("node-1", false);
    let mut run = Session::start(&served, &["-reschedule", WEB]);
    run.wait_for(Q4).line("n");
    let shown = normalise(&run.ends_with(1));
    assert!(
        shown.contains(
            "has placement failures for group \"web\":\n                                   \
             * No nodes were eligible for evaluation\n"
        ),
        "{shown}"
    );
    assert_eq!(writes(&served).len(), 1);
}

#[test]
fn what_was_typed_before_a_question_is_no_answer_to_it() {
    let served = served();
    die_slowly(&served, 300);
    let mut run = asks_between_batches(&served);
    // Enter would mean yes.
    run.wait_for("Restarting running tasks").keys("\n\nn\n\ny");
    run.wait_for(Q2).line("");
    run.wait_for(Q2).line("n");
    run.ends_with(0);
    assert_eq!(writes(&served).len(), 2);
}

#[test]
fn a_no_after_errors_that_were_ignored_is_no_clean_end() {
    // 5.9.10
    let served = served_with_a_refusal();
    let mut run = asks_between_batches(&served);
    run.wait_for(Q3_OR_DURATION).line("y");
    run.wait_for(Q2).line("n");
    let shown = run.ends_with(1);
    assert!(
        shown.contains("Job restart canceled\n\n1 error occurred"),
        "{shown}"
    );
    assert!(shown.contains("\n1 of 3 allocations restarted, 1 failed, 1 not touched.\n"));
}

/// The option of the command that continues.
fn started_before(command: &str) -> String {
    command
        .split_whitespace()
        .find(|word| word.starts_with("-started-before="))
        .unwrap()
        .to_owned()
}

/// The lists of ids in a summary.
fn hide_names(text: &str) -> String {
    let hide = |line: &str| match line.split_once(": ") {
        Some((fate, _)) if line.starts_with("    ") => format!("{fate}: <names>"),
        _ => line.to_owned(),
    };
    text.split('\n').map(hide).collect::<Vec<_>>().join("\n")
}
