//! Other types of jobs than services: the peer's run tests for batch jobs, and a system job of which no version is known.

use std::time::Duration;

use serde_json::{Value, json};

use crate::memory::jobs::{group, job, plain, prestart, running, with};
use crate::memory::scene::{Ran, Scene, allocations};

/// The job of the peer's own tests as a batch job: `single` (3 allocations: `main`), `multiple` (2: `init` that has finished, `side`,
/// `main`). Its tasks run until they are killed.
fn batch() -> Value {
    let side = with(
        &plain("side"),
        json!({"Lifecycle": {"Hook": "prestart", "Sidecar": true}}),
    );
    let groups = [
        group("single", 3, &[plain("main")]),
        group("multiple", 2, &[prestart("init"), side, plain("main")]),
    ]
    .map(|group| {
        let mut group = group;
        // Only service and system jobs have these.
        for key in ["Update", "Migrate"] {
            group.as_object_mut().unwrap().remove(key);
        }
        group
    });
    with(&job(&groups), json!({"Type": "batch"}))
}

/// How often each task was started in this run: `init`, `main` and `side` of `multiple`, `main` of `single`.
fn starts(ran: &Ran) -> [usize; 4] {
    [
        ("multiple", "init"),
        ("multiple", "main"),
        ("multiple", "side"),
        ("single", "main"),
    ]
    .map(|(group, task)| {
        let all = ran.truth.allocations.iter();
        let mut counts: Vec<usize> = all
            .filter(|(_, alloc)| alloc.group == group)
            .map(|(id, _)| ran.starts(id, task))
            .collect();
        counts.dedup();
        assert_eq!(counts.len(), 1, "{group} {task} {counts:?}");
        counts[0]
    })
}

async fn restarted(cluster: &nomad_sim::cluster::Cluster, args: &[&str]) -> Ran {
    let mut scene = Scene::of(cluster).args(["-yes"]);
    for arg in args {
        scene = scene.args([*arg]);
    }
    scene.args(["web"]).run().await
}

#[tokio::test(start_paused = true)]
async fn a_batch_job_is_restarted_in_place_like_a_service() {
    for (args, expected) in [
        // T23
        (&["-batch-size=100%"][..], [0, 1, 1, 1]),
        // T24
        (&["-task=main"], [0, 1, 0, 1]),
        // T25
        (&["-task=main", "-task=side"], [0, 1, 1, 1]),
        // T26
        (&["-all-tasks"], [1, 1, 1, 1]),
        // T27
        (&["-group=single"], [0, 0, 0, 1]),
        // T29
        (&["-task=main", "-group=single"], [0, 0, 0, 1]),
        // T30
        (
            &["-task=main", "-task=side", "-group=multiple"],
            [0, 1, 1, 0],
        ),
        // T31
        (&["-all-tasks", "-group=multiple"], [1, 1, 1, 0]),
    ] {
        let cluster = running(&batch()).await;
        let ran = restarted(&cluster, args).await.ended_with(0);
        assert_eq!(starts(&ran), expected, "{args:?}");
        let end = "Finished job restart\n\nAll allocations restarted successfully!\n";
        assert!(ran.stdout.ends_with(end), "{args:?} {}", ran.stdout);
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_task_of_a_batch_job_cannot_be_named() {
    // T28
    let cluster = running(&batch()).await;
    let ran = restarted(&cluster, &["-task=init"])
        .await
        .ended_with(1)
        .explained("Failed to restart task \"init\": Task not running");
    assert!(ran.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_job_waits_between_batches_like_a_service() {
    // T32, T33
    for size in ["-batch-size=3", "-batch-size=50%"] {
        let cluster = running(&batch()).await;
        let ids = allocations(&cluster, "web");
        let ran = restarted(&cluster, &[size, "-batch-wait=3s"])
            .await
            .ended_with(0);
        assert_eq!(ran.touched(), ids);
        assert_eq!(ran.stdout.matches("Waiting 3s before").count(), 1);
        let writes = ran.writes();
        let pause = writes[3].time.since(writes[2].time);
        assert!(pause >= Duration::from_secs(3), "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_job_is_rescheduled_like_a_service() {
    // T35
    let cluster = running(&batch()).await;
    let ids = allocations(&cluster, "web");
    let ran = restarted(&cluster, &["-reschedule", "-batch-size=3"])
        .await
        .ended_with(0);
    for text in ["1st batch of 3 allocations", "2nd batch of 2 allocations"] {
        assert!(ran.stdout.contains(text), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("Waiting"), "{}", ran.stdout);
    assert_eq!(ran.touched(), ids);
    for id in &ids {
        assert!(ran.truth.allocations[id].replaced_by.is_some(), "{id}");
    }
    // T36
    let ran = restarted(&cluster, &["-reschedule", "-group=multiple"])
        .await
        .ended_with(0);
    let groups = ran.touched().into_iter();
    let groups = groups.map(|id| ran.truth.allocations[id].group.as_str());
    assert!(groups.eq(["multiple", "multiple"]));
}

/// A system job with one group, whose task runs until it is killed.
fn system() -> Value {
    let mut group = group("web", 1, &[plain("app")]);
    for key in ["Update", "Migrate", "ReschedulePolicy"] {
        group.as_object_mut().unwrap().remove(key);
    }
    with(&job(&[group]), json!({"Type": "system"}))
}

#[tokio::test(start_paused = true)]
async fn a_system_job_of_unknown_versions_is_evaluated() {
    // N36, D30
    let cluster = running(&system()).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "web"])
        .tamper(|path, _, body| {
            if path.ends_with("/versions") {
                body["Versions"] = json!([]);
            }
        })
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    for id in &ids {
        assert!(ran.truth.allocations[id].replaced_by.is_some(), "{id}");
    }
}
