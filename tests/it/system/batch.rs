//! Batch jobs: replacements that finish, allocations that have finished, servers that fail what is stopped; and sysbatch jobs.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::model::{ClientStatus, Version};
use serde_json::{Value, json};

use super::{older, rescheduling};
use crate::memory::jobs::{job, plain, task, with};
use crate::memory::scene::{Scene, allocations};

const OLD: [Version; 3] = [Version::V1_6, Version::V1_8, Version::V1_10];
const NEW: [Version; 3] = [Version::V1_11_2, Version::V1_11_3, Version::V2_0];

fn batch(groups: &[Value]) -> Value {
    with(&job(groups), json!({"Type": "batch"}))
}

/// A group of a batch job, which has neither an `update` nor a `migrate` block.
fn group(name: &str, count: u32, task: &Value) -> Value {
    json!({"Name": name, "Count": count, "Tasks": [task], "EphemeralDisk": {"SizeMB": 10},
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": false}})
}

async fn steady(version: Version, job: &Value) -> Cluster {
    let cluster = older(version, 5);
    cluster.register(job).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    cluster
}

fn status(cluster: &Cluster, id: &str) -> ClientStatus {
    cluster.read(|state| state.allocation(id).unwrap().client)
}

#[tokio::test(start_paused = true)]
async fn replacements_that_finish_within_a_second() {
    // N26: complete counts as success, also where nobody has seen it running.
    let quick = json!([{"replacement": true, "run_for": "10ms", "exit_code": 0}]);
    for version in NEW {
        let cluster = steady(version, &batch(&[group("web", 3, &task("app", &quick))])).await;
        let ids = allocations(&cluster, "web");
        let ran = rescheduling(&cluster, &["-batch-size=2"]).run().await;
        let ran = ran.ended_with(0).warned(&[]);
        assert_eq!(ran.touched(), ids);
        for id in &ids {
            let by = ran.truth.allocations[id].replaced_by.as_deref().unwrap();
            assert_eq!(status(&cluster, by), ClientStatus::Complete);
        }
        assert!(ran.took() < Duration::from_secs(10), "{:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn replacements_that_fail() {
    let broken = json!([{"replacement": true, "run_for": "300ms", "exit_code": 1}]);
    let spec = with(
        &group("web", 2, &task("app", &broken)),
        json!({"RestartPolicy": {"Attempts": 0, "Interval": 1_800_000_000_000_i64,
            "Delay": 1_000_000_000, "Mode": "fail"}}),
    );
    for version in NEW {
        let cluster = steady(version, &batch(std::slice::from_ref(&spec))).await;
        let ran = rescheduling(&cluster, &[]).run().await;
        // Whether it was seen running before it failed, or not.
        ran.ended_with(1)
            .explained("task \"app\" failed: Terminated: Exit Code: 1")
            .explained("0 of 2 allocations rescheduled, 2 failed.");
    }
}

#[tokio::test(start_paused = true)]
async fn allocations_that_have_finished_are_not_eligible() {
    // N27, N28, D26
    let done = task("app", &json!([{"run_for": "2s", "exit_code": 0}]));
    let spec = batch(&[group("web", 2, &plain("app")), group("done", 2, &done)]);
    for args in [&["-reschedule"][..], &[]] {
        let cluster = steady(Version::V2_0, &spec).await;
        let all = allocations(&cluster, "web");
        assert_eq!(all.len(), 4);
        let ids: Vec<String> = all
            .into_iter()
            .filter(|id| status(&cluster, id) == ClientStatus::Running)
            .collect();
        let mut scene = Scene::of(&cluster).args(["-yes"]);
        for arg in args {
            scene = scene.args([*arg]);
        }
        let ran = scene.args(["web"]).run().await.ended_with(0);
        assert_eq!(ran.touched(), ids, "{args:?}");
        assert!(
            ran.stdout.contains("Restarting 2 allocations"),
            "{}",
            ran.stdout
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_finished_has_nothing_to_restart() {
    let done = task("app", &json!([{"run_for": "2s", "exit_code": 0}]));
    let cluster = steady(Version::V2_0, &batch(&[group("web", 2, &done)])).await;
    let ran = rescheduling(&cluster, &[]).run().await.ended_with(0);
    assert!(
        ran.stdout.contains("No allocations to restart"),
        "{}",
        ran.stdout
    );
    assert!(ran.writes().is_empty());
}

const TEXT: &str = "Batch job \"web\" runs on a Nomad server older than 1.11.0, which does not replace stopped batch allocations reliably";

#[tokio::test(start_paused = true)]
async fn older_servers_are_refused_without_yes() {
    for version in OLD {
        let cluster = steady(version, &batch(&[group("web", 2, &plain("app"))])).await;
        let ran = Scene::of(&cluster)
            .args(["-reschedule", "-on-error=fail", "web"])
            .run()
            .await
            .ended_with(1)
            .warned(&[&format!("{TEXT}. Use -yes to reschedule it all the same")])
            .printed(&[""]);
        assert!(ran.writes().is_empty());

        // In place nothing is replaced.
        Scene::of(&cluster)
            .args(["-on-error=fail", "web"])
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
    }
}

#[tokio::test(start_paused = true)]
async fn older_servers_are_warned_of_with_yes() {
    // d04 of 1.10.5: what is stopped ends failed, which is no failure.
    for version in OLD {
        for simulate in [
            json!([]),
            json!([{"replacement": true, "run_for": "300ms", "exit_code": 0}]),
        ] {
            let spec = batch(&[group("web", 2, &task("app", &simulate))]);
            let cluster = steady(version, &spec).await;
            let ids = allocations(&cluster, "web");
            let ran = rescheduling(&cluster, &["-batch-size=2"]).run().await;
            let ran = ran.ended_with(0).explained(TEXT);
            assert_eq!(ran.touched(), ids);
            let expected = if version == Version::V1_10 {
                ClientStatus::Failed
            } else {
                ClientStatus::Complete
            };
            assert_eq!(status(&cluster, &ids[0]), expected, "{version:?}");
            assert!(!ran.stderr.contains("Error"), "{}", ran.stderr);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sysbatch_jobs_are_refused() {
    // T38
    let spec = with(
        &batch(&[group("web", 1, &plain("app"))]),
        json!({"Type": "sysbatch"}),
    );
    let cluster = steady(Version::V2_0, &spec).await;
    let ran = rescheduling(&cluster, &[])
        .run()
        .await
        .ended_with(1)
        .warned(&["Jobs of type \"sysbatch\" are not allowed to be rescheduled."])
        .printed(&[""]);
    assert!(ran.writes().is_empty());

    let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
    assert_eq!(ran.ended_with(0).touched().len(), 3);
}
