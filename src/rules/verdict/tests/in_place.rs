//! Restarts in place, by the recordings b01–b09, f02–f05, k02, k03.

use std::sync::Arc;

use super::{Case, done, failed, pending};
use crate::nomad::json::{Allocation, TaskState};
use crate::rules::samples::{AllocationSample, TaskSample, allocation, job, task, unstarted};
use crate::rules::verdict::{CallState, Cause, State};
use crate::view::Change;

mod targets;

fn app(state: TaskState) -> Allocation {
    allocation("a", 10, 10).with("app", state)
}

fn later(index: u64, state: TaskState) -> Allocation {
    allocation("a", 10, index).with("app", state)
}

fn signaled(state: TaskState, at: f64) -> TaskState {
    state.event(
        "Restart Signaled",
        at,
        "User requested running tasks to restart",
    )
}

#[test]
fn one_update_shows_the_whole_restart() {
    // D33
    let mut case = Case::running(app(task("running", 1.0)));
    pending(&case.accepted());
    case.news(1, vec![later(11, task("running", 1.0).restarted(5.0, 1))]);
    assert_eq!(case.accepted(), done());
    // The call may still be open: the old processes of all tasks are gone, or this start were not there.
    assert_eq!(case.judge(CallState::Open, 1), done());
}

#[test]
fn a_slow_start_is_pending_until_it_runs() {
    // b07
    let mut case = Case::running(app(task("running", 1.0)));
    let old = signaled(task("running", 1.0), 5.0);
    case.news(1, vec![later(11, old.clone())]);
    pending(&case.accepted());
    let mut stopped = old.exit(5.1, 0).restarting(5.1, 0.0, 1);
    stopped.state = unstarted().state;
    case.news(1, vec![later(12, stopped.clone()).client("pending")]);
    let reason = pending(&case.accepted());
    assert_eq!(
        reason.state.to_string(),
        r#""a" is "pending": task "app" is "pending" (Restarting: Task restarting in 0s)"#
    );
    let mut running = stopped.event("Started", 8.0, "Task started by client");
    running.state = task("running", 8.0).state;
    running.started_at = task("running", 8.0).started_at;
    case.news(4, vec![later(13, running)]);
    assert_eq!(case.accepted(), done());
}

#[test]
fn every_targeted_task_has_to_run_again() {
    // b04: the quick one has long been restarted while the stubborn one is being killed.
    let before = app(task("running", 1.0)).with("quick", task("running", 1.0));
    let mut case = Case::running(before);
    let quick = task("running", 1.0).restarted(5.0, 1);
    case.news(
        1,
        vec![later(11, signaled(task("running", 1.0), 5.0)).with("quick", quick.clone())],
    );
    pending(&case.judge(CallState::Open, 1));
    case.news(
        4,
        vec![later(12, task("running", 1.0).restarted(8.0, 1)).with("quick", quick)],
    );
    assert_eq!(case.accepted(), done());
}

#[test]
fn a_start_before_the_signal_is_not_the_restart() {
    let mut case = Case::running(app(task("running", 1.0)));
    // The task crashed and came back by itself right before the restart was signaled; the signal is not the last event any more.
    let crashed = task("running", 1.0)
        .exit(4.0, 1)
        .restarting(4.0, 0.5, 1)
        .event("Started", 4.5, "Task started by client");
    let mut state = signaled(crashed, 5.0).event("Driver", 5.1, "Downloading image");
    state.started_at = task("running", 4.5).started_at;
    case.news(1, vec![later(11, state)]);
    pending(&case.accepted());
}

#[test]
fn a_start_without_a_signal_does_not_end_an_open_call() {
    let mut case = Case::running(app(task("running", 1.0)));
    let mut state = task("running", 4.5);
    state.restarts = 1;
    case.news(1, vec![later(11, state)]);
    pending(&case.judge(CallState::Open, 1));
    pending(&case.accepted());
}

