//! Health that is waited for, by the recordings e01–e04, c10, and what has to prove that it stays up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Case, done, failed, pending};
use crate::event::Target;
use crate::nomad::json::{Allocation, CheckResult, Service, ServiceCheck, TaskState};
use crate::rules::samples::{AllocationSample, TaskSample, allocation, job, task, time, versions};
use crate::rules::verdict::{CallState, Cause, Confirm, Verdict};
use crate::view::{Change, Unread};

mod replacements;

const STEADY: Duration = Duration::from_secs(10);

/// A job whose task has a service of this provider with one check.
fn checked(provider: &str, on_update: &str) -> crate::rules::versions::Versions {
    let mut job = job(0, &[("web", &[("app", "")])]);
    job.task_groups[0].tasks[0].services = vec![Service {
        provider: provider.to_owned(),
        checks: vec![ServiceCheck {
            name: "http".to_owned(),
            on_update: on_update.to_owned(),
        }],
        ..Service::default()
    }];
    versions(vec![job])
}

fn at(index: u64, state: TaskState) -> Allocation {
    allocation("a", 10, index).with("app", state)
}

/// Restarted in place and running since second 5.1 of the node's clock, which is known since second 1.
fn restarted(versions: crate::rules::versions::Versions) -> Case {
    let mut case = Case::new(
        &Target::RunningTasks,
        versions,
        vec![at(10, task("running", 1.0))],
    );
    case.want.healthy = Some(STEADY);
    case.news(1, vec![at(11, task("running", 1.0).restarted(5.0, 1))]);
    case
}

impl Case {
    /// What the checks said `seconds` after the write: status, output, second of the node's clock.
    fn checks(&mut self, seconds: u64, results: &[(&str, &str, f64)]) -> &mut Self {
        let results: BTreeMap<Arc<str>, CheckResult> = results
            .iter()
            .zip(["c1", "c2", "c3"])
            .map(|((status, output, ran), id)| {
                let result = CheckResult {
                    check: "http".into(),
                    mode: "healthiness".into(),
                    status: (*status).to_owned().into(),
                    output: (*output).into(),
                    timestamp: time(*ran).timestamp(),
                    ..CheckResult::default()
                };
                (Arc::from(id), result)
            })
            .collect();
        let now = self.at(seconds);
        self.view
            .apply(Change::Checks(Arc::from("a"), Ok(results)), now, now);
        self
    }

    fn at_second(&self, seconds: u64) -> Verdict {
        self.judge(CallState::Accepted(self.begin), seconds)
    }

    /// A fresh look at the allocation itself.
    fn confirmed(&mut self, seconds: u64, allocation: Allocation) -> &mut Self {
        self.news(seconds, vec![allocation])
    }
}

#[track_caller]
fn waits(verdict: &Verdict, text: &str) -> Option<Confirm> {
    let reason = pending(verdict);
    assert_eq!(reason.state.to_string(), text);
    reason.confirm
}

fn reads_checks(id: &str) -> Confirm {
    Confirm::Checks(Arc::from(id))
}

#[test]
fn the_old_success_is_no_result() {
    // e01: the success of before the restart stays until the next run; results are told in whole seconds.
    let mut case = restarted(checked("nomad", ""));
    assert_eq!(
        waits(&case.accepted(), "nothing is known of its checks yet"),
        Some(reads_checks("a"))
    );
    for stale in [3.0, 5.0, 5.9] {
        case.checks(2, &[("success", "", stale)]);
        let text = "check \"http\" has not been run since the tasks started";
        assert_eq!(waits(&case.at_second(40), text), Some(reads_checks("a")));
    }
    case.checks(3, &[("failure", "refused\nmore", 6.0)]);
    let text = "check \"http\" is failing: refused";
    assert_eq!(waits(&case.at_second(3), text), Some(reads_checks("a")));
    case.checks(6, &[("success", "", 9.0)]);
    let text = "\"a\" is healthy and has to stay so for 10s";
    assert_eq!(waits(&case.at_second(15), text), Some(reads_checks("a")));
    // The success is known since second 6, and has to be seen once more at second 16 or later, like the tasks.
    assert_eq!(waits(&case.at_second(16), text), Some(reads_checks("a")));
    case.checks(16, &[("success", "", 19.0)]);
    assert_eq!(
        waits(&case.at_second(16), text),
        Some(Confirm::Allocation(Arc::from("a")))
    );
    case.confirmed(16, at(11, task("running", 1.0).restarted(5.0, 1)));
    assert_eq!(case.at_second(16), done());
}

#[test]
fn one_check_that_fails_restarts_the_clock() {
    let mut case = restarted(checked("nomad", ""));
    let good = ("success", "", 8.0);
    case.checks(2, &[good, good]);
    case.checks(9, &[good, ("failure", "503", 9.0)]);
    waits(&case.at_second(9), "check \"http\" is failing: 503");
    case.checks(10, &[good, ("success", "", 10.0)]);
    case.checks(19, &[good, good]);
    case.confirmed(19, at(11, task("running", 1.0).restarted(5.0, 1)));
    pending(&case.at_second(19));
    assert_eq!(
        case.next_check(CallState::Accepted(case.begin), 19),
        Some(20)
    );
    case.checks(20, &[good, good]);
    case.confirmed(20, at(11, task("running", 1.0).restarted(5.0, 1)));
    assert_eq!(case.at_second(20), done());
}

