//! What a simulated cluster is made of, and how fast its parts are.

use crate::model::{Time, Version};

/// How to build a cluster. Start from [`Config::default`]: one node, seed 0, lifelike times.
#[derive(Clone, Debug)]
pub struct Config {
    /// Every id and every latency follows from it.
    pub seed: u64,
    /// Which Nomad it is.
    pub version: Version,
    /// Wall time at the start; `None` is the real time.
    pub start: Option<Time>,
    pub nodes: Vec<NodeConfig>,
    pub timing: Timing,
    /// How many transactions the change log keeps.
    pub history: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            version: Version::default(),
            start: None,
            nodes: vec![NodeConfig::named("node-1")],
            timing: Timing::default(),
            history: 100_000,
        }
    }
}

impl Config {
    /// The default with this seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// With this version of Nomad on all agents.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// With `count` nodes named `node-1`, `node-2`, …
    #[must_use]
    pub fn with_nodes(mut self, count: usize) -> Self {
        self.nodes = (1..=count)
            .map(|n| NodeConfig::named(&format!("node-{n}")))
            .collect();
        self
    }
}

/// One client node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub name: String,
    pub datacenter: String,
    pub class: String,
    pub pool: String,
    /// MHz.
    pub cpu: u64,
    pub memory_mb: u64,
    pub disk_mb: u64,
    pub drivers: Vec<String>,
    /// For constraints on `${meta.…}`.
    pub meta: Vec<(String, String)>,
}

impl NodeConfig {
    /// A roomy node of datacenter `dc1` with the drivers `mock_driver`, `raw_exec` and `docker`.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            datacenter: "dc1".to_owned(),
            class: String::new(),
            pool: "default".to_owned(),
            cpu: 400_000,
            memory_mb: 400_000,
            disk_mb: 258_019,
            drivers: ["docker", "mock_driver", "raw_exec"]
                .map(str::to_owned)
                .into(),
            meta: Vec::new(),
        }
    }
}

/// Latencies in nanoseconds; a pair is the range of a uniform draw. The defaults are what the
/// recordings show.
#[derive(Clone, Debug)]
pub struct Timing {
    /// From the creation of an evaluation to its plan's transaction.
    pub plan: (i64, i64),
    /// From the plan's transaction to the completed evaluation.
    pub evaluated: (i64, i64),
    /// From a completed evaluation to the cancellation of those it made needless.
    pub cancel: (i64, i64),
    /// From a transaction to the node's hearing of it.
    pub fetch: (i64, i64),
    /// Pause between two looks of a node at what it has to report.
    pub tick: i64,
    /// A report without a new `ClientStatus` waits for every so manieth tick.
    pub slow_ticks: u32,
    /// How long the servers collect reports for one transaction.
    pub collect: i64,
    /// From `Received` to `Task Setup`.
    pub setup: (i64, i64),
    /// From `Task Setup` to `Started`, the first time.
    pub first_start: (i64, i64),
    /// From `Restarting` (and its delay) to `Started`.
    pub next_start: (i64, i64),
    /// From the signal to the exit of a process that obeys it.
    pub exit: (i64, i64),
    /// From `Terminated` to `Restarting`, which is when a restart call is answered.
    pub reap: (i64, i64),
    /// From a deployment's news to the watcher's evaluation.
    pub watcher: i64,
    /// How long the watcher collects evaluations for one transaction.
    pub watcher_collect: i64,
}

const MS: i64 = 1_000_000;

impl Default for Timing {
    fn default() -> Self {
        Self {
            plan: (MS * 3 / 2, MS * 2),
            evaluated: (MS * 3, MS * 5),
            cancel: (MS, MS * 2),
            fetch: (MS * 6, MS * 10),
            tick: 200 * MS,
            slow_ticks: 5,
            collect: 50 * MS,
            setup: (4 * MS, 9 * MS),
            first_start: (60 * MS, 95 * MS),
            next_start: (40 * MS, 65 * MS),
            exit: (10 * MS, 100 * MS),
            reap: (3 * MS, 4 * MS),
            watcher: 1000 * MS,
            watcher_collect: 250 * MS,
        }
    }
}