#[test]
fn a_task_whose_process_has_ended_does_not_run() {
    // b08, ModifyIndex 146: still "running", and the last event tells of the end.
    let mut case = Case::running(app(task("running", 1.0)));
    let state = task("running", 1.0).restarted(5.0, 1).exit(5.2, 3);
    case.news(1, vec![later(11, state)]);
    pending(&case.accepted());
}

#[test]
fn a_crash_loop_fails_at_the_third_restart() {
    // b08
    let mut case = Case::running(app(task("running", 1.0)));
    let mut twice = task("running", 1.0)
        .restarted(5.0, 1)
        .exit(5.2, 3)
        .restarting(5.2, 1.0, 2);
    twice.state = unstarted().state;
    case.news(1, vec![later(11, twice.clone())]);
    assert_eq!(
        pending(&case.accepted()).state.to_string(),
        r#""a" is "running": task "app" is "pending" (Restarting: Task restarting in 1s)"#
    );
    let mut thrice = twice
        .event("Started", 6.2, "")
        .exit(6.3, 3)
        .restarting(6.3, 1.2, 3);
    thrice.started_at = task("running", 6.2).started_at;
    case.news(2, vec![later(12, thrice)]);
    assert_eq!(
        failed(&case.accepted()).to_string(),
        r#"task "app" does not stay up: restarted 3 times since (Terminated: Exit Code: 3); see "nomad alloc logs -stderr a app""#
    );
}

#[test]
fn a_start_failure_that_is_final_fails_at_once_with_its_cause() {
    // b09
    let mut case = Case::running(app(task("running", 1.0)));
    let state = signaled(task("running", 1.0), 5.0)
        .exit(5.1, 130)
        .restarting(5.1, 0.0, 1)
        .event("Driver Failure", 5.2, "binary could not be found")
        .event("Not Restarting", 5.2, "Error was unrecoverable")
        .failed();
    case.news(1, vec![later(11, state).client("failed")]);
    assert_eq!(
        failed(&case.accepted()).to_string(),
        r#"task "app" failed: Driver Failure: binary could not be found (Not Restarting: Error was unrecoverable); see "nomad alloc status a""#
    );
}

#[test]
fn a_task_that_failed_for_good_does_not_wait_for_its_allocation() {
    let mut case = Case::running(app(task("running", 1.0)));
    case.news(1, vec![later(11, task("dead", 1.0).exit(5.0, 1).failed())]);
    assert!(matches!(failed(&case.accepted()), Cause::TaskFailed { .. }));
}

#[test]
fn a_driver_failure_is_a_reason_while_nomad_tries_again() {
    // Recording b09: only an unrecoverable one is final.
    let mut case = Case::running(app(task("running", 1.0)));
    let mut state = signaled(task("running", 1.0), 5.0)
        .exit(5.1, 130)
        .restarting(5.1, 0.0, 1)
        .event("Driver Failure", 5.2, "Failed to pull image")
        .restarting(5.3, 15.0, 2)
        .event("Driver Failure", 20.3, "Failed to pull image");
    state.state = unstarted().state;
    case.news(1, vec![later(11, state)]);
    let reason = pending(&case.accepted());
    assert!(
        reason
            .state
            .to_string()
            .ends_with("(Driver Failure: Failed to pull image)"),
        "{}",
        reason.state
    );
}

#[test]
fn a_next_start_beyond_the_limit_fails_now() {
    // Restart policy with mode "delay": the next start lies 30 minutes ahead, the limit is 60 s.
    let mut case = Case::running(app(task("running", 1.0)));
    let mut state = signaled(task("running", 1.0), 5.0)
        .exit(5.1, 1)
        .restarting(5.1, 0.0, 1)
        .event("Driver Failure", 5.2, "no such image")
        .restarting(5.3, 1800.0, 2);
    state.state = unstarted().state;
    case.news(1, vec![later(11, state)]);
    assert_eq!(
        failed(&case.accepted()).to_string(),
        r#"task "app" is not started again before 30m0s have passed, which is beyond the time limit of 1m0s (Driver Failure: no such image); the restart policy of its group sets the delay, -timeout the limit"#
    );
    case.want.limit = None;
    case.want.deadline = None;
    pending(&case.accepted());
}

