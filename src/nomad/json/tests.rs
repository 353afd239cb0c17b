//! The bodies that running agents of several versions gave.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

/// One recorded body: from which version and which line of which recording.
pub(super) struct Recorded {
    version: String,
    origin: String,
    pub(super) body: String,
}

pub(super) fn recorded(file: &str) -> Vec<Recorded> {
    file.lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            Recorded {
                version: line["nomad"].as_str().unwrap().to_owned(),
                origin: line["recording"].as_str().unwrap().to_owned(),
                body: line["body"].take().to_string(),
            }
        })
        .collect()
}

fn parsed<T: DeserializeOwned>(file: &str) -> Vec<(Recorded, T)> {
    recorded(file)
        .into_iter()
        .map(|recorded| {
            let value = serde_json::from_str(&recorded.body)
                .unwrap_or_else(|error| panic!("{}: {error}", recorded.origin));
            (recorded, value)
        })
        .collect()
}

pub(super) const JOBS: &str = include_str!("../../../tests/fixtures/jobs.jsonl");
pub(super) const JOB: &str = include_str!("../../../tests/fixtures/job.jsonl");
pub(super) const VERSIONS: &str = include_str!("../../../tests/fixtures/versions.jsonl");
pub(super) const ALLOCATIONS: &str = include_str!("../../../tests/fixtures/allocations.jsonl");
pub(super) const ALLOCATION: &str = include_str!("../../../tests/fixtures/allocation.jsonl");
pub(super) const DEPLOYMENT: &str = include_str!("../../../tests/fixtures/deployment.jsonl");
pub(super) const EVALUATIONS: &str = include_str!("../../../tests/fixtures/evaluations.jsonl");
const NODES: &str = include_str!("../../../tests/fixtures/nodes.jsonl");
pub(super) const STOP: &str = include_str!("../../../tests/fixtures/stop.jsonl");

/// The body of one line of a recording.
fn body_of<T: DeserializeOwned>(file: &str, origin: &str) -> T {
    let mut all = parsed(file).into_iter();
    let found = all.find(|(recorded, _)| recorded.origin == origin);
    found.unwrap().1
}

fn allocation<'a>(list: &'a [Allocation], id: &str) -> &'a Allocation {
    list.iter().find(|alloc| alloc.id.starts_with(id)).unwrap()
}

#[test]
fn job_lists() {
    let mut seen = Vec::new();
    for (recorded, jobs) in parsed::<Vec<JobStub>>(JOBS) {
        for job in jobs {
            assert!(!job.id.is_empty(), "{}", recorded.origin);
            assert_eq!(job.namespace(), "default");
            assert!(job.submit_time > 1_700_000_000_000_000_000);
            seen.push((
                job.id,
                job.kind,
                job.stop,
                job.periodic,
                job.parameterized_job,
            ));
        }
    }
    let has = |id: &str, kind: &str, stop, periodic, parameterized| {
        let wanted = (
            id.to_owned(),
            kind.to_owned(),
            stop,
            periodic,
            parameterized,
        );
        assert!(seen.contains(&wanted), "{wanted:?}");
    };
    has("web", "service", false, false, false);
    has("api", "service", true, false, false);
    has("nightly", "batch", false, true, false);
    has("import", "batch", false, false, true);
    has("d01-sys", "system", false, false, false);
}

#[test]
fn jobs() {
    for (recorded, job) in parsed::<Job>(JOB) {
        assert!(
            !job.id.is_empty() && !job.kind.is_empty(),
            "{}",
            recorded.origin
        );
        assert!(!job.task_groups[0].tasks[0].name.is_empty());
    }
    let nightly: Job = body_of(JOB, "a-lookup.jsonl:48");
    assert!(nightly.periodic && !nightly.parameterized_job && !nightly.dispatched);
    let import: Job = body_of(JOB, "a-lookup.jsonl:49");
    assert!(import.parameterized_job && !import.periodic);
    let stopped: Job = body_of(JOB, "a-lookup.jsonl:196");
    assert!(stopped.stop && stopped.status == "dead");
    for origin in ["1.6.10/a-lookup.jsonl:13", "1.11.3/a-lookup.jsonl:13"] {
        let web: Job = body_of(JOB, origin);
        let group = &web.task_groups[0];
        assert_eq!((group.name.as_str(), group.count), ("web", 1), "{origin}");
        assert_eq!(group.shutdown_delay, 0);
        let migrate = group.migrate.unwrap();
        assert_eq!(migrate.healthy_deadline, 20_000_000_000);
        assert_eq!(migrate.min_healthy_time, 2_000_000_000);
        let update = group.update.unwrap();
        assert_eq!(update.progress_deadline, 40_000_000_000);
        assert_eq!(group.tasks[0].kill_timeout, 2_000_000_000);
        assert_eq!(group.tasks[0].lifecycle, None);
    }
}

