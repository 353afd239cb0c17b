//! A simulated cluster that works as fast as a test wants, with the jobs that the questions need.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Config, Selector, Timing};
use nomad_sim::front::{Entry, Fault, Rule};
use nomad_sim::model::{Allocation, ClientStatus};
use serde_json::{Value, json};

use crate::support::Served;

const MS: i64 = 1_000_000;
/// Longer than anything in these clusters takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Three allocations that end and start in no time.
pub(super) const WEB: &str = "web";
/// One allocation of another job whose id begins like [`WEB`].
pub(super) const STAGING: &str = "web-staging";
/// One allocation of a job with two regions.
pub(super) const GLOBAL: &str = "shop-global";

/// The cluster, once all its allocations run.
pub(super) fn served() -> Served {
    let served = Served::start(|| {
        let cluster = Cluster::new(Config {
            timing: quick(),
            ..Config::seeded(7)
        });
        let mut global = job(GLOBAL, 1);
        global["Multiregion"] =
            json!({"Strategy": null, "Regions": [{"Name": "global"}, {"Name": "west"}]});
        for job in [job(WEB, 3), job(STAGING, 1), global] {
            cluster.register(&job).unwrap();
        }
        cluster
    });
    until(&served, |cluster| running(cluster, |_| true) == 5);
    served
}

/// The same with so many allocations of [`WEB`] and nothing else.
pub(super) fn crowd(count: u32) -> Served {
    let served = Served::start(move || {
        let cluster = Cluster::new(Config {
            timing: quick(),
            ..Config::seeded(7)
        });
        cluster.register(&job(WEB, count)).unwrap();
        cluster
    });
    until(&served, |cluster| {
        running(cluster, |_| true) == count as usize
    });
    served
}

/// A tenth of what real nodes and servers need, and less.
fn quick() -> Timing {
    Timing {
        tick: 20 * MS,
        slow_ticks: 1,
        collect: 5 * MS,
        first_start: (10 * MS, 15 * MS),
        next_start: (5 * MS, 10 * MS),
        exit: (2 * MS, 5 * MS),
        watcher: 50 * MS,
        watcher_collect: 10 * MS,
        ..Timing::default()
    }
}

/// Without an update strategy there is no deployment to wait for.
fn job(id: &str, count: u32) -> Value {
    json!({"ID": id, "Name": id, "Type": "service", "Datacenters": ["dc1"], "TaskGroups": [{
        "Name": "web", "Count": count, "Update": {"MaxParallel": 0},
        "Tasks": [{"Name": "server", "Driver": "docker", "KillTimeout": 20_000 * MS,
                   "Config": {"image": "registry.example.com/shop/web:4.2"},
                   "Resources": {"CPU": 100, "MemoryMB": 64}}]}]})
}

/// How many of these allocations run.
pub(super) fn running(cluster: &Cluster, which: impl Fn(&Allocation) -> bool) -> usize {
    cluster.read(|state| {
        state
            .allocations()
            .filter(|it| it.client == ClientStatus::Running && which(it))
            .count()
    })
}

/// Waits for a fact in the cluster; looks again after each of its transactions.
pub(super) fn until(served: &Served, what: impl Fn(&Cluster) -> bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let wait = async {
        let mut index = served.cluster().watch();
        while !what(served.cluster()) {
            index.changed().await.unwrap();
        }
    };
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, wait).await })
        .expect("the cluster never came to what the test waits for");
}

/// Lets the job's processes take so long to end.
pub(super) fn die_slowly(served: &Served, milliseconds: i64) {
    let behaviour = Behaviour::dies_after(milliseconds * MS);
    served.cluster().behave(Selector::job(WEB), behaviour);
}

/// Lets the processes of replacements take so long to start.
pub(super) fn start_slowly(served: &Served, milliseconds: i64) {
    let behaviour = Behaviour::starts_after(milliseconds * MS);
    let replacements = Selector::job(WEB).replacements();
    served.cluster().behave(replacements, behaviour);
}

/// Lets the nth restart or stop from now on be refused with this text.
pub(super) fn refuse(served: &Served, nth: u64, status: u16, text: &str) {
    let fault = Fault::Status(status, text.to_owned());
    let writes = |method: &http::Method, path: &str, _: &str| {
        method == http::Method::PUT && (path.ends_with("/restart") || path.ends_with("/stop"))
    };
    served
        .agent
        .faults()
        .add(Rule::on("", fault).when(writes).nth(nth));
}

/// The restarts and stops that were sent, in order.
pub(super) fn writes(served: &Served) -> Vec<Entry> {
    let mut requests = served.agent.requests();
    requests.retain(|entry| {
        entry.method == "PUT" && (entry.path.ends_with("/restart") || entry.path.ends_with("/stop"))
    });
    requests
}

/// Waits until the first allocation that was written to runs again and the API shows it.
pub(super) fn first_is_back(served: &Served) {
    until(served, |cluster| {
        let writes = writes(served);
        let Some(id) = writes.first().and_then(|it| it.path.split('/').nth(4)) else {
            return false;
        };
        cluster.read_truth(|truth| {
            let processes = truth.processes(id, "server");
            processes.len() == 2 && processes[1].visible.is_some()
        })
    });
}