#[test]
fn a_task_that_starts_again_restarts_the_clock_and_forgets_what_checks_said() {
    let mut case = restarted(checked("nomad", ""));
    case.checks(2, &[("success", "", 8.0)]);
    let again = task("running", 1.0).restarted(5.0, 1).restarted(9.0, 2);
    case.news(8, vec![at(12, again.clone())]);
    assert_eq!(
        waits(&case.at_second(13), "nothing is known of its checks yet"),
        Some(reads_checks("a"))
    );
    case.checks(13, &[("success", "", 8.0)]);
    pending(&case.at_second(30));
    case.checks(14, &[("success", "", 10.0)]);
    case.checks(24, &[("success", "", 20.0)]);
    case.confirmed(24, at(12, again));
    assert_eq!(case.at_second(24), done());
}

#[test]
fn the_time_limit_names_the_check() {
    let mut case = restarted(checked("nomad", ""));
    case.checks(2, &[("failure", "no\u{1b}[31m such\nfile", 9.0)]);
    // The limit counts once the allocation has been looked at.
    pending(&case.at_second(60));
    case.confirmed(60, at(11, task("running", 1.0).restarted(5.0, 1)));
    let cause = failed(&case.at_second(60));
    assert_eq!(
        cause.to_string(),
        "not seen running again and healthy within 1m0s: check \"http\" is failing: no[31m such; that may still come, -timeout gives it longer"
    );
    assert!(cause.is_unrecoverable());
}

#[test]
fn without_checks_of_nomad_the_tasks_have_to_hold() {
    for versions in [
        checked("consul", ""),
        checked("nomad", "ignore"),
        versions(vec![job(0, &[("web", &[("app", "")])])]),
    ] {
        let mut case = restarted(versions);
        let text = "\"a\" is healthy and has to stay so for 10s";
        assert_eq!(waits(&case.at_second(10), text), None);
        // No news is no sign of health before somebody has looked.
        assert_eq!(
            waits(&case.at_second(11), text),
            Some(Confirm::Allocation(Arc::from("a")))
        );
        case.confirmed(11, at(11, task("running", 1.0).restarted(5.0, 1)));
        assert_eq!(case.at_second(11), done());
    }
}

#[test]
fn where_the_job_is_not_known_the_node_tells_whether_there_are_checks() {
    let mut case = restarted(crate::rules::versions::Versions::default());
    assert_eq!(
        waits(&case.at_second(2), "nothing is known of its checks yet"),
        Some(reads_checks("a"))
    );
    case.checks(3, &[]);
    pending(&case.at_second(4));
    case.confirmed(11, at(11, task("running", 1.0).restarted(5.0, 1)));
    assert_eq!(case.at_second(11), done());
    // Where there have to be some, an empty answer is none.
    let mut case = restarted(checked("nomad", ""));
    case.checks(3, &[]);
    waits(&case.at_second(40), "nothing is known of its checks yet");
}

#[test]
fn checks_that_cannot_be_read() {
    let mut case = restarted(checked("nomad", ""));
    let unread = |denied| Unread {
        error: "no path to node".into(),
        denied,
    };
    let now = case.at(2);
    let change = |denied| Change::Checks(Arc::from("a"), Err(unread(denied)));
    case.view.apply(change(false), now, now);
    let text = "its checks cannot be read: no path to node";
    assert_eq!(waits(&case.at_second(30), text), Some(reads_checks("a")));
    case.view.apply(change(true), now, now);
    let cause = failed(&case.at_second(3));
    assert!(matches!(cause, Cause::ChecksDenied { .. }));
    assert!(cause.is_unrecoverable());
}

#[test]
fn a_task_that_crashed_after_the_restart_has_to_stay_up() {
    // Seen between two crashes.
    let mut case = Case::running(at(10, task("running", 1.0)));
    let state = task("running", 1.0).restarted(5.0, 1);
    let crashed = |state: TaskState, at: f64, restarts| {
        let mut state =
            state
                .exit(at, 1)
                .restarting(at, 0.5, restarts)
                .event("Started", at + 0.5, "");
        state.started_at = Some(time(at + 0.5));
        state.state = task("running", 0.0).state;
        state
    };
    let once = crashed(state, 5.2, 2);
    case.news(2, vec![at(12, once.clone())]);
    let text = "\"a\" runs and has to stay so for 10s";
    assert_eq!(waits(&case.at_second(3), text), None);
    assert_eq!(
        case.next_check(CallState::Accepted(case.begin), 10),
        Some(12)
    );
    let mut up = case.view.clone();
    std::mem::swap(&mut case.view, &mut up);
    case.confirmed(12, at(12, once.clone()));
    assert_eq!(case.at_second(12), done());
    std::mem::swap(&mut case.view, &mut up);
    // A time limit that is shorter is the end of the doubt.
    case.want.deadline = Some(case.at(8));
    case.confirmed(7, at(12, once.clone()));
    pending(&case.at_second(7));
    case.confirmed(8, at(12, once.clone()));
    assert_eq!(case.at_second(8), done());
    case.news(5, vec![at(13, crashed(once, 8.0, 3))]);
    assert!(matches!(
        failed(&case.at_second(5)),
        Cause::CrashLoop { restarts: 3, .. }
    ));
}

#[test]
fn what_has_done_its_work_has_nothing_to_hold() {
    let mut case = Case::new(
        &Target::RunningTasks,
        crate::rules::versions::Versions::default(),
        vec![at(10, task("running", 1.0)).of_type("batch")],
    );
    case.want.healthy = Some(STEADY);
    let mut finished = task("running", 1.0).restarted(5.0, 1).exit(6.0, 0);
    finished.state = task("dead", 0.0).state;
    case.news(
        2,
        vec![at(12, finished).of_type("batch").client("complete")],
    );
    assert_eq!(case.at_second(2), done());
}
