//! Stops and their replacements, by the recordings c01–c06, d01, d04, f04, f06, k01, k02.

use std::sync::Arc;

use super::{Case, failed, pending, replaced_by};
use crate::nomad::json::{Allocation, DesiredTransition, TaskState};
use crate::rules::samples::{
    AllocationSample, TaskSample, allocation, blocked, job, task, unstarted, versions,
};
use crate::rules::verdict::{CallState, Cause, Confirm, State};
use crate::rules::versions::Versions;
use crate::view::Change;

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
    migrating.desired_transition = DesiredTransition { migrate: true };
    case.news(1, vec![migrating]);
    assert_eq!(pending(&case.accepted()).state, State::Scheduling);

    // The plan: the stopped one may be seen before its replacement.
    case.news(1, vec![stopped(12, "b")]);
    let reason = pending(&case.accepted());
    assert_eq!(reason.confirm, Some(Confirm::Allocation("b".into())));
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
    // k01 77–79, CLAIMS 29
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
    b.modify_index = 14;
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
    // c05, N23: no FollowupEvalID, no successor, and nothing more to come.
    let mut case = case();
    let b = new("b", 12, 13, crashed(5.0)).client("failed");
    case.news(1, vec![ended(12, "b"), b.clone()]);
    assert_eq!(case.next_check(accepted(&case), 1), Some(6));
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

#[test]
fn a_placement_failure_is_charged_once_the_plan_has_no_successor() {
    // c06 18–23: the blocked evaluation is written before the plan.
    let mut case = case();
    apply(
        &mut case,
        1,
        Change::Evaluation(Box::new(blocked("e0000001-long", 12, &["web"]))),
    );
    pending(&case.accepted());
    case.news(1, vec![stopped(13, "")]);
    let cause = failed(&case.accepted());
    assert_eq!(
        cause.sentence(false),
        "Evaluation \"e0000001\" has placement failures for group \"web\":\n    * No nodes were eligible for evaluation"
    );
    assert!(cause.sentence(true).contains("\"e0000001-long\""));
    assert!(cause.is_unrecoverable());
}

#[test]
fn only_a_blocked_evaluation_of_this_stop_and_group_counts() {
    // behaviour 5.6.2, N40
    for evaluation in [blocked("e1", 9, &["web"]), blocked("e1", 12, &["api"])] {
        let mut case = case();
        apply(&mut case, 1, Change::Evaluation(Box::new(evaluation)));
        case.news(1, vec![stopped(13, "")]);
        pending(&case.accepted());
    }
    // k03 36: blocked for another reason.
    let mut case = case();
    apply(
        &mut case,
        1,
        Change::Evaluation(Box::new(blocked("e1", 12, &[]))),
    );
    case.news(1, vec![stopped(13, "")]);
    pending(&case.accepted());
}

