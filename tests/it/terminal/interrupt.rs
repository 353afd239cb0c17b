//! Ctrl-C while work is under way: the interrupt question Q5, and what goes on behind it.

use chrono::{DateTime, Utc};
use nomad_sim::front::{Fault, Rule};

use super::cluster::{
    WEB, die_slowly, first_is_back, running, served, start_slowly, until, writes,
};
use super::session::Session;
use crate::support::Served;

const Q5: &str = "Restart interrupted, no more allocations will be restarted.\n\
    \x20                              Are you sure you want to stop the restart process? [y/N] ";
const STOPPED: &str = "\n\nCanceling job restart process\n\n";

/// A run whose first restart was just sent and will take a moment, with the question open.
fn interrupted(served: &Served, args: &[&str]) -> Session {
    die_slowly(served, 300);
    let mut run = Session::start(served, args);
    run.wait_for("Restarting running tasks").control_c();
    // Other lines of the batch may come first.
    run.wait_for("^C").wait_for("\n==> ").wait_for(Q5);
    run
}

/// Lets the clock come to another second than now, so that stamps differ; gives the second that is over.
fn next_second() -> i64 {
    let now = Utc::now().timestamp();
    while Utc::now().timestamp() == now {
        std::thread::yield_now();
    }
    now
}

#[test]
fn q5_no_an_empty_answer_and_what_is_no_answer_keep_the_run_going() {
    // N55
    let served = served();
    let mut run = interrupted(&served, &[WEB]);
    run.line("2s").wait_for("Invalid answer \"2s\"");
    run.wait_for(Q5).line("NO");
    for _ in 0..2 {
        run.wait_for("Restarting running tasks").control_c();
        run.wait_for(Q5).line("");
    }
    let shown = run.ends_with(0);
    assert!(shown.ends_with("\n\nAll allocations restarted successfully!\n"));
    assert_eq!(writes(&served).len(), 3);
}

#[test]
fn q5_yes_the_end_of_input_and_a_second_control_c_stop_the_run() {
    // N55, 5.10.2, A7, D60
    for stop in ["y\n", "Yes\n", "\u{4}", "\u{3}"] {
        let served = served();
        let mut run = interrupted(&served, &[WEB]);
        run.keys(stop);
        let shown = run.ends_with(130);
        let (_, end) = shown.split_once(Q5).unwrap();
        // What is in flight may come back while the open call is waited for.
        let (end, counts) = end.split_once(STOPPED).unwrap();
        assert_eq!(
            end,
            match stop {
                "\u{3}" => "^C",
                "\u{4}" => "",
                answer => answer.trim_end(),
            }
        );
        assert!(
            counts.starts_with("0 of 3 allocations restarted, 1 in flight, 2 not touched.\n")
                || counts.starts_with("1 of 3 allocations restarted, 2 not touched.\n"),
            "{counts}"
        );
        assert!(counts.contains("\n\nTo continue, run:\n    "), "{counts}");
        assert_eq!(writes(&served).len(), 1);
    }
}

#[test]
fn no_write_reaches_the_cluster_while_q5_is_open() {
    // N58, D64
    let served = served();
    let mut run = interrupted(&served, &["-batch-size=1", WEB]);
    first_is_back(&served);
    // The batch is over; there is time enough for a next one that must not begin.
    next_second();
    let answered = served.cluster().now();
    assert_eq!(writes(&served).len(), 1);
    run.line("n");
    run.ends_with(0);
    let times: Vec<_> = writes(&served).iter().map(|write| write.time).collect();
    assert_eq!(times.len(), 3);
    assert!(times[1] >= answered, "{times:?}, answered at {answered:?}");
}

#[test]
fn lines_that_become_due_behind_q5_come_after_it_with_their_stamps() {
    // 5.9.11
    let served = served();
    start_slowly(&served, 200);
    let mut run = Session::start(&served, &["-reschedule", WEB]);
    run.wait_for("waiting for \"").control_c();
    run.wait_for(Q5);
    until(&served, |cluster| {
        running(cluster, |it| it.job.id == WEB && !it.previous.is_empty()) == 1
    });
    next_second();
    let due = next_second();
    assert!(run.shown().ends_with(Q5), "{}", run.shown());
    run.line("y");
    let shown = run.ends_with(130);
    let after = shown.split_once(Q5).unwrap().1;
    let late = after.lines().nth(1).unwrap();
    assert!(late.ends_with(" is \"running\""), "{shown}");
    let stamp = late.trim_start().get(..25).unwrap();
    let stamp = DateTime::parse_from_rfc3339(stamp).unwrap().timestamp();
    assert!(stamp <= due, "{late} was due by {due}");
    assert!(shown.contains("1 of 3 allocations rescheduled, 2 not touched."));
}

