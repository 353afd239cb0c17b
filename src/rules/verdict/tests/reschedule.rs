//! Stops and their replacements, by the recordings c01–c06, d01, d04, f04, f06, k02.

use std::sync::Arc;

use super::{Case, failed, pending, replaced_by};
use crate::nomad::json::{Allocation, DesiredTransition, TaskState};
use crate::rules::samples::{
    AllocationSample, TaskSample, allocation, job, task, unstarted, versions,
};
use crate::rules::verdict::{CallState, Confirm, State};
use crate::rules::versions::Versions;
use crate::view::Change;

mod ends;
mod placement;

const MIGRATED: &str = "alloc is being migrated";

fn web() -> Versions {
    versions(vec![job(0, &[("web", &[("app", "")])])])
}

fn old(index: u64) -> Allocation {
    allocation("a", 10, index).with("app", task("running", 1.0))
}

fn stopped(index: u64, next: &str) -> Allocation {
    old(index).stopped(MIGRATED, next)
}

fn ended(index: u64, next: &str) -> Allocation {
    stopped(index, next).client("complete")
}

fn new(id: &str, create_index: u64, index: u64, state: TaskState) -> Allocation {
    allocation(id, create_index, index).with("app", state)
}

fn placed(id: &str, create_index: u64) -> Allocation {
    allocation(id, create_index, create_index).client("pending")
}

fn crashed(at: f64) -> TaskState {
    task("running", at)
        .exit(at + 0.1, 7)
        .event("Not Restarting", at + 0.1, "Policy allows no restarts")
        .failed()
}

fn case() -> Case {
    Case::reschedule(web(), vec![old(10)])
}

fn accepted(case: &Case) -> CallState {
    CallState::Accepted(case.begin)
}

fn apply(case: &mut Case, seconds: u64, change: Change) {
    let now = case.at(seconds);
    case.view.apply(change, now, now);
}

#[test]
fn a_replacement_is_waited_for_until_its_task_runs() {
    // c01
    let mut case = case();
    assert_eq!(pending(&case.accepted()).state, State::NoSignYet);
    let mut migrating = old(11);
    migrating.desired_transition = DesiredTransition {
        migrate: true,
        ..DesiredTransition::default()
    };
    case.news(1, vec![migrating]);
    assert_eq!(pending(&case.accepted()).state, State::Scheduling);

    // The plan: the stopped one may be seen before its replacement.
    case.news(1, vec![stopped(12, "b")]);
    let unread = |at| pending(&case.judge(accepted(&case), at)).confirm;
    assert_eq!(unread(1), None);
    assert_eq!(case.next_check(accepted(&case), 1), Some(2));
    assert_eq!(unread(2), Some(Confirm::Allocation("b".into())));
    case.news(1, vec![placed("b", 12)]);
    assert_eq!(
        pending(&case.accepted()).state.to_string(),
        r#""b" is "pending" until "a" has ended"#
    );

    case.news(
        2,
        vec![
            ended(14, "b"),
            new("b", 12, 14, unstarted()).client("pending"),
        ],
    );
    assert_eq!(
        pending(&case.accepted()).state.to_string(),
        r#""b" is "pending": task "app" is "pending" (Received: Task received by client)"#
    );
    case.news(2, vec![new("b", 12, 15, task("running", 9.0))]);
    assert_eq!(case.accepted(), replaced_by("b"));
    assert_eq!(case.base.replacements(&case.view), ["b".into()]);
}

#[test]
fn a_running_prestart_task_is_not_yet_a_running_replacement() {
    let versions = versions(vec![job(
        0,
        &[(
            "web",
            &[
                ("init", "prestart"),
                ("side", "sidecar"),
                ("app", ""),
                ("post", "poststart"),
                ("bye", "poststop"),
            ],
        )],
    )]);
    let mut case = Case::reschedule(versions, vec![old(10)]);
    let b = |index, init: TaskState, side: TaskState, app: TaskState| {
        new("b", 12, index, app)
            .with("init", init)
            .with("side", side)
            .with("post", unstarted())
            .with("bye", unstarted())
    };
    let finished = task("dead", 5.0).exit(5.1, 0);
    let table = [
        (
            b(13, task("running", 5.0), task("running", 5.0), unstarted()),
            Some("app"),
        ),
        (
            b(14, finished.clone(), unstarted(), task("running", 6.0)),
            Some("side"),
        ),
        (
            b(15, finished, task("running", 6.0), task("running", 6.0)),
            None,
        ),
    ];
    case.news(1, vec![ended(12, "b")]);
    for (news, waits_for) in table {
        case.news(2, vec![news]);
        match waits_for {
            Some(name) => match pending(&case.accepted()).state {
                State::Task { task, .. } => assert_eq!(&*task, name),
                other => panic!("{other:?}"),
            },
            None => assert_eq!(case.accepted(), replaced_by("b")),
        }
    }
}