#[test]
fn an_allocation_with_a_successor_is_not_charged() {
    // D47: another one of the group could not be placed.
    let mut case = case();
    apply(
        &mut case,
        1,
        Change::Evaluation(Box::new(blocked("e1", 12, &["web"]))),
    );
    case.news(1, vec![stopped(13, "b"), placed("b", 13)]);
    pending(&case.accepted());
    case.news(2, vec![new("b", 13, 14, task("running", 5.0))]);
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn a_late_placement_has_no_links() {
    // c06 47–51, CLAIMS 6
    let mut case = case();
    case.news(1, vec![ended(13, "")]);
    case.news(
        2,
        vec![
            new("other", 14, 15, task("running", 5.0)).named("web.web[1]"),
            new("b", 14, 15, task("running", 5.0)),
        ],
    );
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn what_was_there_before_the_stop_is_no_replacement() {
    // A canary of the same name that was placed before.
    let canary = new("c", 11, 12, task("running", 2.0));
    let mut case = Case::reschedule(web(), vec![old(10), canary]);
    case.news(1, vec![ended(13, "")]);
    pending(&case.accepted());
}

#[test]
fn a_chain_that_is_lost_with_its_node_goes_on_without_links() {
    // k02 31–46
    let mut case = case();
    case.news(1, vec![stopped(12, "b"), placed("b", 12)]);
    let lost = "alloc is lost since its node is down";
    let b = placed("b", 12).stopped(lost, "").client("lost");
    let b = Allocation {
        modify_index: 14,
        ..b
    };
    case.news(25, vec![old(14).stopped(lost, "b").client("lost"), b]);
    pending(&case.judge(accepted(&case), 25));
    apply(
        &mut case,
        25,
        Change::Evaluation(Box::new(blocked("e1", 13, &["web"]))),
    );
    assert!(matches!(
        failed(&case.judge(accepted(&case), 25)),
        Cause::Placement { .. }
    ));
    case.news(28, vec![new("c", 15, 16, task("running", 30.0))]);
    assert_eq!(case.judge(accepted(&case), 28), replaced_by("c"));
}

#[test]
fn a_batch_replacement_may_be_complete() {
    // d04 39, N26
    let batch = |allocation: Allocation| allocation.of_type("batch");
    let mut case = Case::reschedule(web(), vec![batch(old(10))]);
    let b = batch(new("b", 12, 14, task("dead", 5.0).exit(5.1, 0)).client("complete"));
    case.news(1, vec![batch(ended(12, "b")), b]);
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn a_main_task_of_a_batch_replacement_may_be_done_before_the_others() {
    let versions = versions(vec![job(0, &[("web", &[("app", ""), ("second", "")])])]);
    let batch = |allocation: Allocation| allocation.of_type("batch");
    let mut case = Case::reschedule(versions, vec![batch(old(10))]);
    let b = new("b", 12, 14, task("dead", 5.0).exit(5.1, 0)).with("second", task("running", 5.0));
    case.news(1, vec![batch(ended(12, "b")), batch(b)]);
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn a_stopped_batch_allocation_may_end_failed() {
    // VERSIONS row 23 (1.10.5): with desired status "stop" that is no failure.
    let mut case = Case::reschedule(web(), vec![old(10).of_type("batch")]);
    let old = stopped(12, "b").of_type("batch").client("failed");
    let b = new("b", 12, 13, task("running", 5.0)).of_type("batch");
    case.news(1, vec![old, b]);
    assert_eq!(case.accepted(), replaced_by("b"));
}

#[test]
fn a_service_replacement_that_completes_is_lost() {
    let mut case = case();
    let b = new("b", 12, 14, task("dead", 5.0).exit(5.1, 0)).client("complete");
    case.news(1, vec![ended(12, "b"), b.clone()]);
    pending(&case.accepted());
    case.news(6, vec![b]);
    let cause = failed(&case.judge(accepted(&case), 6));
    assert_eq!(
        cause.to_string(),
        r#""b" is "complete": it ended instead of running on, and nothing replaces it"#
    );
    assert!(cause.is_unrecoverable());
}

#[test]
fn an_original_that_ended_by_itself_is_not_replaced() {
    // D42 (d), d04 29–33
    let mut case = case();
    let mut own = old(12).client("complete");
    own.desired_transition = DesiredTransition { migrate: true };
    case.news(1, vec![own.clone()]);
    pending(&case.accepted());
    case.news(6, vec![own]);
    let cause = failed(&case.judge(accepted(&case), 6));
    assert_eq!(
        cause.to_string(),
        r#""a" is "complete": it ended before it was stopped, and nothing replaces it"#
    );
    assert!(!cause.is_unrecoverable());
}

#[test]
fn a_job_that_is_stopped_scaled_down_or_purged_ends_the_wait() {
    // f06, N22: scaled down while the successor was pending.
    let unneeded = "alloc not needed due to job update";
    let gone = || {
        let b = placed("b", 12).stopped(unneeded, "");
        Allocation {
            modify_index: 14,
            ..b
        }
    };
    let mut case = case();
    case.news(1, vec![stopped(12, "b"), placed("b", 12), gone()]);
    // Whatever else could not be placed.
    apply(
        &mut case,
        1,
        Change::Evaluation(Box::new(blocked("e1", 13, &["web"]))),
    );
    assert_eq!(
        failed(&case.accepted()).to_string(),
        r#""b" was stopped and is not replaced: alloc not needed due to job update; the job was scaled down, stopped or updated meanwhile"#
    );
    // f04: the job was stopped.
    let mut ended = job(0, &[]);
    ended.stop = true;
    apply(&mut case, 1, Change::Job(Arc::new(ended)));
    assert_eq!(failed(&case.accepted()), Cause::JobEnded { purged: false });
    // f05, N35
    apply(&mut case, 1, Change::JobPurged);
    assert_eq!(failed(&case.accepted()), Cause::JobEnded { purged: true });
}

#[test]
fn a_stop_that_brings_nothing_is_told_after_a_fresh_list() {
    // N22, D42 (a): no replacement and no blocked evaluation.
    let mut case = case();
    case.news(1, vec![ended(12, "")]);
    let reason = pending(&case.judge(accepted(&case), 5));
    assert_eq!(
        reason.state.to_string(),
        r#""a" has no replacement yet (alloc is being migrated)"#
    );
    assert_eq!(
        pending(&case.judge(accepted(&case), 6)).confirm,
        Some(Confirm::List)
    );
    // One allocation alone does not tell of one without links.
    case.news(7, vec![ended(12, "")]);
    pending(&case.judge(accepted(&case), 7));
    case.list(8, vec![ended(12, "")]);
    let cause = failed(&case.judge(accepted(&case), 8));
    assert_eq!(
        cause.to_string(),
        r#""a" was stopped and nothing has replaced it: alloc is being migrated; see the evaluations in "nomad job status -evals""#
    );
    assert!(cause.is_unrecoverable());
}

#[test]
fn a_stopped_system_allocation_waits_for_an_evaluation() {
    // d01: no successor for as long as nobody asks for one.
    let mut case = Case::reschedule(web(), vec![old(10).of_type("system")]);
    let stopped = ended(12, "").of_type("system");
    case.list(1, vec![stopped.clone()]);
    case.list(30, vec![stopped]);
    assert_eq!(pending(&case.judge(accepted(&case), 30)).confirm, None);
}

#[test]
fn a_replacement_is_found_although_the_original_is_gone() {
    // N18: collected after the stop. Its link is remembered …
    let mut case = case();
    case.news(
        1,
        vec![ended(12, "b"), new("b", 12, 13, task("running", 5.0))],
    );
    apply(&mut case, 2, Change::Gone(Arc::from("a")));
    assert_eq!(case.accepted(), replaced_by("b"));

    // … and without one, a list made later tells.
    let mut case = self::case();
    case.news(1, vec![ended(12, "")]);
    apply(&mut case, 2, Change::Gone(Arc::from("a")));
    assert_eq!(
        pending(&case.judge(accepted(&case), 30)).confirm,
        Some(Confirm::List)
    );
    let mut found = case;
    found.list(31, vec![new("b", 13, 14, task("running", 5.0))]);
    assert_eq!(found.judge(accepted(&found), 31), replaced_by("b"));

    let mut case = self::case();
    case.news(1, vec![ended(12, "")]);
    apply(&mut case, 2, Change::Gone(Arc::from("a")));
    case.list(31, vec![]);
    assert!(matches!(
        failed(&case.judge(accepted(&case), 31)),
        Cause::NotReplaced { .. }
    ));
}

#[test]
fn a_lost_replacement_that_is_to_run_is_told_after_a_fresh_read() {
    let mut case = case();
    let mut b = placed("b", 12).client("lost");
    b.modify_index = 13;
    case.news(1, vec![ended(12, "b"), b.clone()]);
    pending(&case.accepted());
    case.news(6, vec![b]);
    assert!(matches!(
        failed(&case.judge(accepted(&case), 6)),
        Cause::NotReplaced { .. }
    ));
}

#[test]
fn a_disconnected_replacement_may_come_back() {
    let mut case = case();
    let b = new("b", 12, 14, task("running", 5.0)).client("unknown");
    case.news(1, vec![ended(12, "b"), b]);
    assert!(matches!(
        pending(&case.judge(accepted(&case), 59)).state,
        State::Disconnected { .. }
    ));
    assert!(matches!(
        failed(&case.judge(accepted(&case), 60)),
        Cause::Timeout { .. }
    ));
}

#[test]
fn a_stop_of_unknown_outcome_is_pending_until_it_shows() {
    // N7: it is repeated by the caller, which changes nothing.
    let mut case = case();
    let unknown = CallState::Unknown(case.begin);
    assert_eq!(
        pending(&case.judge(unknown, 30)).state,
        State::OutcomeUnknown
    );
    assert_eq!(case.next_check(unknown, 1), Some(60));
    case.news(
        31,
        vec![ended(12, "b"), new("b", 12, 13, task("running", 5.0))],
    );
    assert_eq!(case.judge(unknown, 31), replaced_by("b"));
}
