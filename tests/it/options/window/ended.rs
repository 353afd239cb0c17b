//! What ends a window from outside: signals, deployments, an outage, and what fails after it was done. Nothing new starts.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::{scene, six, starts};
use crate::memory::jobs::{SECOND, group, job, running, task, web_with, with};
use crate::memory::scene::allocations;

#[tokio::test(start_paused = true)]
async fn signals() {
    for (signal, code) in [(1, 129), (2, 130), (15, 143)] {
        let times = [500, 9_000, 800, 9_000, 700, 900];
        let cluster = running(&web_with(6, &starts(&times))).await;
        let ids = allocations(&cluster, "web");
        let ran = scene(&cluster, &["-batch-size=2"])
            .signal_after(3, Duration::from_millis(300), signal)
            .run()
            .await
            .ended_with(code)
            .explained("To continue, run:\n    nomad-restart -yes -batch-mode=window -batch-size=2 -started-before=");
        let touched = ran.touched().len();
        assert_eq!(ran.touched(), ids[..touched]);
        assert!(
            touched < 6 && ran.took() < Duration::from_secs(15),
            "{:?}",
            ran.took()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_in_the_wait() {
    let (cluster, ids) = six().await;
    let ran = scene(&cluster, &["-batch-size=2", "-batch-wait=10m"])
        .signal_after(2, Duration::from_secs(60), 15)
        .run()
        .await
        .ended_with(143)
        .explained("2 of 6 allocations restarted, 4 not touched.");
    assert_eq!(ran.touched(), ids[..2]);
    assert_eq!(ran.took().as_secs(), 60);
}

/// Registers a new version of the job, which is rolled out one by one, for two minutes.
fn update(cluster: &Cluster, count: u32) {
    let slow = task("app", &json!([{"start_block_for": "20s"}]));
    let slow = with(&slow, json!({"Env": {"VERSION": "2"}}));
    let mut changed: Value = job(&[group("web", count, &[slow])]);
    let hour = 3600 * SECOND;
    changed["TaskGroups"][0]["Update"] = json!({"MaxParallel": 1, "HealthCheck": "task_states",
        "MinHealthyTime": SECOND, "HealthyDeadline": hour, "ProgressDeadline": 2 * hour});
    cluster.register(&changed).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deployment_in_the_middle_ends_the_run_after_what_is_in_flight_is_judged() {
    for stream in [true, false] {
        let times = [1_000, 12_000, 1_500, 12_000, 1_000, 1_200];
        let cluster = running(&web_with(6, &starts(&times))).await;
        let ids = allocations(&cluster, "web");
        let mut scene = scene(&cluster, &["-batch-size=2", "-detailed-exitcode"]).meanwhile(
            |stage| async move {
                stage.joint.writes(3).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                update(&stage.cluster, 6);
            },
        );
        if !stream {
            scene = scene.without_stream();
        }
        let ran = scene
            .run()
            .await
            .explained("* Deployment \"<id ")
            .explained("\" is \"running\"\n    Job \"web\" is being deployed in version 1");
        let touched = ran.touched().len();
        assert!((3..6).contains(&touched), "{touched}");
        assert_eq!(ran.touched(), ids[..touched]);
        assert!(
            ran.stdout.contains("Job restart finished with errors"),
            "{}",
            ran.stdout
        );
        assert!(!ran.stderr.contains("in flight"), "{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_or_the_end_of_the_job_in_the_wait_ends_it() {
    for end in ["update", "stop", "purge"] {
        let (cluster, ids) = six().await;
        let ran = scene(
            &cluster,
            &["-batch-size=2", "-batch-wait=10m", "-detailed-exitcode"],
        )
        .meanwhile(move |stage| async move {
            stage.joint.writes(2).await;
            tokio::time::sleep(Duration::from_secs(40)).await;
            if end == "update" {
                update(&stage.cluster, 6);
            } else {
                let purge = end == "purge";
                stage.cluster.deregister("default", "web", purge).unwrap();
            }
        })
        .run()
        .await
        .ended_with(5)
        .explained("2 of 6 allocations restarted, 4 not touched.");
        assert_eq!(ran.touched(), ids[..2], "{end}");
        assert!(
            ran.took() < Duration::from_secs(75),
            "{end}: {:?}",
            ran.took()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_waited_for() {
    let (cluster, ids) = six().await;
    let ran = scene(
        &cluster,
        &["-batch-size=2", "-batch-wait=30s", "-on-deployment=wait"],
    )
    .meanwhile(|stage| async move {
        stage.joint.writes(2).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        update(&stage.cluster, 6);
    })
    .run()
    .await
    .ended_with(0)
    .explained("has already been replaced by");
    assert!(
        ran.stdout
            .contains("\n2 of 6 allocations restarted, 4 skipped."),
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.stdout.matches(": Waiting for deployment \"").count(),
        1,
        "{}",
        ran.stdout
    );
    assert_eq!(ran.touched(), ids[..2]);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_and_fails_later_is_noticed() {
    // The first to be restarted ends five seconds after it has run again, while the others take their turns.
    let rules = json!([{"kill_after": "100ms", "start_block_for": "1s"},
        {"index": 5, "start": 2, "run_for": "5s", "exit_code": 9}, {"index": 5, "start_from": 3, "run_for": "1h"}]);
    let policy =
        json!({"Attempts": 2, "Interval": 1800 * SECOND, "Delay": 600 * SECOND, "Mode": "fail"});
    let group = with(
        &group("web", 12, &[task("app", &rules)]),
        json!({"RestartPolicy": policy}),
    );
    for stream in [true, false] {
        let cluster = running(&job(std::slice::from_ref(&group))).await;
        let first = cluster.read(|state| {
            let mut all = state.job_allocations("default", "web");
            all.find(|it| it.name.ends_with("[5]")).unwrap().id.clone()
        });
        let mut scene = scene(&cluster, &["-on-error=fail", "-group=web"]);
        if !stream {
            scene = scene.without_stream();
        }
        let ran = scene.run().await;
        let down = ran.truth.processes(&first, "app")[1].ended.unwrap();
        let ran = ran
            .ended_with(1)
            .explained("it ran again and has failed since: task \"app\" failed");
        let after = ran
            .writes()
            .iter()
            .filter(|write| write.time > down)
            .count();
        assert!(
            after <= 2,
            "{after} were touched after that\n{}",
            ran.stdout
        );
        assert!(ran.stderr.contains("not touched"), "{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_lets_nothing_start() {
    let (cluster, _) = six().await;
    let ran = scene(&cluster, &["-batch-size=2", "-detailed-exitcode"])
        .without_stream()
        .meanwhile(|stage| async move {
            stage.joint.writes(3).await;
            let gone = Fault::Status(500, "No cluster leader".to_owned());
            stage.agent.faults().add(Rule::on("/v1/", gone));
        })
        .run()
        .await
        .ended_with(1);
    assert!(ran.touched().len() <= 4, "{:?}", ran.touched());
    assert!(ran.stderr.contains("No cluster leader"), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn a_signal_while_some_wait_for_a_connection() {
    // 42 calls are sent at once, for three seconds; eight more allocations are in the window and wait for a connection.
    let slow = json!([{"kill_after": "3s", "start_block_for": "500ms"}]);
    for (signal, code) in [(2, 130), (15, 143)] {
        let cluster = running(&web_with(60, &slow)).await;
        let ran = scene(&cluster, &["-batch-size=50"])
            .signal_after(42, Duration::from_millis(500), signal)
            .run()
            .await
            .ended_with(code)
            .explained(", 18 not touched.");
        let sent = ran.count(|entry| entry.path.ends_with("/restart"));
        assert_eq!(sent, 42, "{}", ran.stdout);
    }
}
