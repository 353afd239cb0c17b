//! Groups and tasks of several versions (T62–T70), and in every version of the job that is known.

use crate::nomad::json::Allocation;
use crate::plan::{Action, RestartPlan};
use crate::rules::samples::{
    AllocationSample, allocation, in_place, job, named, plan, task, versions, view,
};
use crate::rules::selection::{LeftOut, Selection, select};
use crate::rules::versions::Versions;

/// Version 1 has `group_3` with `task_3`, and `task_1` in `group_2`; version 2 has neither.
fn two_versions() -> Versions {
    versions(vec![
        job(
            1,
            &[
                ("group_1", &[("task_1", "")]),
                ("group_2", &[("task_1", ""), ("task_2", "")]),
                ("group_3", &[("task_3", "")]),
            ],
        ),
        job(
            2,
            &[
                ("group_1", &[("task_1", "")]),
                ("group_2", &[("task_2", "")]),
            ],
        ),
    ])
}

/// Running, with a task that no version knows, so that only the versions tell of the others.
fn placed(id: &str, group: &str, version: u64) -> Allocation {
    let mut allocation = allocation(id, 5, 5)
        .in_group(group)
        .with("running", task("running", 1.0));
    allocation.job_version = version;
    allocation
}

fn all() -> Vec<Allocation> {
    let mut all = Vec::new();
    for (group, version) in [
        ("group_1", 1),
        ("group_2", 1),
        ("group_3", 1),
        ("group_1", 2),
        ("group_2", 2),
    ] {
        let id = |state: &str| format!("{group}-v{version}-{state}");
        all.push(placed(&id("run"), group, version));
        all.push(placed(&id("complete"), group, version).client("complete"));
        all.push(placed(&id("stop"), group, version).stopped("", ""));
        all.push(placed(&id("replaced"), group, version).stopped("", "x"));
    }
    all
}

fn selection(groups: &[&str], action: Action) -> Selection {
    let plan = RestartPlan {
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        ..plan(action)
    };
    select(&view(all()), &two_versions(), &plan).expect("all names are known")
}

#[test]
fn groups_and_tasks_of_old_versions_are_found() {
    let everything: &[&str] = &[
        "group_1-v1-run",
        "group_1-v2-run",
        "group_2-v1-run",
        "group_2-v2-run",
        "group_3-v1-run",
    ];
    let table: [(&[&str], Action, &[&str]); 7] = [
        // T62
        (&["group_1"], in_place(), &everything[..2]),
        // T63
        (&["group_3"], in_place(), &everything[4..]),
        // T64
        (&[], named(&["task_2"]), &everything[2..4]),
        // T65
        (&[], named(&["task_3"]), &everything[4..]),
        // T66
        (
            &["group_1", "group_2"],
            named(&["task_2"]),
            &everything[2..4],
        ),
        // T67
        (&[], in_place(), everything),
        // task_1 left group_2 in version 2.
        (&["group_2"], named(&["task_1"]), &everything[2..3]),
    ];
    for (groups, action, expected) in table {
        let selection = selection(groups, action);
        let found: Vec<&str> = selection.candidates.iter().map(|c| &*c.id).collect();
        assert_eq!(found, expected);
        // Every other one is named with a reason.
        assert_eq!(
            selection.left_out.len() + selection.candidates.len(),
            all().len()
        );
    }
}

#[test]
fn reasons_follow_the_order_of_the_tests() {
    // State before group, group before task.
    let reasons = |groups: &[&str], action, id: &str| {
        let selection = selection(groups, action);
        let found = selection.left_out.into_iter().find(|l| &*l.id == id);
        found.map(|l| (l.reason, l.requested))
    };
    let outside = reasons(&["group_1"], in_place(), "group_2-v2-run");
    assert_eq!(outside, Some((LeftOut::OtherGroup, false)));
    assert_eq!(
        LeftOut::OtherGroup.to_string(),
        "it doesn't have any of requested groups"
    );
    let other_task = reasons(&[], named(&["task_3"]), "group_2-v2-run");
    assert_eq!(other_task, Some((LeftOut::OtherTask, false)));
    assert_eq!(
        LeftOut::OtherTask.to_string(),
        "it doesn't have any of requested tasks"
    );
    let stopped = reasons(&["group_1"], in_place(), "group_2-v2-stop");
    assert!(matches!(stopped, Some((LeftOut::NotRunning { .. }, false))));
    let requested = reasons(&["group_2"], in_place(), "group_2-v2-stop");
    assert!(matches!(
        requested,
        Some((LeftOut::NotRunning { .. }, true))
    ));
}

#[test]
fn the_base_counts_after_groups_tasks_and_state() {
    // D14
    assert_eq!(selection(&[], in_place()).base, 5);
    assert_eq!(selection(&["group_1"], in_place()).base, 2);
    assert_eq!(selection(&[], named(&["task_3"])).base, 1);
}

#[test]
fn a_requested_task_that_an_allocation_lacks_is_named() {
    // D32
    let selection = selection(&["group_2"], named(&["task_1", "task_2"]));
    assert_eq!(
        selection.missing_tasks,
        [("group_2-v2-run".into(), "task_1".to_owned())]
    );
}

#[test]
fn a_task_that_only_the_node_knows_is_found() {
    let selection = selection(&[], named(&["running"]));
    assert_eq!(selection.candidates.len(), 5);
}

#[test]
fn versions_of_a_purged_job_do_not_count() {
    // D29, N39
    let mut purged = job(1, &[("web", &[("old", "")])]);
    purged.create_index = 0;
    let current = job(2, &[("web", &[("app", "")])]);
    let versions = Versions::new(current.clone().into(), vec![purged, current]);
    assert_eq!(versions.all().count(), 1);
    let mut of_old = placed("a", "web", 1);
    assert!(!versions.has_task(&of_old, "old"));
    assert!(versions.of(&of_old).is_none());
    // An allocation's own copy of its job is always right.
    of_old.job = Some(job(1, &[("web", &[("own", "")])]).into());
    assert!(versions.has_task(&of_old, "own"));
}
