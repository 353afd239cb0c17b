//! Jobs whose commands do in a real cluster what the rules in their `Meta` say in the simulated one.

use serde_json::{Value, json};

const MS: i64 = 1_000_000;

/// A task that runs a command of the shell. `simulate` says the same to the simulated cluster.
fn task(name: &str, script: &str, simulate: &Value) -> Value {
    json!({"Name": name, "Driver": "raw_exec",
        "Config": {"command": "/bin/sh", "args": ["-c", script]},
        "Meta": {"simulate": simulate.to_string()},
        "KillTimeout": 2000 * MS,
        "Resources": {"CPU": 20, "MemoryMB": 16},
        "LogConfig": {"MaxFiles": 1, "MaxFileSizeMB": 1}})
}

/// Runs until a signal ends it.
pub(super) fn runs(name: &str) -> Value {
    let script = "trap 'exit 0' INT TERM; while true; do sleep 0.1; done";
    task(name, script, &json!([]))
}

/// Runs before the main tasks, and is done in a moment.
pub(super) fn prestart(name: &str) -> Value {
    let mut task = task(name, "exit 0", &json!([{"run_for": "5ms", "exit_code": 0}]));
    task["Lifecycle"] = before_the_others();
    task
}

fn before_the_others() -> Value {
    json!({"Hook": "prestart", "Sidecar": false})
}

/// Runs before the main tasks, and is done in a moment; when it is started again it fails.
pub(super) fn prestart_that_fails_later(name: &str) -> Value {
    let script = "flag=\"$NOMAD_ALLOC_DIR/data/started\"; if [ -e \"$flag\" ]; then exit 3; fi; touch \"$flag\"";
    let rules = json!([{"run_for": "5ms", "exit_code": 0}, {"start_from": 2, "exit_code": 3}]);
    let mut task = task(name, script, &rules);
    task["Lifecycle"] = before_the_others();
    task
}

/// A program that is there for its first start only, with the tasks that bring it and take it away.
pub(super) fn cannot_start_again(name: &str) -> [Value; 3] {
    let done = json!([{"run_for": "5ms", "exit_code": 0}]);
    let mut bring = task("bring", "cp /bin/sleep $NOMAD_ALLOC_DIR/data/prog", &done);
    bring["Lifecycle"] = before_the_others();
    let rules = json!([{"start_from": 2, "start_error": "binary could not be found"}]);
    let mut app = task(name, "", &rules);
    app["Config"] = json!({"command": "${NOMAD_ALLOC_DIR}/data/prog", "args": ["100000"]});
    let mut take = task("take", "rm $NOMAD_ALLOC_DIR/data/prog", &done);
    take["Lifecycle"] = json!({"Hook": "poststart", "Sidecar": false});
    [bring, app, take]
}

/// So many allocations of these tasks. A task that fails is started again twice, a failed allocation is not replaced.
pub(super) fn group(name: &str, count: u32, tasks: &[Value]) -> Value {
    json!({"Name": name, "Count": count, "Tasks": tasks, "EphemeralDisk": {"SizeMB": 10},
        "RestartPolicy": {"Attempts": 2, "Interval": 1_800_000 * MS, "Delay": 1000 * MS, "Mode": "fail"},
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": false}})
}

/// A job of these groups.
pub(super) fn job(id: &str, kind: &str, groups: &[Value]) -> Value {
    let mut groups = groups.to_vec();
    for group in &mut groups {
        match kind {
            "service" => {
                group["Migrate"] = json!({"MaxParallel": 10, "HealthCheck": "task_states",
                    "MinHealthyTime": 500 * MS, "HealthyDeadline": 30_000 * MS});
                group["Update"] = update();
            }
            "system" => {
                group["Update"] = update();
                group["ReschedulePolicy"] = Value::Null;
            }
            _ => {}
        }
    }
    json!({"ID": id, "Name": id, "Type": kind, "Datacenters": ["*"], "TaskGroups": groups})
}

/// Deployments are over soon.
fn update() -> Value {
    json!({"MaxParallel": 10, "HealthCheck": "task_states", "MinHealthyTime": 500 * MS,
        "HealthyDeadline": 30_000 * MS, "ProgressDeadline": 60_000 * MS})
}

/// A service job with one group `web` of so many allocations of one task `app` that runs.
pub(super) fn web(id: &str, count: u32) -> Value {
    job(id, "service", &[group("web", count, &[runs("app")])])
}
