//! Ends other than a replacement that runs: completed, lost, collected, no longer needed, never replaced.

use std::sync::Arc;

use super::super::{failed, pending, replaced_by};
use super::{accepted, apply, case, ended, new, old, placed, stopped, web};
use crate::nomad::json::{Allocation, DesiredTransition};
use crate::rules::samples::{AllocationSample, TaskSample, blocked, job, task, versions};
use crate::rules::verdict::tests::Case;
use crate::rules::verdict::{CallState, Cause, Confirm, State};
use crate::view::Change;

#[test]
fn a_batch_replacement_may_be_complete() {
    // D42. d04 39, N26
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
    let b =
        || new("b", 12, 14, task("dead", 5.0).exit(5.1, 0)).with("second", task("running", 5.0));
    case.news(1, vec![batch(ended(12, "b")), batch(b())]);
    assert_eq!(case.accepted(), replaced_by("b"));
    // In a service job each has to run.
    let mut case = Case::reschedule(case.want.versions.as_ref().clone(), vec![old(10)]);
    case.news(1, vec![ended(12, "b"), b()]);
    pending(&case.accepted());
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
    own.desired_transition = DesiredTransition {
        migrate: true,
        ..DesiredTransition::default()
    };
    case.news(1, vec![own.clone()]);
    pending(&case.accepted());
    case.news(6, vec![own]);
    let cause = failed(&case.judge(accepted(&case), 6));
    assert_eq!(
        cause.to_string(),
        r#""a" is "complete": it ended before it was stopped, and nothing replaces it"#
    );
    assert!(!cause.is_unrecoverable());

    // Nor in a batch job, where a complete replacement would be a success.
    let mut case = Case::reschedule(web(), vec![old(10).of_type("batch")]);
    case.news(1, vec![old(12).of_type("batch").client("complete")]);
    pending(&case.accepted());
}

#[test]
fn a_job_that_is_stopped_scaled_down_or_purged_ends_the_wait() {
    // D42, f06, N22: scaled down while the successor was pending.
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
    let same = job(0, &[("web", &[("app", "")])]);
    apply(&mut found, 30, Change::Job(Arc::new(same)));
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
    // N21
    let mut case = case();
    let b = new("b", 12, 14, task("running", 5.0)).client("unknown");
    case.news(1, vec![ended(12, "b"), b.clone()]);
    assert!(matches!(
        pending(&case.judge(accepted(&case), 59)).state,
        State::Disconnected { .. }
    ));
    assert_eq!(
        pending(&case.judge(accepted(&case), 60)).confirm,
        Some(Confirm::Allocation("b".into()))
    );
    case.news(60, vec![b]);
    assert_eq!(
        failed(&case.judge(accepted(&case), 60)).to_string(),
        r#"not seen replaced by one that runs within 1m0s: the node of "b" is disconnected; that may still come, -timeout gives it longer"#
    );
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
