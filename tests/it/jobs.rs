//! The jobs that the end-to-end tests restart: small, quick, and running before a test begins.

use nomad_sim::cluster::{Cluster, Config, Timing};
use nomad_sim::model::ClientStatus;
use serde_json::{Value, json};

use crate::support::{Served, runtime};

const MS: i64 = 1_000_000;

/// A cluster that reports quickly, so that a restart is seen within a fraction of a second.
pub(crate) fn cluster(seed: u64) -> Cluster {
    Cluster::new(config(seed))
}

pub(crate) fn config(seed: u64) -> Config {
    Config {
        timing: Timing {
            tick: 20 * MS,
            slow_ticks: 2,
            collect: 5 * MS,
            exit: (5 * MS, 20 * MS),
            ..Timing::default()
        },
        ..Config::seeded(seed).with_nodes(3)
    }
}

/// A service job with these groups, each of so many allocations of one task, `app`, that runs for good. It makes no deployments.
pub(crate) fn service(id: &str, groups: &[(&str, u32)]) -> Value {
    let group = |(name, count): &(&str, u32)| {
        json!({"Name": name, "Count": count,
            "Update": {"MaxParallel": 0},
            "Tasks": [{"Name": "app", "Driver": "docker", "Config": {"image": "app"},
                       "Resources": {"CPU": 10, "MemoryMB": 10}}]})
    };
    json!({"ID": id, "Name": id, "Type": "service", "Datacenters": ["dc1"],
        "TaskGroups": groups.iter().map(group).collect::<Vec<_>>()})
}

/// The same job in another namespace.
pub(crate) fn in_namespace(mut job: Value, namespace: &str) -> Value {
    job["Namespace"] = namespace.into();
    job
}

/// Makes the processes of all the job's tasks behave so: the key `simulate` of [`nomad_sim::cluster::Behaviour`].
pub(crate) fn simulated(mut job: Value, rules: &Value) -> Value {
    for group in job["TaskGroups"].as_array_mut().unwrap() {
        for task in group["Tasks"].as_array_mut().unwrap() {
            task["Config"]["simulate"] = rules.clone();
        }
    }
    job
}

/// Serves a cluster in which these jobs run.
pub(crate) fn serving(jobs: impl IntoIterator<Item = Value>) -> Served {
    serving_seeded(1, jobs)
}

pub(crate) fn serving_seeded(seed: u64, jobs: impl IntoIterator<Item = Value>) -> Served {
    let served = Served::start(move || cluster(seed));
    for job in jobs {
        if let Some(namespace) = job["Namespace"].as_str() {
            served.agent.create_namespace(namespace, "");
        }
        served.cluster().register(&job).unwrap();
    }
    settle(&served);
    served
}

/// Waits until everything that is meant to run runs.
pub(crate) fn settle(served: &Served) {
    runtime().block_on(served.cluster().until(|state| {
        let settled = state.evaluations().all(|it| it.status != "pending")
            && state.allocations().all(|it| {
                it.client.is_terminal()
                    || (it.client == ClientStatus::Running && !it.server_terminal())
            });
        settled.then_some(())
    }));
}
