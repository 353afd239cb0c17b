//! Who is eligible, in which order, and what is said of all others.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Candidate, LeftOut, NamedTask, Selection, UnknownName, recheck, select};
use crate::nomad::json::{Allocation, DesiredTransition};
use crate::plan::{Action, RestartPlan, Tasks};
use crate::rules::samples::{
    AllocationSample, TaskSample, allocation, in_place, job, named, news, plan, reschedule, task,
    unstarted, versions, view,
};
use crate::rules::versions::Versions;
use crate::view::Change;

mod age;
mod scope;

fn web() -> Versions {
    versions(vec![job(
        0,
        &[("web", &[("init", "prestart"), ("app", "")])],
    )])
}

fn running(id: &str) -> Allocation {
    allocation(id, 5, 5).with("app", task("running", 1.0))
}

fn selected(allocations: Vec<Allocation>, plan: &RestartPlan) -> Selection {
    select(&view(allocations), &web(), plan).expect("all names are known")
}

fn ids(selection: &Selection) -> Vec<&str> {
    selection.candidates.iter().map(|c| &*c.id).collect()
}

/// Why this one allocation is left out; `None` if it is not.
fn reason(allocation: Allocation, action: Action) -> Option<LeftOut> {
    let mut selection = selected(vec![allocation], &plan(action));
    selection.left_out.pop().map(|left_out| left_out.reason)
}

#[test]
fn newest_first_then_by_id() {
    // N27, D27
    let at = |id: &str, create_index| {
        let mut allocation = running(id);
        allocation.create_index = create_index;
        allocation
    };
    let many = (0..20).map(|i| at(&format!("m{i:02}"), 7));
    let all: Vec<_> = many
        .chain([at("b", 9), at("c", 3), at("a", 3)])
        .rev()
        .collect();
    let selection = selected(all, &plan(in_place()));
    let order = ids(&selection);
    assert_eq!(order[..3], ["b", "m00", "m01"]);
    assert_eq!(order[20..], ["m19", "a", "c"]);
}

