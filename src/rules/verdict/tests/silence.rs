//! What is said when Nomad shows nothing: after an accepted call, after one of unknown outcome, and at the time limit.

use super::{Case, done, failed, pending};
use crate::event::Target;
use crate::nomad::json::{Allocation, TaskState};
use crate::rules::samples::{AllocationSample, TaskSample, allocation, task, unstarted};
use crate::rules::verdict::{CallState, Cause, Confirm};
use crate::rules::versions::Versions;
use crate::view::Change;

fn app(index: u64, state: TaskState) -> Allocation {
    allocation("a", 10, index).with("app", state)
}

fn accepted(case: &Case) -> CallState {
    CallState::Accepted(case.begin)
}

fn unknown(case: &Case) -> CallState {
    CallState::Unknown(case.begin)
}

#[test]
fn an_accepted_restart_without_effect_is_told_after_ten_seconds_and_a_fresh_read() {
    // D34, b10, N30, N34: a restart of an allocation without a running task answers 200.
    let before = app(10, task("running", 1.0));
    let mut case = Case::running(before.clone());
    assert_eq!(case.next_check(accepted(&case), 1), Some(10));
    assert_eq!(case.next_check(accepted(&case), 10), Some(60));
    assert_eq!(pending(&case.judge(accepted(&case), 9)).confirm, None);
    let asks = Some(Confirm::Allocation("a".into()));
    assert_eq!(pending(&case.judge(accepted(&case), 10)).confirm, asks);
    // An answer to a question from before does not count, however late it comes.
    let (asked, now) = (case.at(9), case.at(11));
    case.view
        .apply(Change::Allocation(Box::new(before.clone())), asked, now);
    assert_eq!(pending(&case.judge(accepted(&case), 11)).confirm, asks);
    case.news(12, vec![before]);
    let cause = failed(&case.judge(accepted(&case), 12));
    assert_eq!(cause.to_string(), "not restarted: no task was running");
    assert!(!cause.is_unrecoverable());
}

#[test]
fn a_fresh_list_is_as_good_as_a_fresh_read() {
    let before = app(10, task("running", 1.0));
    let mut case = Case::running(before.clone());
    case.list(10, vec![before]);
    assert_eq!(
        failed(&case.judge(accepted(&case), 10)),
        Cause::NotRestarted { tasks: Vec::new() }
    );
}

#[test]
fn an_unknown_outcome_is_told_after_fifteen_seconds_and_a_fresh_read() {
    let before = app(10, task("running", 1.0));
    let mut case = Case::running(before.clone());
    assert_eq!(case.next_check(unknown(&case), 1), Some(15));
    case.news(14, vec![before.clone()]);
    assert_eq!(pending(&case.judge(unknown(&case), 14)).confirm, None);
    assert_eq!(
        pending(&case.judge(unknown(&case), 15)).confirm,
        Some(Confirm::Allocation("a".into()))
    );
    case.news(15, vec![before]);
    let cause = failed(&case.judge(unknown(&case), 15));
    assert!(
        cause
            .to_string()
            .starts_with("outcome unknown, not repeated: ")
    );
    assert!(cause.is_unrecoverable());
}

#[test]
fn a_sign_keeps_an_unknown_outcome_going() {
    let signaled = task("running", 1.0).event("Restart Signaled", 5.0, "User requested");
    let mut counted = task("running", 1.0);
    counted.restarts = 1;
    let mut started = unstarted();
    started.started_at = task("running", 6.0).started_at;
    let mut told = task("running", 1.0);
    told.last_restart = task("running", 6.0).started_at;
    for state in [signaled, counted, started, told] {
        let mut case = Case::running(app(10, task("running", 1.0)));
        case.news(20, vec![app(11, state)]);
        assert_eq!(pending(&case.judge(unknown(&case), 20)).confirm, None);
    }
}

#[test]
fn a_start_after_the_death_of_the_agent_counts() {
    // Recording i 20–57: the restarted agent takes the exit for a crash; no signal is to be seen.
    let mut case = Case::running(app(10, task("running", 1.0)));
    let mut waiting = task("running", 1.0).exit(6.0, 137).restarting(8.0, 15.4, 1);
    waiting.state = unstarted().state;
    case.news(9, vec![app(11, waiting.clone()).client("pending")]);
    pending(&case.judge(unknown(&case), 20));
    let mut running = waiting.event("Started", 23.4, "Task started by client");
    running.state = task("running", 23.4).state;
    running.started_at = task("running", 23.4).started_at;
    case.news(24, vec![app(12, running)]);
    assert_eq!(case.judge(unknown(&case), 24), done());
}

#[test]
fn an_accepted_restart_whose_signal_is_out_of_sight_counts_when_nothing_more_can_come() {
    let mut case = Case::running(app(10, task("running", 1.0)));
    let mut state = task("running", 6.0);
    state.restarts = 1;
    case.news(9, vec![app(11, state.clone())]);
    pending(&case.judge(accepted(&case), 9));
    assert_eq!(
        pending(&case.judge(accepted(&case), 10)).confirm,
        Some(Confirm::Allocation("a".into()))
    );
    case.news(10, vec![app(11, state)]);
    assert_eq!(case.judge(accepted(&case), 10), done());
}