#[test]
fn job_versions() {
    for (recorded, answer) in parsed::<JobVersions>(VERSIONS) {
        let versions: Vec<u64> = answer.versions.iter().map(|job| job.version).collect();
        let falling: Vec<u64> = (0..versions.len() as u64).rev().collect();
        assert_eq!(versions, falling, "{}", recorded.origin);
    }
}

#[test]
fn allocation_lists() {
    for (recorded, list) in parsed::<Vec<Allocation>>(ALLOCATIONS) {
        for alloc in &list {
            let about = &recorded.origin;
            assert_eq!(alloc.id.len(), 36, "{about}");
            assert!(
                !alloc.job_type.is_empty() && !alloc.task_group.is_empty(),
                "{about}"
            );
            assert!(alloc.create_index > 0 && alloc.modify_index >= alloc.create_index);
            assert!(
                !matches!(alloc.client_status, ClientStatus::Other(_)),
                "{about}"
            );
            assert!(
                !matches!(alloc.desired_status, DesiredStatus::Other(_)),
                "{about}"
            );
            for state in alloc.task_states.values() {
                assert!(!matches!(state.state, RunState::Other(_)), "{about}");
                assert!(state.events.last.is_some(), "{about}");
                assert!(
                    !state
                        .events
                        .last
                        .as_ref()
                        .unwrap()
                        .display_message
                        .is_empty()
                );
            }
            // System jobs got no health before Nomad 1.11.
            if alloc.job_type.as_ref() == "system"
                && matches!(&*recorded.version, "1.6.10" | "1.10.5")
            {
                assert_eq!(alloc.deployment_status, None, "{about}");
            }
        }
    }
}

#[test]
fn a_crash_loop_after_a_restart() {
    let list: Vec<Allocation> = body_of(ALLOCATIONS, "b08-restart-then-crash-loop.jsonl:30");
    let failed = allocation(&list, "3033fe0d");
    assert_eq!(failed.client_status, ClientStatus::Failed);
    assert_eq!(failed.desired_status, DesiredStatus::Stop);
    assert!(failed.next_allocation.starts_with("b7056f18"));
    assert!(failed.followup_eval_id.starts_with("f48b1384"));
    let app = &failed.task_states["app"];
    assert_eq!(
        (&app.state, app.failed, app.restarts),
        (&RunState::Dead, true, 3)
    );
    assert_eq!(app.events.restart_signaled, None);
    let cause = app.events.last_failure.as_ref().unwrap();
    assert_eq!((&*cause.kind, cause.exit_code), ("Terminated", 3));
    assert_eq!(&*app.events.last.as_ref().unwrap().kind, "Not Restarting");
    assert!(app.last_restart.unwrap() < app.started_at.unwrap());
    let side = &failed.task_states["side"];
    assert_eq!(
        side.events.restart_signaled,
        Some(1_795_507_363_325_396_059)
    );
    assert_eq!(
        &*side.events.last_failure.as_ref().unwrap().kind,
        "Sibling Task Failed"
    );
    assert!(allocation(&list, "b7056f18").task_states.is_empty());
}

#[test]
fn a_program_that_is_gone() {
    let list: Vec<Allocation> = body_of(ALLOCATIONS, "b09-restart-then-start-failure.jsonl:22");
    let app = &allocation(&list, "141c8295").task_states["app"];
    let cause = app.events.last_failure.as_ref().unwrap();
    assert_eq!(&*cause.kind, "Driver Failure");
    assert!(
        cause.display_message.ends_with("could not be found"),
        "{cause:?}"
    );
    assert_eq!(
        &*app.events.last.as_ref().unwrap().display_message,
        "Error was unrecoverable"
    );
    assert!(app.events.restart_signaled.is_some());
    // This one had ended well, and long before.
    let copy = &allocation(&list, "141c8295").task_states["copy"];
    assert_eq!(copy.events.last_failure, None);
}

#[test]
fn failed_replacements_are_linked() {
    let list: Vec<Allocation> = body_of(ALLOCATIONS, "c04-replacement-fails-rescheduled.jsonl:49");
    let failed = allocation(&list, "06515d6a");
    assert!(failed.next_allocation.starts_with("0faa"));
    let cause = failed.task_states["app"]
        .events
        .last_failure
        .as_ref()
        .unwrap();
    assert_eq!(cause.exit_code, 7);
    // The first of the chain was stopped: its exit by the signal is no failure.
    let stopped = allocation(&list, "d08b181c");
    assert_eq!(stopped.client_status, ClientStatus::Complete);
    assert_eq!(stopped.task_states["app"].events.last_failure, None);
    assert!(stopped.desired_transition.migrate);
}

#[test]
fn disconnected_nodes() {
    let list: Vec<Allocation> = body_of(ALLOCATIONS, "k03-node-disconnects.jsonl:24");
    let unknown = allocation(&list, "4c58ea87");
    assert_eq!(unknown.client_status, ClientStatus::Unknown);
    assert!(!unknown.client_status.is_terminal());
    assert_eq!(unknown.deployment_status.unwrap().healthy, Some(true));
}

