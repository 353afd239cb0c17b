//! What holds a window: errors, signals, deployments, an outage. Nothing new starts, what is in flight is judged, nobody loses a turn.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::{away, most_away, scene, starts};
use crate::memory::jobs::{SECOND, group, job, running, task, web_with, with};
use crate::memory::scene::{Ran, allocations};

/// Six allocations, which take two seconds and more to start again, each another time.
async fn six() -> (Cluster, Vec<String>) {
    let cluster = running(&web_with(
        6,
        &starts(&[2_000, 2_400, 3_100, 2_800, 2_000, 3_500]),
    ))
    .await;
    let ids = allocations(&cluster, "web");
    (cluster, ids)
}

fn boom() -> Rule {
    let refused = Fault::Status(500, "Could not find task runner".to_owned());
    Rule::on("/restart", refused)
}

fn denied() -> Rule {
    Rule::on(
        "/restart",
        Fault::Status(403, "Permission denied".to_owned()),
    )
}

/// The place of one that was written to, whether the write was taken or not.
fn sent(ran: &Ran) -> usize {
    ran.count(|entry| entry.path.ends_with("/restart"))
}

#[tokio::test(start_paused = true)]
async fn an_error_that_stops_lets_nothing_start_and_what_is_in_flight_end() {
    // -on-error=fail needs no -yes, and wins over it.
    for (fault, args, code) in [
        (boom(), &["-on-error=fail"][..], 4),
        (denied(), &["-on-error=fail"], 1),
        (denied(), &[], 1),
    ] {
        let (cluster, ids) = six().await;
        let args: Vec<_> = args
            .iter()
            .chain(&["-batch-size=3", "-detailed-exitcode"])
            .copied()
            .collect();
        let ran = scene(&cluster, &args)
            .fault(fault.nth(4))
            .run()
            .await
            .ended_with(code)
            .explained("2 not touched.");
        // The fourth took the place of the first that was back; those beside it were joined.
        assert_eq!(ran.touched().len(), sent(&ran) - 1, "{args:?}");
        assert!(away(&ran).iter().all(|it| it.until.is_some()));
        assert!(
            ran.stdout.contains(": Stopping job restart due to "),
            "{}",
            ran.stdout
        );
        assert!(!ran.stderr.contains("in flight"), "{}", ran.stderr);
        assert_eq!(ran.touched(), ids[..ran.touched().len()]);
    }
}

#[tokio::test(start_paused = true)]
async fn tolerated_errors_make_room() {
    for args in [&[][..], &["-max-failures=2"], &["-max-failures=34%"]] {
        let (cluster, ids) = six().await;
        let args: Vec<_> = args
            .iter()
            .chain(&["-batch-size=2", "-detailed-exitcode"])
            .copied()
            .collect();
        let ran = scene(&cluster, &args)
            .fault(boom().calls(2..=3))
            .run()
            .await
            .ended_with(3)
            .explained("4 of 6 allocations restarted, 2 failed.");
        assert_eq!(sent(&ran), 6, "{args:?}");
        assert!(most_away(&ran) <= 2);
        assert!(ran.touched().iter().all(|id| ids.iter().any(|it| it == id)));
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_stop() {
    for (max, after, code, summary) in [
        ("-max-failures=0", 1, 4, "1 failed, "),
        ("-max-failures=1", 2, 4, "2 failed, "),
        ("-max-failures=2", 3, 4, "3 failed, "),
        ("-max-failures=3", 3, 3, "3 failed."),
    ] {
        let (cluster, _) = six().await;
        let ran = scene(&cluster, &[max, "-detailed-exitcode"])
            .fault(boom().calls(1..=3))
            .run()
            .await
            .ended_with(code)
            .explained(summary);
        if code == 4 {
            assert_eq!(sent(&ran), after, "{max}");
            let text = format!(": Stopping job restart due to error: {after} allocation");
            assert!(ran.stdout.contains(&text), "{}", ran.stdout);
        } else {
            assert_eq!(sent(&ran), 6, "{max}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_connection_is_not_sent_any_more() {
    // 42 calls are sent at once, for three seconds; one of them fails at once.
    for args in [&["-on-error=fail"][..], &["-max-failures=0"]] {
        let slow = json!([{"kill_after": "3s", "start_block_for": "4s"}]);
        let cluster = running(&web_with(60, &slow)).await;
        let args: Vec<_> = args.iter().chain(&["-batch-size=100%"]).copied().collect();
        let ran = scene(&cluster, &args)
            .fault(boom().nth(1))
            .run()
            .await
            .ended_with(1);
        assert!(sent(&ran) <= 43, "{}", sent(&ran));
        let summary = format!(
            "{} of 60 allocations restarted, 1 failed, {} not touched.",
            sent(&ran) - 1,
            60 - sent(&ran)
        );
        ran.explained(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_is_brought_to_its_end_with_all_its_tasks() {
    // One call at a time: the window holds four allocations of two tasks each, most of which wait for their turn to be sent.
    let slow = |name| {
        task(
            name,
            &json!([{"kill_after": "1500ms", "start_block_for": "100ms"}]),
        )
    };
    let two = [slow("app"), slow("side")];
    for nth in 1..=6 {
        let cluster = running(&job(&[group("web", 6, &two)])).await;
        let args = [
            "-batch-size=4",
            "-task=app",
            "-task=side",
            "-max-connections=4",
            "-on-error=fail",
        ];
        let ran = scene(&cluster, &args).fault(boom().nth(nth)).run().await;
        let ran = ran.ended_with(1).explained("not touched");
        assert!(!ran.stderr.contains("in flight"), "{nth}\n{}", ran.stderr);
        // Both tasks or none of each; the one that was refused reached no allocation.
        let touched = ran.touched();
        let halves = touched
            .iter()
            .filter(|id| touched.iter().filter(|other| other == id).count() == 1);
        assert!(halves.count() <= 1, "{nth} {touched:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_one_that_fails_is_not_followed_by_a_stop() {
    let (cluster, _) = six().await;
    let ran = scene(&cluster, &["-on-error=fail", "-batch-size=2"])
        .fault(boom().nth(6))
        .run()
        .await
        .ended_with(1)
        .explained("5 of 6 allocations restarted, 1 failed.");
    assert!(!ran.stdout.contains("Stopping"), "{}", ran.stdout);
}

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