#[test]
fn tasks_without_a_sign_are_named() {
    let two = |index, app: TaskState| {
        allocation("a", 10, index)
            .with("app", app)
            .with("side", task("running", 1.0))
    };
    let mut case = Case::running(two(10, task("running", 1.0)));
    case.news(16, vec![two(11, task("running", 1.0).restarted(5.0, 1))]);
    for call in [accepted(&case), CallState::Unknown(case.begin)] {
        let cause = failed(&case.judge(call, 16));
        assert_eq!(
            cause.to_string(),
            r#"not completely restarted: Nomad accepted the restart, but task "side" shows no sign of it"#
        );
    }
}

#[test]
fn a_signal_asks_for_no_read() {
    let mut case = Case::running(app(10, task("running", 1.0)));
    let state = task("running", 1.0).event("Restart Signaled", 5.0, "User requested");
    case.news(2, vec![app(11, state.clone())]);
    assert_eq!(pending(&case.judge(accepted(&case), 12)).confirm, None);
    // Beside it a task without one does.
    let mut case = Case::running(app(10, task("running", 1.0)).with("side", task("running", 1.0)));
    case.news(2, vec![app(11, state).with("side", task("running", 1.0))]);
    assert_eq!(
        pending(&case.judge(accepted(&case), 12)).confirm,
        Some(Confirm::Allocation("a".into()))
    );
}

#[test]
fn a_finished_task_that_all_tasks_left_out_is_named() {
    // After a restart of its agent a dead task may have no runner any more: the call answers 200 without it.
    let with_init =
        |index, state: TaskState| app(index, state).with("init", task("dead", 0.5).exit(0.6, 0));
    let before = with_init(10, task("running", 1.0));
    let mut case = Case::new(&Target::AllTasks, Versions::default(), vec![before]);
    case.news(
        11,
        vec![with_init(11, task("running", 1.0).restarted(5.0, 1))],
    );
    assert_eq!(
        failed(&case.judge(accepted(&case), 11)),
        Cause::NotRestarted {
            tasks: vec!["init".into()]
        }
    );
}

#[test]
fn a_finish_without_a_signal_in_sight_waits_like_a_start() {
    let batch = |index, state: TaskState| app(index, state).of_type("batch");
    let mut case = Case::running(batch(10, task("running", 1.0)));
    let mut state = task("dead", 6.0).exit(6.5, 0);
    state.restarts = 1;
    let news = || batch(11, state.clone()).client("complete");
    case.news(1, vec![news()]);
    pending(&case.judge(CallState::Open, 1));
    pending(&case.judge(accepted(&case), 9));
    case.news(10, vec![news()]);
    assert_eq!(case.judge(accepted(&case), 10), done());
}

#[test]
fn silence_says_nothing_while_the_call_is_open() {
    let before = app(10, task("running", 1.0));
    let mut case = Case::running(before.clone());
    case.news(59, vec![before]);
    assert_eq!(pending(&case.judge(CallState::Open, 59)).confirm, None);
    assert_eq!(case.next_check(CallState::Open, 1), Some(60));
}

#[test]
fn the_limit_fails_whatever_is_pending() {
    let mut case = Case::running(app(10, task("running", 1.0)));
    let mut state = task("running", 1.0)
        .event("Restart Signaled", 5.0, "User requested")
        .exit(5.1, 0)
        .restarting(5.1, 0.0, 1)
        .event("Driver", 5.2, "Downloading image");
    state.state = unstarted().state;
    let starting = app(11, state).client("pending");
    case.news(2, vec![starting.clone()]);
    assert_eq!(pending(&case.judge(accepted(&case), 59)).confirm, None);
    // What is known may be old.
    assert_eq!(
        pending(&case.judge(accepted(&case), 60)).confirm,
        Some(Confirm::Allocation("a".into()))
    );
    failed(&case.judge(accepted(&case), 120));
    case.news(60, vec![starting]);
    let cause = failed(&case.judge(accepted(&case), 60));
    assert_eq!(
        cause.to_string(),
        r#"not seen running again within 1m0s: "a" is "pending": task "app" is "pending" (Driver: Downloading image); that may still come, -timeout gives it longer"#
    );
    assert!(cause.is_unrecoverable());
    case.want.deadline = None;
    pending(&case.judge(accepted(&case), 1_000_000));
    // What was done in time stays done.
    case.want.deadline = Some(case.at(60));
    case.news(61, vec![app(12, task("running", 1.0).restarted(5.0, 1))]);
    assert_eq!(case.judge(accepted(&case), 61), done());
}

#[test]
fn a_limit_beyond_the_clock_is_none() {
    let mut case = Case::running(app(10, task("running", 1.0)));
    case.want = super::Want::new(
        case.want.versions.clone(),
        None,
        Some(std::time::Duration::MAX),
        case.begin,
    );
    assert_eq!(case.want.deadline, None);
}

#[test]
fn a_named_restart_of_unknown_outcome_names_the_task() {
    let before = app(10, task("running", 1.0));
    let mut case = Case::new(
        &Target::Task("app".to_owned()),
        Versions::default(),
        vec![before.clone()],
    );
    case.news(15, vec![before]);
    assert!(
        failed(&case.judge(unknown(&case), 15))
            .to_string()
            .contains(r#"the restart of task "app" got no answer"#)
    );
}
