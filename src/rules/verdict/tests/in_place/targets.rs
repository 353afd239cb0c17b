//! Which tasks a restart is about, and which of them may finish (b02, b03).

use super::super::{Case, done, failed, pending};
use super::{app, later, signaled};
use crate::event::Target;
use crate::nomad::json::TaskState;
use crate::rules::samples::{AllocationSample, TaskSample, job, task, unstarted, versions};
use crate::rules::verdict::{CallState, Cause};
use crate::rules::versions::Versions;

#[test]
fn all_tasks_lets_those_finish_that_may() {
    // b02
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
    let before = app(task("running", 1.0))
        .with("init", task("dead", 0.5).exit(0.6, 0))
        .with("side", task("running", 0.4))
        .with("post", task("running", 1.1))
        .with("bye", unstarted());
    let mut case = Case::new(&Target::AllTasks, versions, vec![before]);

    let again = |init: TaskState| {
        later(12, task("running", 1.0).restarted(5.2, 1))
            .with("init", init)
            .with("side", task("running", 0.4).restarted(5.0, 1))
            .with("post", task("running", 1.1).restarted(5.3, 1))
            .with("bye", unstarted())
    };
    let mut waiting = signaled(task("dead", 0.5).exit(0.6, 0), 5.0).restarting(5.0, 0.0, 1);
    waiting.state = unstarted().state;
    case.news(1, vec![again(waiting.clone())]);
    pending(&case.accepted());

    let mut finished = waiting.event("Started", 5.1, "").exit(5.15, 0);
    finished.state = task("dead", 5.1).state;
    finished.started_at = task("dead", 5.1).started_at;
    let mut news = again(finished.clone());
    news.modify_index = 13;
    case.news(2, vec![news.clone()]);
    assert_eq!(case.accepted(), done());

    // A sidecar may not.
    let mut dead = task("running", 0.4).restarted(5.0, 1).exit(6.0, 0);
    dead.state = task("dead", 5.0).state;
    news.modify_index = 14;
    case.news(3, vec![news.with("side", dead)]);
    pending(&case.accepted());
}

#[test]
fn all_tasks_of_an_unknown_version_leaves_out_what_never_ran() {
    let before = app(task("running", 1.0))
        .with("init", task("dead", 0.5).exit(0.6, 0))
        .with("bye", unstarted());
    let mut case = Case::new(&Target::AllTasks, Versions::default(), vec![before]);
    let mut init = signaled(task("dead", 0.5).exit(0.6, 0), 5.0)
        .restarting(5.0, 0.0, 1)
        .event("Started", 5.1, "")
        .exit(5.2, 0);
    init.started_at = task("dead", 5.1).started_at;
    case.news(
        1,
        vec![
            later(11, task("running", 1.0).restarted(5.0, 1))
                .with("init", init)
                .with("bye", unstarted()),
        ],
    );
    assert_eq!(case.accepted(), done());
}

#[test]
fn running_tasks_leaves_a_finished_one_alone() {
    // b02, the second call
    let before = app(task("running", 1.0)).with("init", task("dead", 0.5).exit(0.6, 0));
    let mut case = Case::running(before);
    case.news(
        1,
        vec![
            later(11, task("running", 1.0).restarted(5.0, 1))
                .with("init", task("dead", 0.5).exit(0.6, 0)),
        ],
    );
    assert_eq!(case.accepted(), done());
}

#[test]
fn a_prestart_task_that_ends_by_itself_before_the_restart_is_not_waited_for() {
    let versions = versions(vec![job(
        0,
        &[("web", &[("init", "prestart"), ("app", "")])],
    )]);
    let before = app(task("running", 1.0)).with("init", task("running", 0.5));
    let mut case = Case::new(&Target::RunningTasks, versions, vec![before]);
    let ended = task("dead", 0.5).exit(4.0, 0);
    case.news(
        1,
        vec![later(11, task("running", 1.0).restarted(5.0, 1)).with("init", ended.clone())],
    );
    assert_eq!(case.accepted(), done());
    // Where that was all that ran, nothing was restarted.
    let mut case = Case::new(
        &Target::Task("init".to_owned()),
        case.want.versions.as_ref().clone(),
        vec![app(task("running", 1.0)).with("init", task("running", 0.5))],
    );
    case.news(
        11,
        vec![later(11, task("running", 1.0)).with("init", ended)],
    );
    assert_eq!(
        failed(&case.judge(CallState::Accepted(case.begin), 11)).to_string(),
        "not restarted: no task was running"
    );
}

#[test]
fn a_main_task_that_ends_before_the_restart_is_waited_for() {
    let before = app(task("running", 1.0)).with("side", task("running", 1.0));
    let mut case = Case::running(before);
    let ended = task("dead", 1.0).exit(4.0, 0);
    case.news(
        1,
        vec![later(11, task("running", 1.0).restarted(5.0, 1)).with("side", ended)],
    );
    pending(&case.accepted());
}

#[test]
fn the_job_tells_whether_a_main_task_may_finish() {
    let of = |kind: &str| {
        let mut job = job(0, &[("web", &[("app", "")])]);
        kind.clone_into(&mut job.kind);
        let before = app(task("running", 1.0)).of_type(kind);
        let mut case = Case::new(&Target::RunningTasks, versions(vec![job]), vec![before]);
        let mut state = task("running", 1.0).restarted(5.0, 1).exit(5.5, 0);
        state.state = task("dead", 1.0).state;
        case.news(1, vec![later(11, state).of_type(kind)]);
        case.accepted()
    };
    assert_eq!(of("batch"), done());
    assert_eq!(of("sysbatch"), done());
    pending(&of("service"));
    pending(&of("system"));
}

#[test]
fn a_batch_task_may_finish_again() {
    let before = app(task("running", 1.0)).of_type("batch");
    let mut case = Case::running(before);
    let mut state = task("running", 1.0).restarted(5.0, 1).exit(5.5, 0);
    state.state = task("dead", 1.0).state;
    let news = later(11, state).client("complete");
    case.news(1, vec![news.clone().of_type("batch")]);
    assert_eq!(case.accepted(), done());
    // A task that is said to run in an allocation that is complete does not.
    let mut case = Case::running(app(task("running", 1.0)).of_type("batch"));
    let running = later(11, task("running", 1.0).restarted(5.0, 1)).of_type("batch");
    case.news(1, vec![running.client("complete")]);
    assert!(matches!(failed(&case.accepted()), Cause::Ended { .. }));
    // In a service job that is no end to wait for.
    let mut case = Case::running(app(task("running", 1.0)));
    case.news(1, vec![news]);
    assert!(matches!(failed(&case.accepted()), Cause::Ended { .. }));
}

#[test]
fn only_named_tasks_count() {
    let before = app(task("running", 1.0)).with("other", task("running", 1.0));
    let mut case = Case::new(
        &Target::Task("app".to_owned()),
        Versions::default(),
        vec![before],
    );
    case.news(
        1,
        vec![later(11, task("running", 1.0).restarted(5.0, 1)).with("other", task("running", 1.0))],
    );
    assert_eq!(case.accepted(), done());
}