#[test]
fn without_the_job_version_what_ran_before_has_to_run() {
    // D30
    let before = old(10).with("init", task("dead", 0.5).exit(0.6, 0));
    let mut case = Case::reschedule(Versions::default(), vec![before]);
    case.news(1, vec![ended(12, "b")]);
    case.news(
        1,
        vec![new("b", 12, 13, unstarted()).with("init", task("running", 5.0))],
    );
    pending(&case.accepted());
    case.news(
        1,
        vec![
            new("b", 12, 14, task("running", 6.0))
                .with("init", task("dead", 5.0).exit(5.1, 0))
                .with("bye", unstarted()),
        ],
    );
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn without_anything_to_go_by_everything_has_to_run() {
    // D30
    let before = allocation("a", 10, 10).client("pending");
    let mut case = Case::reschedule(Versions::default(), vec![before.clone()]);
    let mut before = before.stopped(MIGRATED, "b").client("complete");
    before.modify_index = 12;
    case.news(1, vec![before, placed("b", 12)]);
    pending(&case.accepted());
    case.news(
        1,
        vec![new("b", 12, 13, unstarted()).with("init", task("running", 5.0))],
    );
    pending(&case.accepted());
    case.news(
        1,
        vec![new("b", 12, 14, task("running", 6.0)).with("init", task("dead", 5.0).exit(5.1, 0))],
    );
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn the_current_version_of_the_job_tells_of_its_tasks_too() {
    // The replacement is of a version that was registered after the versions were read.
    let mut case = case();
    let current = job(1, &[("web", &[("app", ""), ("second", "")])]);
    apply(&mut case, 1, Change::Job(Arc::new(current)));
    let mut b = new("b", 12, 13, task("running", 6.0));
    b.job_version = 1;
    case.news(1, vec![ended(12, "b"), b.clone()]);
    match pending(&case.accepted()).state {
        State::Placed { .. } => {}
        other => panic!("{other:?}"),
    }
    // Of a version that nobody knows, what ran before has to run.
    let mut of_another = b.clone();
    (of_another.job_version, of_another.modify_index) = (7, 14);
    case.news(1, vec![of_another]);
    assert_eq!(case.accepted(), replaced_by("b"));
    b.modify_index = 15;
    case.news(1, vec![b.with("second", task("running", 6.0))]);
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn a_failing_replacement_is_followed_through_its_attempts() {
    // c04, N24, N25
    let mut case = case();
    case.news(1, vec![ended(12, "b")]);
    case.news(1, vec![new("b", 12, 13, crashed(5.0)).client("failed")]);
    // The evaluation that plans the next attempt comes milliseconds later.
    assert_eq!(
        pending(&case.accepted()).state.to_string(),
        r#""b" failed (Terminated: Exit Code: 7)"#
    );
    let mut planned = new("b", 12, 14, crashed(5.0)).client("failed");
    planned.followup_eval_id = Arc::from("e1");
    case.news(1, vec![planned.clone()]);
    assert_eq!(
        pending(&case.judge(accepted(&case), 30)).state.to_string(),
        r#""b" failed (Terminated: Exit Code: 7), waiting for the next attempt"#
    );
    planned.modify_index = 15;
    planned = planned.stopped("", "c");
    case.news(31, vec![planned, placed("c", 15)]);
    pending(&case.judge(accepted(&case), 31));
    case.news(32, vec![new("c", 15, 16, task("running", 40.0))]);
    assert_eq!(case.judge(accepted(&case), 32), replaced_by("c"));
    assert_eq!(case.base.replacements(&case.view), ["b".into(), "c".into()]);
}

#[test]
fn a_replacement_that_failed_for_good_is_told_after_a_fresh_read() {
    // D42, c05, N23: no FollowupEvalID, no successor, and nothing more to come.
    let mut case = case();
    let b = new("b", 12, 13, crashed(5.0)).client("failed");
    case.news(1, vec![ended(12, "b"), b.clone()]);
    assert_eq!(case.next_check(accepted(&case), 3), Some(6));
    assert_eq!(pending(&case.judge(accepted(&case), 5)).confirm, None);
    assert_eq!(
        pending(&case.judge(accepted(&case), 6)).confirm,
        Some(Confirm::Allocation("b".into()))
    );
    case.news(7, vec![b]);
    let cause = failed(&case.judge(accepted(&case), 7));
    assert_eq!(
        cause.to_string(),
        r#""b" failed and Nomad has not planned another attempt: task "app" failed: Terminated: Exit Code: 7 (Not Restarting: Policy allows no restarts); see "nomad alloc status b"; "nomad job eval -force-reschedule" makes one"#
    );
    assert!(cause.is_unrecoverable());
}