#[test]
fn state_decides_who_is_eligible() {
    // D1, D26
    let migrating = |mut allocation: Allocation| {
        allocation.desired_transition = DesiredTransition {
            migrate: true,
            ..DesiredTransition::default()
        };
        allocation
    };
    let retried = |mut allocation: Allocation| {
        allocation.followup_eval_id = Arc::from("e1");
        allocation
    };
    let pending = || {
        allocation("a", 5, 5)
            .client("pending")
            .with("app", unstarted())
    };
    // (allocation, why not in place, why not rescheduled)
    let both = |text: &'static str| (Some(text), Some(text));
    let table = [
        (running("a"), (None, None)),
        // N29
        (
            running("a").stopped("", ""),
            both(r#"desired status is "stop" and client status is "running""#),
        ),
        // N27, N28
        (
            running("a").client("complete"),
            both(r#"desired status is "run" and client status is "complete""#),
        ),
        (
            running("a").client("lost"),
            both(r#"desired status is "run" and client status is "lost""#),
        ),
        (
            running("a").client("failed"),
            both(
                r#"it has failed and is not going to be rescheduled; "nomad job eval -force-reschedule web" replaces it now"#,
            ),
        ),
        (
            retried(running("a").client("failed")),
            both(
                r#"it has failed and waits to be rescheduled; "nomad job eval -force-reschedule web" replaces it now"#,
            ),
        ),
        // N31
        (
            running("a").stopped("", "b").client("complete"),
            both(r#"it has already been replaced by "b""#),
        ),
        (
            migrating(running("a")),
            both("it is already being migrated"),
        ),
        // N21
        (
            running("a").client("unknown"),
            (
                Some(
                    r#"its node is disconnected (client status is "unknown"); -reschedule can move it"#,
                ),
                None,
            ),
        ),
        // N30
        (
            pending(),
            (
                Some(r#"none of its tasks is running (client status is "pending")"#),
                None,
            ),
        ),
        // Running because of a prestart task; the main task waits.
        (
            pending()
                .client("running")
                .with("init", task("running", 1.0)),
            (None, None),
        ),
    ];
    for (allocation, (not_in_place, not_rescheduled)) in table {
        let text = |action| reason(allocation.clone(), action).map(|reason| reason.to_string());
        assert_eq!(text(in_place()).as_deref(), not_in_place);
        assert_eq!(text(named(&["app"])).as_deref(), not_in_place);
        assert_eq!(text(reschedule()).as_deref(), not_rescheduled);
    }
}

#[test]
fn all_tasks_takes_an_allocation_in_which_something_ran() {
    let all = || Action::InPlace(Tasks::All);
    let dead = allocation("a", 5, 5)
        .with("init", task("dead", 1.0))
        .with("app", unstarted());
    assert_eq!(reason(dead.clone(), all()), None);
    assert!(matches!(
        reason(dead, in_place()),
        Some(LeftOut::NoTaskRuns { .. })
    ));
    // b10: in a pending one the call has no effect in this mode either.
    let pending = allocation("a", 5, 5)
        .client("pending")
        .with("app", unstarted());
    assert!(matches!(
        reason(pending, all()),
        Some(LeftOut::NoTaskRuns { .. })
    ));
    assert!(matches!(
        reason(allocation("a", 5, 5).client("pending"), all()),
        Some(LeftOut::NoTaskRuns { .. })
    ));
}

#[test]
fn a_named_task_that_does_not_run_is_marked() {
    // T28: no call is made for it.
    let both = running("a").with("init", task("dead", 0.5));
    let selection = selected(vec![both, running("b")], &plan(named(&["init", "app"])));
    let tasks = |init, app| {
        vec![
            NamedTask {
                name: "init".to_owned(),
                running: init,
            },
            NamedTask {
                name: "app".to_owned(),
                running: app,
            },
        ]
    };
    // The version of b says that it has an init task, although its node does not report it.
    let expected: Vec<Vec<NamedTask>> = vec![tasks(false, true), tasks(false, true)];
    let found: Vec<Vec<NamedTask>> = selection
        .candidates
        .into_iter()
        .map(|candidate| candidate.tasks)
        .collect();
    assert_eq!(found, expected);
    assert_eq!(selection.missing_tasks, []);
}

#[test]
fn other_modes_name_no_tasks() {
    for action in [in_place(), Action::InPlace(Tasks::All), reschedule()] {
        assert_eq!(
            selected(vec![running("a")], &plan(action)).candidates,
            [Candidate {
                id: "a".into(),
                group: "web".into(),
                tasks: Vec::new()
            }]
        );
    }
}

#[test]
fn the_counts_name_what_was_asked_for_only() {
    let plan = RestartPlan {
        groups: vec!["web".to_owned()],
        ..plan(in_place())
    };
    let all = vec![
        running("a").client("complete"),
        running("b").client("complete"),
        running("c").stopped("", ""),
        running("d").client("failed"),
        running("e").client("complete").in_group("api"),
        running("f").in_group("api"),
    ];
    let selection = select(&view(all), &web(), &plan).expect("all names are known");
    assert_eq!(
        selection.counts(),
        "Left out: 1 failed, 2 complete, 1 stopping. \"nomad job eval -force-reschedule web\" replaces the failed ones now."
    );
    assert_eq!(Selection::default().counts(), "");
    assert_eq!(selected(vec![running("a")], &plan).counts(), "");
    // T49, N38: no allocations at all.
    assert_eq!(selected(vec![], &plan), Selection::default());
}

#[test]
fn an_allocation_is_checked_again_before_it_is_touched() {
    // D28, N19, N31
    let plan = plan(named(&["app"]));
    let mut view = view(vec![running("a")]);
    let candidate = selected(vec![running("a")], &plan)
        .candidates
        .pop()
        .expect("a is eligible");
    assert_eq!(recheck(&view, &candidate, &plan), Ok(candidate.clone()));

    let now = Instant::now();
    let mut later = running("a").with("side", task("running", 1.0));
    later.modify_index = 6;
    later = later.with("app", task("dead", 1.0).exit(3.0, 0));
    news(&mut view, vec![later], now);
    let tasks = recheck(&view, &candidate, &plan).map(|candidate| candidate.tasks);
    assert!(!tasks.expect("another task still runs")[0].running);

    let mut stopped = running("a").stopped("", "b");
    stopped.modify_index = 7;
    news(&mut view, vec![stopped], now);
    assert_eq!(
        recheck(&view, &candidate, &plan),
        Err(LeftOut::Replaced { by: "b".into() })
    );
    view.apply(Change::Gone("a".into()), now, now);
    assert_eq!(recheck(&view, &candidate, &plan), Err(LeftOut::Gone));
    assert_eq!(LeftOut::Gone.to_string(), "it no longer exists");
}

#[test]
fn names_that_nothing_has_are_an_error_that_lists_the_known_ones() {
    // D6, D7, N43, N45, T68, T69
    let two = versions(vec![job(
        0,
        &[
            ("web", &[("app", ""), ("init", "prestart")]),
            ("api", &[("server", "")]),
        ],
    )]);
    let error = |groups: &[&str], action: Action| {
        let plan = RestartPlan {
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            ..plan(action)
        };
        select(&view(vec![running("a")]), &two, &plan)
            .map_err(|error: UnknownName| error.to_string())
            .map(|_| ())
    };
    let table: [(&[&str], Action, Result<(), &str>); 8] = [
        (&["web"], named(&["app"]), Ok(())),
        // In at least one of the chosen groups.
        (&["web", "api"], named(&["server", "app"]), Ok(())),
        (
            &["wep"],
            in_place(),
            Err(r#"Job "web" has no group "wep". Known groups: "api", "web""#),
        ),
        (
            &["web,api", "", "web"],
            reschedule(),
            Err(r#"Job "web" has no groups "web,api", "". Known groups: "api", "web""#),
        ),
        (
            &[],
            named(&["ap", "app"]),
            Err(r#"Job "web" has no task "ap". Known tasks: "app", "init", "server""#),
        ),
        // T70
        (
            &["web"],
            named(&["server"]),
            Err(r#"Group "web" of job "web" has no task "server". Known tasks: "app", "init""#),
        ),
        (
            &["web", "api"],
            named(&["x", "y"]),
            Err(
                r#"None of the groups "web", "api" of job "web" has the tasks "x", "y". Known tasks: "app", "init", "server""#,
            ),
        ),
        (&[], in_place(), Ok(())),
    ];
    for (groups, action, expected) in table {
        assert_eq!(error(groups, action), expected.map_err(ToOwned::to_owned));
    }
}
