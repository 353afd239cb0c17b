//! Recordings of older servers, from 1.6.10 to 1.11.2: what they do and print otherwise. They begin when the job has been running for
//! a while.

use nomad_sim::cluster::{Behaviour, Selector, Timing};
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::{MS, TOLERANCE, done_at_once, ended_by_sigint, whole};
use crate::replay::{Setting, conforms};

const OLD: [Version; 2] = [Version::V1_6, Version::V1_10];

fn steady(version: Version, job: Value) -> Setting {
    Setting {
        version,
        steady: Some(job),
        ..Setting::default()
    }
}

fn named(version: Version, recording: &str) -> String {
    format!("{}-{recording}", version.text())
}

fn group(name: &str, count: u32, task: &Value) -> Value {
    json!({"Name": name, "Count": count, "EphemeralDisk": {"SizeMB": 10}, "Tasks": [task]})
}

fn task(driver: &str, config: &Value) -> Value {
    json!({"Name": "app", "Driver": driver, "Config": config, "KillTimeout": 2_000_000_000,
        "Resources": {"CPU": 10, "MemoryMB": 10},
        "LogConfig": {"Disabled": true, "MaxFiles": 1, "MaxFileSizeMB": 1}})
}

fn script() -> Value {
    task("raw_exec", &json!({"command": "/bin/sh"}))
}

fn system(id: &str, min_healthy: i64) -> Value {
    let app = task("mock_driver", &json!({"run_for": "1h"}));
    let groups = ["g0", "g1"].map(|name| {
        let mut group = group(name, 1, &app);
        group["Update"] = update(min_healthy);
        group
    });
    json!({"ID": id, "Name": id, "Type": "system", "Datacenters": ["dc1"], "TaskGroups": groups})
}

fn update(min_healthy: i64) -> Value {
    json!({"MaxParallel": 10, "MinHealthyTime": min_healthy, "HealthyDeadline": 20_000_000_000_i64,
        "ProgressDeadline": 40_000_000_000_i64, "HealthCheck": "task_states"})
}

fn service(id: &str, groups: &[Value]) -> Value {
    let groups = groups.iter().cloned().map(|mut group| {
        group["Update"] = update(500_000_000);
        group["Migrate"] = json!({"MaxParallel": 1, "HealthCheck": "task_states",
            "MinHealthyTime": 2_000_000_000, "HealthyDeadline": 20_000_000_000_i64});
        group
    });
    json!({"ID": id, "Name": id, "Type": "service", "Datacenters": ["dc1"],
        "TaskGroups": groups.collect::<Vec<_>>()})
}

#[tokio::test(start_paused = true)]
async fn d01_system_jobs_have_no_deployment_and_no_health() {
    for version in OLD {
        let mut setting = steady(version, system("d01-sys", 500_000_000));
        // Was the stop's evaluation complete when the evaluate call came, a few milliseconds later?
        setting.timing.evaluated = match version {
            Version::V1_6 => (8 * MS, 9 * MS),
            _ => (MS / 2, MS),
        };
        conforms(&named(version, "d01-system-stop-evaluate"), setting, whole).await;
    }
}

#[tokio::test(start_paused = true)]
async fn d06_so_nothing_replaces_what_is_stopped_early() {
    for version in OLD {
        let setting = steady(version, system("d06-sys", 6_000_000_000));
        conforms(
            &named(version, "d06-system-stop-in-deployment"),
            setting,
            whole,
        )
        .await;
    }
}

fn batch() -> (Value, Selector, Selector) {
    let groups = [group("run", 2, &script()), group("done", 1, &script())];
    let job = json!({"ID": "d04-batch", "Name": "d04-batch", "Type": "batch",
        "Datacenters": ["dc1"], "TaskGroups": groups});
    let of = |group: &str| Selector {
        group: Some(group.to_owned()),
        ..Selector::job("d04-batch")
    };
    (job, of("run"), of("done"))
}

#[tokio::test(start_paused = true)]
async fn d04_batch_allocations_that_are_stopped_end_failed_on_1_10() {
    for version in OLD {
        let (job, run, done) = batch();
        let quick = run.clone().replacements();
        let setting = steady(version, job)
            .rule(run, ended_by_sigint())
            .rule(done, done_at_once())
            .later(9.0, quick, done_at_once());
        conforms(&named(version, "d04-batch-stop"), setting, whole).await;
    }
}

#[tokio::test(start_paused = true)]
async fn d04_batch_allocations_that_are_stopped() {
    let (_, run, done) = batch();
    let quick = run.clone().replacements();
    let setting = Setting::default()
        .rule(run, ended_by_sigint())
        .rule(done, done_at_once())
        .later(9.0, quick, done_at_once());
    conforms("d04-batch-stop", setting, |run| {
        run.check_answers(TOLERANCE);
        run.check_nodes();
        run.check_shapes();
        // Nomad goes on counting what was stopped with reschedule=true among what it ignores.
        let uncounted = |lines: Vec<String>| -> Vec<String> {
            let counts = ["run.Ignore:1", "run.Ignore:2", "run.Ignore:3"];
            let without = |line: String| {
                counts
                    .iter()
                    .fold(line, |line, count| line.replace(count, ""))
            };
            lines.into_iter().map(without).collect()
        };
        assert_eq!(
            uncounted(run.simulated_transactions()),
            uncounted(run.recorded_transactions())
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn c05_a_replacement_that_fails_has_no_health_on_1_6() {
    let mut spec = group("web", 1, &script());
    spec["RestartPolicy"] = json!({"Attempts": 0, "Interval": 60_000_000_000_i64, "Delay": 1_000_000_000, "Mode": "fail"});
    spec["ReschedulePolicy"] = json!({"Attempts": 0, "Interval": 0, "Unlimited": false});
    let job = || Selector::job("c05-noresched");
    let setting = steady(Version::V1_6, service("c05-noresched", &[spec]))
        .rule(job(), ended_by_sigint())
        .rule(job().replacements(), Behaviour::exits_after(0, 7));
    conforms("1.6.10-c05-replacement-fails-for-good", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn c06_late_placements_begin_no_deployment() {
    for version in OLD {
        let groups = [group("web", 2, &script()), group("api", 1, &script())];
        let setting = steady(version, service("c06-noplace", &groups));
        conforms(&named(version, "c06-placement-ineligible"), setting, whole).await;
    }
}

#[tokio::test(start_paused = true)]
async fn y_evaluations_of_system_jobs_of_two_groups_fail_on_1_11_2() {
    let setting = Setting {
        timing: Timing::default(),
        ..steady(Version::V1_11_2, system("y2-sys", 500_000_000))
    };
    conforms("1.11.2-y-system-evaluate-2", setting, |run| {
        run.check_answers(TOLERANCE);
        // The recorded stop also loses the group's state in the deployment, which is what no scheduler gets over later.
        let without = |lines: Vec<String>| -> Vec<String> {
            let objects = |line: &String| {
                let kept = line
                    .split("; ")
                    .filter(|told| !told.starts_with("deployment"));
                kept.collect::<Vec<_>>().join("; ")
            };
            lines.iter().map(objects).collect()
        };
        assert_eq!(
            without(run.simulated_transactions()),
            without(run.recorded_transactions())
        );
    })
    .await;
}
