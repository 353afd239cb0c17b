//! From an allocation to the one that replaced it.

use std::sync::Arc;

use super::{one, read, view};
use crate::nomad::json::{AllocId, Allocation, Job};
use crate::rules::samples::{AllocationSample, allocation, job};
use crate::view::{Change, JobView};

fn stopped(id: &str, create_index: u64, next: &str) -> Allocation {
    allocation(id, create_index, create_index).stopped("", next)
}

fn chain(ids: &[&str]) -> Vec<AllocId> {
    ids.iter().map(|id| AllocId::from(*id)).collect()
}

fn look_at_job(view: &mut JobView, create_index: u64) {
    let job = Job {
        create_index,
        modify_index: create_index,
        ..job(0, &[])
    };
    one(view, Change::Job(Arc::new(job)));
}

#[test]
fn links_lead_to_the_end_of_the_chain() {
    // c04, T51
    let view = view(vec![
        stopped("a", 1, "b"),
        stopped("b", 2, "c"),
        stopped("c", 3, "d"),
        allocation("d", 4, 4),
    ]);
    assert_eq!(view.successor_after("a", 0).as_deref(), Some("b"));
    assert_eq!(view.last_successor("a").as_deref(), Some("d"));
    assert_eq!(view.successors("b", 0), chain(&["c", "d"]));
    assert_eq!(view.last_successor("d"), None);
    assert_eq!(view.successor_after("unknown", 0), None);
}

#[test]
fn a_link_counts_before_its_end_is_known() {
    let view = view(vec![stopped("a", 1, "b")]);
    assert_eq!(view.last_successor("a").as_deref(), Some("b"));
}

#[test]
fn a_circle_of_links_ends() {
    let view = view(vec![stopped("a", 1, "b"), stopped("b", 2, "a")]);
    assert_eq!(view.successors("a", 0), chain(&["b"]));
    let view = super::view(vec![stopped("a", 1, "a")]);
    assert_eq!(view.last_successor("a"), None);
}

#[test]
fn a_long_chain_is_followed() {
    let mut all: Vec<Allocation> = (0..2_000)
        .map(|i| stopped(&format!("{i:04}"), i + 1, &format!("{:04}", i + 1)))
        .collect();
    all.push(allocation("2000", 2_001, 2_001));
    let view = view(all);
    assert_eq!(view.last_successor("0000").as_deref(), Some("2000"));
    assert_eq!(view.successors("0000", 0).len(), 2_000);
}

#[test]
fn without_links_the_name_leads_on() {
    // Recording c06
    let view = view(vec![
        stopped("a", 1, ""),
        allocation("other", 5, 5).named("web.web[1]"),
        allocation("api", 5, 5).in_group("api"),
        allocation("b", 5, 5),
    ]);
    assert_eq!(view.successor_after("a", 0).as_deref(), Some("b"));
}

#[test]
fn only_what_was_created_later_and_is_not_linked_elsewhere_counts() {
    let older = view(vec![allocation("b", 1, 9), stopped("a", 2, "")]);
    assert_eq!(older.successor_after("a", 0), None);
    // Created in the same plan.
    let same = view(vec![stopped("a", 2, ""), allocation("b", 2, 2)]);
    assert_eq!(same.successor_after("a", 0), None);
    // The replacement of another one of this name.
    let taken = view(vec![
        stopped("a", 1, ""),
        stopped("x", 2, "b"),
        allocation("b", 3, 3),
    ]);
    assert_eq!(taken.successor_after("x", 0).as_deref(), Some("b"));
    assert_eq!(taken.successors("a", 0), chain(&["x", "b"]));
    let younger = view(vec![
        stopped("x", 1, "b"),
        stopped("a", 2, ""),
        allocation("b", 3, 3),
    ]);
    assert_eq!(younger.successor_after("a", 0), None);
    let mut of_another = allocation("b", 3, 3);
    of_another.previous_allocation = AllocId::from("x");
    assert_eq!(
        view(vec![stopped("a", 1, ""), of_another.clone()]).successor_after("a", 0),
        None
    );
    // Its own link may be known before the one of the allocation that it replaces.
    of_another.previous_allocation = AllocId::from("a");
    assert_eq!(
        view(vec![stopped("a", 1, ""), of_another])
            .successor_after("a", 0)
            .as_deref(),
        Some("b")
    );
}

#[test]
fn one_that_runs_has_no_successor_by_name() {
    // f01: a canary has the name of the allocation beside which it runs.
    let mut view = view(vec![allocation("a", 1, 1), allocation("canary", 2, 2)]);
    assert_eq!(view.successor_after("a", 0), None);
    read(&mut view, allocation("a", 1, 3).client("failed"));
    assert_eq!(view.successor_after("a", 0).as_deref(), Some("canary"));
    assert_eq!(view.successor_after("a", 2), None);
}

#[test]
fn system_allocations_of_all_nodes_have_one_name() {
    let on = |node: &str, allocation: Allocation| {
        let mut allocation = allocation.of_type("system");
        allocation.node_id = node.into();
        allocation
    };
    let view = view(vec![
        on("n1", stopped("a1", 1, "")),
        on("n2", stopped("a2", 1, "")),
        on("n2", allocation("b2", 5, 5)),
        on("n1", allocation("b1", 6, 6)),
    ]);
    assert_eq!(view.successor_after("a1", 0).as_deref(), Some("b1"));
    assert_eq!(view.successor_after("a2", 0).as_deref(), Some("b2"));
}

#[test]
fn another_job_of_the_same_id_replaces_nothing() {
    // N35, N39
    let mut view = view(vec![allocation("a", 2, 2)]);
    look_at_job(&mut view, 1);
    one(&mut view, Change::Gone("a".into()));
    read(&mut view, allocation("b", 11, 11));
    assert_eq!(view.last_successor("a"), None);
    look_at_job(&mut view, 10);
    assert_eq!(view.last_successor("a"), None);
}

#[test]
fn chains_lead_through_what_is_gone() {
    // N18
    let mut view = view(vec![
        stopped("a", 1, "b"),
        stopped("b", 2, ""),
        allocation("c", 3, 3),
    ]);
    for id in ["a", "b"] {
        one(&mut view, Change::Gone(id.into()));
    }
    // The job may have been purged …
    assert_eq!(view.successors("a", 0), chain(&["b"]));
    // … and was not.
    look_at_job(&mut view, 1);
    assert_eq!(view.successors("a", 0), chain(&["b", "c"]));
    // Also through one that was running when it was seen last.
    one(&mut view, Change::Gone("c".into()));
    read(&mut view, allocation("d", 4, 4));
    look_at_job(&mut view, 1);
    assert_eq!(view.last_successor("a").as_deref(), Some("d"));
}
