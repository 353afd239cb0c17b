//! The jobs of the demo cluster, as an operator would register them. The key `simulate` in a task's
//! configuration says how its processes behave; the tasks' driver never looks at it.

use serde_json::{Value, json};

use super::{BAD_REPLACEMENT, CRASH_LOOP, EXAMPLE, SLOW_START, STRANDED, STUBBORN, UNHEALTHY};

const SECOND: i64 = 1_000_000_000;

struct Task<'a> {
    name: &'a str,
    image: &'a str,
    simulate: Value,
    kill_timeout: i64,
}

fn task(task: &Task<'_>) -> Value {
    json!({"Name": task.name, "Driver": "docker",
        "Config": {"image": task.image, "simulate": task.simulate},
        "KillTimeout": task.kill_timeout * SECOND,
        "Resources": {"CPU": 200, "MemoryMB": 256}})
}

fn group(name: &str, count: u32, tasks: &[Value]) -> Value {
    json!({"Name": name, "Count": count, "Tasks": tasks,
        "EphemeralDisk": {"SizeMB": 300},
        "Update": {"MaxParallel": 1, "HealthCheck": "task_states", "MinHealthyTime": 10 * SECOND,
                   "HealthyDeadline": 300 * SECOND, "ProgressDeadline": 600 * SECOND},
        "Migrate": {"MaxParallel": 1, "HealthCheck": "task_states",
                    "MinHealthyTime": 10 * SECOND, "HealthyDeadline": 300 * SECOND}})
}

fn job(id: &str, datacenter: &str, groups: &[Value]) -> Value {
    json!({"ID": id, "Name": id, "Type": "service", "Datacenters": [datacenter],
        "TaskGroups": groups})
}

/// Two groups that obey: they end within two seconds and start within two.
pub(super) fn example(proxies: u32) -> Value {
    let web = Task {
        name: "server",
        image: "registry.example.com/shop/web:4.2",
        simulate: json!([{"start_block_for": "1200ms", "kill_after": "900ms"}]),
        kill_timeout: 5,
    };
    let proxy = Task {
        name: "envoy",
        image: "registry.example.com/shop/proxy:1.31",
        simulate: json!([{"start_block_for": "700ms", "kill_after": "1500ms"}]),
        kill_timeout: 5,
    };
    job(
        EXAMPLE,
        "dc1",
        &[
            group("web", 2, &[task(&web)]),
            group("proxy", proxies, &[task(&proxy)]),
        ],
    )
}

/// Runs, but its image has been deleted from the registry since: no new allocation can start. Nomad
/// tries one more allocation and then gives up.
pub(super) fn bad_replacement() -> Value {
    let api = Task {
        name: "api",
        image: "registry.example.com/shop/api:7.0",
        simulate: json!([{"start_block_for": "800ms"},
            {"replacement": true, "start_error":
                "Failed to pull `registry.example.com/shop/api:7.0`: manifest unknown"}]),
        kill_timeout: 5,
    };
    let mut group = group("api", 2, &[task(&api)]);
    group["ReschedulePolicy"] = json!({"Attempts": 1, "Interval": 3600 * SECOND,
        "Delay": 5 * SECOND, "DelayFunction": "constant", "Unlimited": false});
    job(BAD_REPLACEMENT, "dc1", &[group])
}

/// Runs on the only node of its datacenter, which takes no new allocations any more.
pub(super) fn stranded() -> Value {
    let worker = Task {
        name: "worker",
        image: "registry.example.com/batch/worker:2.9",
        simulate: json!([{"start_block_for": "500ms"}]),
        kill_timeout: 5,
    };
    job(STRANDED, "dc2", &[group("worker", 2, &[task(&worker)])])
}

/// Its configuration changed on disk: the old process never noticed, every new one exits at once.
pub(super) fn crash_loop() -> Value {
    let importer = Task {
        name: "importer",
        image: "registry.example.com/shop/importer:5.1",
        simulate: json!([{"start_block_for": "300ms"},
            {"start_from": 2, "run_for": "20ms", "exit_code": 78, "stderr":
                "importer 5.1 starting\nreading /etc/importer.toml\nfatal: line 7: unknown key `interval_seconds`\n"}]),
        kill_timeout: 5,
    };
    let mut group = group("importer", 1, &[task(&importer)]);
    group["RestartPolicy"] = json!({"Attempts": 3, "Interval": 1800 * SECOND, "Delay": 2 * SECOND,
        "Mode": "fail"});
    group["ReschedulePolicy"] = json!({"Attempts": 0, "Unlimited": false});
    job(CRASH_LOOP, "dc1", &[group])
}

/// Reads a large index before it is there.
pub(super) fn slow_start() -> Value {
    let index = Task {
        name: "search",
        image: "registry.example.com/shop/search:3.3",
        simulate: json!([{"start_block_for": "6s"}]),
        kill_timeout: 5,
    };
    job(SLOW_START, "dc1", &[group("search", 3, &[task(&index)])])
}

/// Finishes what it is doing before it obeys the signal.
pub(super) fn stubborn() -> Value {
    let queue = Task {
        name: "queue",
        image: "registry.example.com/shop/queue:1.8",
        simulate: json!([{"start_block_for": "1s", "kill_after": "6s"}]),
        kill_timeout: 10,
    };
    job(STUBBORN, "dc1", &[group("queue", 2, &[task(&queue)])])
}

/// Its database moved: a process that starts now runs, and answers its check with an error.
pub(super) fn unhealthy() -> Value {
    let cart = Task {
        name: "cart",
        image: "registry.example.com/shop/cart:2.4",
        simulate: json!([{"start_block_for": "500ms", "listens_after": "1s"},
            {"start_from": 2, "check_code": 503,
             "check_output": "cannot reach the database at db-1:5432\ncause: connection refused"}]),
        kill_timeout: 5,
    };
    let mut task = task(&cart);
    task["Services"] = json!([{"Name": "cart", "Provider": "nomad", "PortLabel": "http", "Checks": [
        {"Name": "http", "Type": "http", "Path": "/health", "Interval": 2 * SECOND,
         "Timeout": SECOND}]}]);
    let mut group = group("cart", 2, &[task]);
    group["Migrate"] = json!({"MaxParallel": 1, "HealthCheck": "checks",
        "MinHealthyTime": 3 * SECOND, "HealthyDeadline": 15 * SECOND});
    job(UNHEALTHY, "dc1", &[group])
}