#[test]
fn control_c_in_a_pause_asks_and_a_yes_ends_it_at_once() {
    // N60, A7
    let served = served();
    let mut run = Session::start(&served, &["-batch-wait=1h", WEB]);
    run.wait_for("Waiting 1h0m0s before restarting the next batch")
        .control_c();
    run.wait_for("^C\n==> ").wait_for(Q5).line("y");
    let shown = run.ends_with(130);
    let counts = shown.split_once(STOPPED).unwrap().1;
    assert!(counts.starts_with("1 of 3 allocations restarted, 2 not touched.\n"));
    assert!(
        counts.contains(" -batch-wait=1h -started-before="),
        "{counts}"
    );
    assert_eq!(writes(&served).len(), 1);
}

#[test]
fn a_no_after_the_pause_is_over_goes_on_with_the_next_batch() {
    // N60, D62
    let served = served();
    let mut run = Session::start(&served, &["-batch-wait=1s", "-batch-size=2", WEB]);
    run.wait_for("Waiting 1s before restarting the next batch")
        .control_c();
    run.wait_for(Q5);
    // A pause of a second is over at the latest when two seconds have begun.
    next_second();
    next_second();
    assert_eq!(writes(&served).len(), 2);
    run.line("n")
        .wait_for("Restarting 2nd batch of 1 allocations");
    let shown = run.ends_with(0);
    assert_eq!(shown.matches("Waiting").count(), 1, "{shown}");
}

#[test]
fn a_question_that_becomes_due_behind_q5_is_asked_after_it() {
    // D81
    const Q2: &str = "Proceed with next batch? [Y/n/<duration>] ";
    for (answer, q2) in [("n", true), ("y", false)] {
        let served = served();
        let mut run = interrupted(&served, &["-batch-wait=ask", WEB]);
        first_is_back(&served);
        assert!(run.shown().ends_with(Q5), "{}", run.shown());
        run.line(answer);
        if q2 {
            run.wait_for(Q2).line("n");
        }
        let shown = run.ends_with(if q2 { 0 } else { 130 });
        assert_eq!(shown.contains(Q2), q2, "{shown}");
        assert_eq!(writes(&served).len(), 1);
    }
}

#[test]
fn a_pause_that_becomes_due_behind_q5_is_not_told_of_after_the_stop() {
    // 5.1.6: the gate comes before what follows a batch.
    let served = served();
    let mut run = interrupted(&served, &["-batch-wait=1h", WEB]);
    first_is_back(&served);
    next_second();
    run.line("y");
    let shown = run.ends_with(130);
    assert!(!shown.contains("Waiting"), "{shown}");
}

#[test]
fn a_run_that_is_done_before_q5_is_answered_ends_as_done() {
    // 5.10.11, N55
    let served = served();
    let run = interrupted(&served, &["-batch-size=100%", WEB]);
    let shown = run.ends_with(0);
    let after = shown.split_once(Q5).unwrap().1;
    assert!(
        after.starts_with("\n==> ")
            && after.ends_with("Finished job restart\n\nAll allocations restarted successfully!\n"),
        "{after:?}"
    );
}

#[test]
fn control_c_before_the_first_write_of_the_run() {
    // N55. 5.10.5: while the guard looks for deployments.
    let served = served();
    let stalled = Rule::on("/v1/job/web/deployment", Fault::Stall).calls(2..=u64::MAX);
    served.agent.faults().add(stalled);
    let mut run = Session::start(&served, &[WEB]);
    run.wait_for("Restarting 3 allocations").control_c();
    run.wait_for(Q5).line("y");
    let shown = run.ends_with(130);
    assert!(
        shown.contains("\n0 of 3 allocations restarted, 3 not touched.\n"),
        "{shown}"
    );
    assert!(writes(&served).is_empty());
}

#[test]
fn control_c_while_nothing_is_chosen_yet_stops_without_a_question() {
    // 5.10.4, 5.10.5, N55
    for path in [
        "/v1/job/web",
        "/v1/job/web/versions",
        "/v1/job/web/allocations",
    ] {
        let served = served();
        let only = move |_: &http::Method, sent: &str, _: &str| sent == path;
        served
            .agent
            .faults()
            .add(Rule::on("", Fault::Stall).when(only));
        let mut run = Session::start(&served, &[WEB]);
        while !served.agent.requests().iter().any(|it| it.path == path) {
            std::thread::yield_now();
        }
        run.control_c();
        let shown = run.ends_with(130);
        assert_eq!(
            shown, "^C\nCanceling job restart process\n\nNo allocations were restarted.\n",
            "{path}"
        );
        assert!(writes(&served).is_empty());
    }
}

#[test]
fn with_yes_control_c_stops_without_a_question() {
    // N59
    let served = served();
    die_slowly(&served, 300);
    let mut run = Session::start(&served, &["-yes", WEB]);
    run.wait_for("Restarting running tasks").control_c();
    let shown = run.ends_with(130);
    assert!(!shown.contains("Are you sure"), "{shown}");
    assert!(
        shown.contains("^C\nCanceling job restart process\n\n"),
        "{shown}"
    );
    assert!(shown.contains(", 2 not touched.\n"), "{shown}");
    assert_eq!(writes(&served).len(), 1);
}