#[test]
fn a_next_start_counts_from_the_restart_on() {
    let mut case = Case::running(app(task("running", 1.0)));
    // 50 s after the signal a delay of 15 s begins: 65 s are more than 60.
    let mut state = signaled(task("running", 1.0), 5.0)
        .exit(55.0, 1)
        .restarting(55.0, 15.0, 1);
    state.state = unstarted().state;
    case.news(50, vec![later(11, state)]);
    assert!(matches!(
        failed(&case.judge(CallState::Accepted(case.begin), 50)),
        Cause::StartsTooLate { .. }
    ));
}

#[test]
fn an_allocation_that_is_taken_away_fails() {
    let running = || signaled(task("running", 1.0), 5.0);
    // f02: updated. f03: drained. f06: scaled down. k02: lost.
    let table = [
        (
            later(11, running()).stopped("alloc is being updated due to job update", "b"),
            r#"replaced by "b" while it was being restarted: alloc is being updated due to job update"#,
        ),
        (
            later(11, running()).stopped("alloc is being migrated", ""),
            "Nomad stops the allocation: alloc is being migrated; it is not running again",
        ),
        (
            later(11, running())
                .stopped("alloc is lost since its node is down", "")
                .client("lost"),
            "its node is lost: alloc is lost since its node is down; Nomad replaces the allocation where it can",
        ),
        (
            later(11, running()).client("lost"),
            "its node is lost; Nomad replaces the allocation where it can",
        ),
        (
            later(11, task("running", 1.0)).client("failed"),
            "the allocation failed; see \"nomad alloc status a\"",
        ),
    ];
    for (news, sentence) in table {
        let mut case = Case::running(app(task("running", 1.0)));
        case.news(1, vec![news]);
        assert_eq!(failed(&case.accepted()).to_string(), sentence);
        assert!(!failed(&case.accepted()).is_unrecoverable());
    }
}

#[test]
fn a_job_that_ends_is_named_as_the_cause() {
    // f04: stopped
    let mut case = Case::running(app(task("running", 1.0)));
    let mut stopped = job(0, &[]);
    stopped.stop = true;
    let now = case.at(1);
    case.view.apply(Change::Job(Arc::new(stopped)), now, now);
    pending(&case.accepted());
    let description = "alloc not needed due to job update";
    case.news(
        1,
        vec![later(11, task("running", 1.0)).stopped(description, "")],
    );
    assert_eq!(failed(&case.accepted()), Cause::JobEnded { purged: false });
    // f05, N35: purged
    let mut case = Case::running(app(task("running", 1.0)));
    let now = case.at(1);
    case.view.apply(Change::JobPurged, now, now);
    assert_eq!(failed(&case.accepted()), Cause::JobEnded { purged: true });
    assert!(failed(&case.accepted()).is_unrecoverable());
}

#[test]
fn an_allocation_that_is_gone_fails() {
    // N35
    let mut case = Case::running(app(task("running", 1.0)));
    let now = case.at(1);
    case.view.apply(Change::Gone(Arc::from("a")), now, now);
    assert_eq!(failed(&case.accepted()), Cause::Gone);
}

#[test]
fn a_disconnected_node_may_come_back() {
    // k03, N21
    let mut case = Case::running(app(task("running", 1.0)));
    case.news(1, vec![later(11, task("running", 1.0)).client("unknown")]);
    let reason = pending(&case.judge(CallState::Unknown(case.begin), 40));
    assert!(matches!(reason.state, State::Disconnected { .. }));
}

#[test]
fn nothing_is_judged_before_the_write_but_the_limit() {
    let mut case = Case::running(app(task("running", 1.0)));
    case.news(1, vec![later(11, task("running", 1.0).restarted(5.0, 1))]);
    assert_eq!(
        pending(&case.judge(CallState::NotSent, 1)).state,
        State::NotSent
    );
    assert_eq!(
        failed(&case.judge(CallState::NotSent, 60)).to_string(),
        "not seen running again within 1m0s: the call could not be sent yet; that may still come, -timeout gives it longer"
    );
}