#[test]
fn single_allocations() {
    for (recorded, alloc) in parsed::<Allocation>(ALLOCATION) {
        assert_eq!(alloc.id.len(), 36, "{}", recorded.origin);
    }
    let mut alloc: Allocation = body_of(ALLOCATION, "a-lookup.jsonl:86");
    assert_eq!((alloc.job_version, &*alloc.job_type), (0, ""));
    alloc.complete_from_job();
    assert_eq!((alloc.job_version, &*alloc.job_type), (1, "service"));
    assert!(alloc.previous_allocation.starts_with("473d"));
    let job = alloc.job.unwrap();
    assert_eq!(job.task_groups[0].tasks[0].kill_timeout, 2_000_000_000);
    // A failed replacement: 2.0.5 says unhealthy, 1.6.10 says nothing.
    let new: Allocation = body_of(ALLOCATION, "c05-replacement-fails-for-good.jsonl:27");
    assert_eq!(new.deployment_status.unwrap().healthy, Some(false));
    let old: Allocation = body_of(ALLOCATION, "1.6.10/c05-replacement-fails-for-good.jsonl:10");
    assert_eq!(old.deployment_status, None);
    for failed in [new, old] {
        assert_eq!(failed.client_status, ClientStatus::Failed);
        assert_eq!(failed.desired_status, DesiredStatus::Run);
    }
    // On 1.10 a stopped batch allocation ends as failed.
    let batch: Allocation = body_of(ALLOCATION, "1.10.5/d04-batch-stop.jsonl:22");
    assert_eq!(batch.client_status, ClientStatus::Failed);
    assert_eq!(batch.desired_status, DesiredStatus::Stop);
    assert!(batch.desired_transition.migrate);
}

#[test]
fn deployments() {
    let all = parsed::<Option<Deployment>>(DEPLOYMENT);
    assert!(all.iter().any(|(_, deployment)| deployment.is_none()));
    for deployment in all.into_iter().filter_map(|(_, deployment)| deployment) {
        assert!(!deployment.status.is_empty() && deployment.create_index > 0);
    }
    let canary: Option<Deployment> = body_of(DEPLOYMENT, "f01-deployment-canary.jsonl:26");
    let canary = canary.unwrap();
    assert_eq!(canary.status, "running");
    assert_eq!(canary.job_version, 1);
    assert_eq!(
        canary.status_description,
        "Deployment is running but requires manual promotion"
    );
}

#[test]
fn evaluations() {
    let mut statuses = std::collections::BTreeSet::new();
    for (recorded, evaluations) in parsed::<Vec<Evaluation>>(EVALUATIONS) {
        for evaluation in evaluations {
            assert!(!evaluation.id.is_empty() && !evaluation.job_id.is_empty());
            assert!(evaluation.create_index > 0, "{}", recorded.origin);
            statuses.insert(evaluation.status);
        }
    }
    let expected = ["blocked", "canceled", "complete", "failed", "pending"];
    assert!(statuses.iter().eq(expected), "{statuses:?}");
}

#[test]
fn why_nothing_was_placed() {
    let list: Vec<Evaluation> = body_of(EVALUATIONS, "c06-placement-ineligible.jsonl:25");
    let blocked = list.iter().find(|one| one.status == "blocked").unwrap();
    assert_eq!(blocked.triggered_by, "queued-allocs");
    let metric = &blocked.failed_tg_allocs["web"];
    assert_eq!(metric.nodes_evaluated, 0);
    assert!(metric.nodes_available.is_empty());
    let list: Vec<Evaluation> = body_of(EVALUATIONS, "c07-placement-causes.jsonl:78");
    let metric = &list[0].failed_tg_allocs["web"];
    assert_eq!(metric.constraint_filtered["${node.class} = gpu"], 1);
}

#[test]
fn answers_to_a_stop() {
    for (recorded, answer) in parsed::<StopAnswer>(STOP) {
        assert_eq!(answer.eval_id.len(), 36, "{}", recorded.origin);
        assert!(answer.index > 0);
    }
}

#[test]
fn a_draining_node() {
    let nodes: Vec<NodeStub> = body_of(NODES, "f03-drain-during-restart.jsonl:23");
    let node = nodes.iter().find(|node| node.drain).unwrap();
    assert!(node.name == "node-1" && node.scheduling_eligibility == "ineligible");
}

#[test]
fn unknown_words_are_kept() {
    let alloc: Allocation = serde_json::from_str(
        r#"{"ID":"a","ClientStatus":"evaporated","DesiredStatus":"hover","TaskStates":{"t":{"State":"liquid"}},"New":{"Key":[1]}}"#,
    )
    .unwrap();
    assert_eq!(alloc.client_status.as_str(), "evaporated");
    assert!(!alloc.client_status.is_terminal());
    assert_eq!(alloc.desired_status.as_str(), "hover");
    assert_eq!(alloc.task_states["t"].state.as_str(), "liquid");
}
