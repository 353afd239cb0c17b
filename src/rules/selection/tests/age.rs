//! The age filter (`-started-before`).

use tokio::time::Instant;

use super::{ids, running, selected};
use crate::plan::{Action, RestartPlan, Tasks};
use crate::rules::samples::{
    AllocationSample, TaskSample, allocation, in_place, named, nanos, news, plan, reschedule, task,
    time, view,
};
use crate::rules::selection::{LeftOut, recheck};

#[test]
fn the_age_filter_comes_after_the_base() {
    // D74
    let young = running("young").with("app", task("running", 50.0));
    let mixed = running("mixed")
        .with("app", task("running", 50.0))
        .with("init", task("dead", 1.0))
        .with("side", task("running", 1.0));
    let all = vec![young, mixed, running("old")];
    let select_before = |action: Action| {
        let plan = RestartPlan {
            started_before: Some(time(10.0)),
            ..plan(action)
        };
        selected(all.clone(), &plan)
    };
    let init = || task("dead", 1.0);
    let finished = running("finished")
        .with("app", task("running", 50.0))
        .with("init", init());
    let plan_before = |action| RestartPlan {
        started_before: Some(time(10.0)),
        ..plan(action)
    };
    // A finished task is not targeted unless all are.
    let only = |action| selected(vec![finished.clone()], &plan_before(action));
    assert_eq!(ids(&only(in_place())), [""; 0]);
    assert_eq!(ids(&only(Action::InPlace(Tasks::All))), ["finished"]);
    // One targeted task that started before is enough.
    let selection = select_before(in_place());
    assert_eq!(ids(&selection), ["mixed", "old"]);
    assert_eq!(selection.base, 3);
    assert_eq!(
        selection.left_out[0].reason.to_string(),
        "it was not started before 2026-11-24T08:00:10Z"
    );
    assert_eq!(ids(&select_before(named(&["app"]))), ["old"]);
    assert_eq!(
        ids(&select_before(Action::InPlace(Tasks::All))),
        ["mixed", "old"]
    );
    // Started exactly then is not before.
    let plan = RestartPlan {
        started_before: Some(time(1.0)),
        ..plan(in_place())
    };
    assert_eq!(ids(&selected(vec![running("old")], &plan)), [""; 0]);
}

#[test]
fn what_was_told_to_restart_since_is_too_young() {
    // Its old process may still be ending: the start shown is that one's.
    let plan = RestartPlan {
        started_before: Some(time(10.0)),
        ..plan(named(&["app"]))
    };
    let signaled = |at: f64| {
        let mut state = task("running", 1.0);
        state.events.restart_signaled = nanos(at).into();
        running("a").with("app", state)
    };
    assert_eq!(ids(&selected(vec![signaled(10.0)], &plan)), [""; 0]);
    assert_eq!(ids(&selected(vec![signaled(9.9)], &plan)), ["a"]);
}

#[test]
fn rescheduling_asks_when_an_allocation_was_created() {
    let created = |id: &str, at: f64| {
        let mut allocation = running(id);
        allocation.create_time = nanos(at);
        allocation
    };
    let plan = RestartPlan {
        started_before: Some(time(10.0)),
        ..plan(reschedule())
    };
    // The one created late runs a task with an early start: a clock that is behind, or a task restored.
    let selection = selected(vec![created("new", 10.0), created("old", 9.9)], &plan);
    assert_eq!(ids(&selection), ["old"]);
    assert_eq!(
        selection.left_out[0].reason.to_string(),
        "it was not created before 2026-11-24T08:00:10Z"
    );
}

#[test]
fn what_somebody_else_restarted_meanwhile_is_skipped_by_the_age_filter() {
    let plan = RestartPlan {
        started_before: Some(time(10.0)),
        ..plan(in_place())
    };
    let mut view = view(vec![running("a")]);
    let candidate = selected(vec![running("a")], &plan)
        .candidates
        .pop()
        .expect("a is eligible");
    let mut restarted = allocation("a", 5, 6).with("app", task("running", 1.0).restarted(20.0, 1));
    restarted.modify_index = 6;
    news(&mut view, vec![restarted], Instant::now());
    assert!(matches!(
        recheck(&view, &candidate, &plan),
        Err(LeftOut::TooYoung { .. })
    ));
}
