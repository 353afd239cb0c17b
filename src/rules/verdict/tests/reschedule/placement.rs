//! Replacements that could not be placed at once (c06, k02), and placements that have no links.

use super::super::{failed, pending, replaced_by};
use super::{accepted, apply, case, ended, new, old, placed, stopped, web};
use crate::nomad::json::Allocation;
use crate::rules::samples::{AllocationSample, blocked, task};
use crate::rules::verdict::Cause;
use crate::rules::verdict::tests::Case;
use crate::view::Change;

#[test]
fn a_placement_failure_is_charged_once_the_plan_has_no_successor() {
    // D47, c06 18–23: the blocked evaluation is written before the plan.
    let mut case = case();
    apply(
        &mut case,
        1,
        Change::Evaluation(Box::new(blocked("e0000001-long", 12, &["web"]))),
    );
    pending(&case.accepted());
    case.news(1, vec![stopped(13, "")]);
    // Capacity that has just become free is noticed in the next moments.
    pending(&case.judge(accepted(&case), 2));
    assert_eq!(case.next_check(accepted(&case), 2), Some(3));
    let cause = failed(&case.judge(accepted(&case), 3));
    assert_eq!(
        cause.sentence(false),
        "Evaluation \"e0000001\" has placement failures for group \"web\":\n    * No nodes were eligible for evaluation"
    );
    assert!(cause.sentence(true).contains("\"e0000001-long\""));
    assert!(cause.is_unrecoverable());
}

#[test]
fn only_a_blocked_evaluation_of_this_stop_and_group_counts() {
    // N40
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
    // Recording c06 47–51
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
        failed(&case.judge(accepted(&case), 27)),
        Cause::Placement { .. }
    ));
    case.news(28, vec![new("c", 15, 16, task("running", 30.0))]);
    assert_eq!(case.judge(accepted(&case), 28), replaced_by("c"));
}
