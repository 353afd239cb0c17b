//! `-on-deployment=wait`: before the allocations are chosen, between batches and in pauses, for as long as it takes.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::scene;
use crate::memory::jobs::{SECOND, group, job, running, task, web, web_with, with};
use crate::memory::scene::{Ran, allocations};

/// Registers a new version of the job, which is rolled out one by one, each in twenty seconds.
fn update(cluster: &Cluster, count: u32) {
    register(cluster, count, "20s");
}

/// Registers a new version, the first allocation of which does not start for days.
fn stuck(cluster: &Cluster, count: u32) {
    register(cluster, count, "200h");
}

fn register(cluster: &Cluster, count: u32, start: &str) {
    let slow = task("app", &json!([{"start_block_for": start}]));
    let slow = with(&slow, json!({"Env": {"VERSION": "2"}}));
    let mut changed = job(&[group("web", count, &[slow])]);
    let hour = 3600 * SECOND;
    changed["TaskGroups"][0]["Update"] = json!({"MaxParallel": 1, "HealthCheck": "task_states",
        "MinHealthyTime": SECOND, "HealthyDeadline": 90 * hour, "ProgressDeadline": 100 * hour});
    cluster.register(&changed).unwrap();
}

fn waits(ran: &Ran) -> (usize, usize) {
    let count = |text: &str| {
        ran.stdout
            .lines()
            .filter(|line| line.contains(text))
            .count()
    };
    (
        count(": Waiting for deployment \""),
        count(": Still waiting for deployment \""),
    )
}

#[tokio::test(start_paused = true)]
async fn at_the_start_the_allocations_are_chosen_after_its_end() {
    for mode in ["-all-tasks=false", "-reschedule"] {
        let cluster = running(&web(4)).await;
        let before = allocations(&cluster, "web");
        update(&cluster, 4);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let ran = scene(&cluster, &["-yes", mode, "-on-deployment=wait"])
            .run()
            .await;
        let ran = ran.ended_with(0);
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert!(
            lines[0].contains(": Waiting for deployment \"")
                && lines[0].ends_with(
                    "\" of job \"web\" to end: it is \"running\" (Deployment is running)"
                ),
            "{}",
            ran.stdout
        );
        assert!(
            lines[1].starts_with("    ") && lines[1].contains(": Still waiting for deployment \""),
            "{}",
            ran.stdout
        );
        assert_eq!(waits(&ran), (1, 1), "{}", ran.stdout);
        assert!(
            ran.stdout.contains(": Restarting 4 allocations\n"),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout
                .ends_with("\n\nAll allocations restarted successfully!\n"),
            "{}",
            ran.stdout
        );
        let touched = ran.touched();
        assert_eq!(touched.len(), 4);
        assert!(touched.iter().all(|id| !before.iter().any(|old| old == id)));
        // None of them is of an older version then, and nobody is warned of it.
        assert_eq!(ran.stderr, "");
    }
}

#[tokio::test(start_paused = true)]
async fn between_batches_and_in_pauses_what_it_replaced_is_skipped() {
    for (wait, writes, then) in [("-batch-wait=0s", 2, 1), ("-batch-wait=1m", 2, 30)] {
        let cluster = running(&web_with(4, &json!([{"start_block_for": "5s"}]))).await;
        let ids = allocations(&cluster, "web");
        let ran = scene(
            &cluster,
            &["-yes", "-batch-size=2", wait, "-on-deployment=wait"],
        )
        .meanwhile(move |stage| async move {
            stage.joint.writes(writes).await;
            tokio::time::sleep(Duration::from_secs(then)).await;
            update(&stage.cluster, 4);
        })
        .run()
        .await;
        let touched: Vec<_> = ran.touched().into_iter().map(str::to_owned).collect();
        assert_eq!(touched, ids[..2], "{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(waits(&ran).0, 1, "{}", ran.stdout);
        if wait == "-batch-wait=1m" {
            let ran = ran.ended_with(0).explained("has already been replaced by");
            assert!(
                ran.stdout
                    .contains("2 of 4 allocations restarted, 2 skipped."),
                "{}",
                ran.stdout
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_is_waited_for_until_somebody_interrupts() {
    for (at_the_start, hours) in [(true, 3), (false, 2)] {
        let cluster = running(&web(4)).await;
        if at_the_start {
            stuck(&cluster, 4);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let ran = scene(
            &cluster,
            &[
                "-yes",
                "-batch-size=2",
                "-batch-wait=1m",
                "-on-deployment=wait",
                "-detailed-exitcode",
            ],
        )
        .meanwhile(move |stage| async move {
            if !at_the_start {
                stage.joint.writes(2).await;
                tokio::time::sleep(Duration::from_secs(20)).await;
                stuck(&stage.cluster, 4);
            }
            tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
            stage.signal(2);
        })
        .run()
        .await
        .ended_with(130);
        let (begun, still) = waits(&ran);
        let minutes = usize::try_from(hours * 60).unwrap();
        assert_eq!(begun, 1);
        assert!(still.abs_diff(minutes) <= 2, "{still}");
        let last = "to end: it is \"running\" (Deployment is running)\n";
        assert!(ran.stdout.contains(last), "{}", ran.stdout);
        if at_the_start {
            assert!(ran.writes().is_empty());
        } else {
            let ran = ran.explained("2 of 4 allocations restarted, 2 not touched.");
            assert!(ran.resume().contains("-on-deployment=wait"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_meanwhile() {
    for (purge, ended) in [(false, "stopped"), (true, "purged")] {
        let cluster = running(&web(4)).await;
        update(&cluster, 4);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let ran = scene(
            &cluster,
            &["-yes", "-on-deployment=wait", "-detailed-exitcode"],
        )
        .meanwhile(move |stage| async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            stage.cluster.deregister("default", "web", purge).unwrap();
        })
        .run()
        .await
        .ended_with(5);
        let text = format!("Job \"web\" was {ended} while its deployment was waited for\n");
        assert_eq!(ran.stderr, text);
        assert!(ran.writes().is_empty());
        assert!(ran.took() < Duration::from_secs(60), "{:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_no_longer_answers_ends_the_wait() {
    let cluster = running(&web(2)).await;
    stuck(&cluster, 2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ran = scene(
        &cluster,
        &["-yes", "-on-deployment=wait", "-detailed-exitcode"],
    )
    .without_stream()
    .meanwhile(|stage| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        let gone = Fault::Status(500, "No cluster leader".to_owned());
        stage.agent.faults().add(Rule::on("/v1/", gone));
    })
    .run()
    .await
    .ended_with(1)
    .explained("Error waiting for the deployment of job \"web\": ");
    assert!(ran.stderr.contains("No cluster leader"), "{}", ran.stderr);
    assert!(ran.took() < Duration::from_secs(800), "{:?}", ran.took());
}
