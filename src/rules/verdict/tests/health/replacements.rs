//! Replacements: Nomad's own verdict on their health, and where there is none.

use std::sync::Arc;

use super::super::{Case, failed, pending, replaced_by};
use super::{STEADY, at, checked, reads_checks, waits};
use crate::nomad::json::{Allocation, CheckResult, DeploymentStatus, HealthCheck};
use crate::rules::samples::{
    AllocationSample, TaskSample, allocation, job, task, time, unstarted, versions,
};
use crate::rules::verdict::Cause;
use crate::view::Change;

/// A replacement that runs, found to be so by Nomad.
fn replacement(index: u64, healthy: Option<bool>) -> Allocation {
    Allocation {
        deployment_status: healthy.map(|healthy| DeploymentStatus {
            healthy: Some(healthy),
            canary: false,
        }),
        ..allocation("b", 11, index).with("app", task("running", 9.0))
    }
}

fn replaced(kind: &str, versions: crate::rules::versions::Versions) -> Case {
    let original = at(10, task("running", 1.0)).of_type(kind);
    let mut case = Case::reschedule(versions, vec![original.clone()]);
    case.want.healthy = Some(STEADY);
    case.list(
        1,
        vec![
            Allocation {
                modify_index: 11,
                ..original.stopped("alloc is being migrated", "b")
            },
            replacement(11, None).of_type(kind),
        ],
    );
    case
}

#[test]
fn nomad_tells_whether_a_replacement_is_healthy() {
    // e03, e04
    let mut case = replaced("service", checked("consul", ""));
    let text = "\"b\" is \"running\" and Nomad has not found it healthy yet";
    assert_eq!(waits(&case.at_second(40), text), None);
    case.news(3, vec![replacement(12, Some(true))]);
    assert_eq!(case.at_second(3), replaced_by("b"));

    let mut case = replaced("service", checked("nomad", ""));
    assert_eq!(waits(&case.at_second(40), text), Some(reads_checks("b")));
    let result = CheckResult {
        check: "http".into(),
        status: "failure".to_owned().into(),
        output: "503".into(),
        timestamp: time(12.0).timestamp(),
        ..CheckResult::default()
    };
    let now = case.at(2);
    let results = [(Arc::from("c1"), result)].into();
    case.view
        .apply(Change::Checks(Arc::from("b"), Ok(results)), now, now);
    let text = "check \"http\" is failing: 503";
    assert_eq!(waits(&case.at_second(40), text), Some(reads_checks("b")));
    case.news(9, vec![replacement(12, Some(false))]);
    let cause = failed(&case.at_second(9));
    assert_eq!(
        cause.to_string(),
        "Nomad found \"b\" unhealthy: check \"http\" is failing: 503; it does not look again, see \"nomad alloc status b\""
    );
    assert!(cause.is_unrecoverable());
}

#[test]
fn a_replacement_is_unhealthy_also_before_it_runs() {
    // c10: the deadline passed while it was pending.
    let mut case = replaced("service", checked("consul", ""));
    let mut starting = replacement(12, Some(false));
    starting.task_states = [(Arc::from("app"), unstarted())].into();
    case.news(3, vec![starting.client("pending")]);
    assert!(matches!(
        failed(&case.at_second(3)),
        Cause::Unhealthy { check: None, .. }
    ));
}

#[test]
fn one_that_is_healthy_and_does_not_run_is_waited_for() {
    let mut case = replaced("service", checked("consul", ""));
    let mut down = replacement(12, Some(true));
    down.task_states = [(Arc::from("app"), task("pending", 9.0))].into();
    case.news(3, vec![down]);
    pending(&case.at_second(3));
}

#[test]
fn a_failed_task_is_left_to_the_next_attempt() {
    let mut case = replaced("service", checked("consul", ""));
    let mut failing = replacement(12, Some(false));
    failing.task_states = [(Arc::from("app"), task("running", 9.0).failed())].into();
    case.news(3, vec![failing.clone()]);
    pending(&case.at_second(3));
    failing.modify_index = 13;
    failing.followup_eval_id = "e".into();
    case.news(3, vec![failing.client("failed")]);
    pending(&case.at_second(30));
}

#[test]
fn where_nobody_judges_it_has_to_hold() {
    let manual = || {
        let mut job = job(0, &[("web", &[("app", "")])]);
        if let Some(update) = &mut job.task_groups[0].update {
            update.health_check = HealthCheck::Manual;
        }
        versions(vec![job])
    };
    let plain = || checked("nomad", "");
    for (kind, versions, deployment, new_server, judged) in [
        ("batch", plain(), "", true, false),
        ("system", plain(), "", false, false),
        ("system", plain(), "", true, true),
        ("service", plain(), "d", false, true),
        ("service", manual(), "", false, true),
        ("service", manual(), "d", false, false),
    ] {
        let mut original = at(10, task("running", 1.0)).of_type(kind);
        original.desired_transition.knows_disable_placement = new_server;
        let mut case = Case::reschedule(versions, vec![original.clone()]);
        case.want.healthy = Some(STEADY);
        let runs = || Allocation {
            deployment_id: Arc::from(deployment),
            ..replacement(11, None).of_type(kind)
        };
        let stopped = Allocation {
            modify_index: 11,
            ..original.stopped("alloc is being migrated", "b")
        };
        case.list(1, vec![stopped, runs()]);
        pending(&case.at_second(10));
        case.news(11, vec![runs()]);
        let verdict = case.at_second(11);
        if judged {
            pending(&verdict);
        } else {
            assert_eq!(verdict, replaced_by("b"), "{kind} {deployment}");
        }
    }
}
