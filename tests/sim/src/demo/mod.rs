//! The demo cluster: jobs that have been running for hours on four nodes, one of them as it should
//! be, the others with the troubles that operators know.

mod jobs;

use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, Config, NodeConfig, Past, State};

/// The job that restarts without trouble: groups `web` (2) and `proxy` (3) on three nodes.
pub const EXAMPLE: &str = "example";
/// Its replacements cannot be started: their image is gone.
pub const BAD_REPLACEMENT: &str = "bad-replacement";
/// Its node takes no new allocations: what is stopped cannot be placed again.
pub const STRANDED: &str = "stranded";
/// Its task exits soon after each restart until Nomad gives up.
pub const CRASH_LOOP: &str = "crash-loop";
/// Its task needs several seconds to start.
pub const SLOW_START: &str = "slow-start";
/// Its task ignores the kill signal for several seconds.
pub const STUBBORN: &str = "stubborn";
/// Its check fails after each restart: it runs, and is not healthy.
pub const UNHEALTHY: &str = "unhealthy";

/// All of them.
pub const JOBS: [&str; 7] = [
    EXAMPLE,
    BAD_REPLACEMENT,
    STRANDED,
    CRASH_LOOP,
    SLOW_START,
    STUBBORN,
    UNHEALTHY,
];

const HOUR: Duration = Duration::from_secs(3600);

/// The demo cluster, settled: all allocations run, all deployments are successful, nothing is pending.
///
/// # Panics
/// Outside a tokio runtime.
pub fn cluster(seed: u64) -> Cluster {
    let config = Config {
        nodes: nodes(),
        ..Config::seeded(seed)
    };
    cluster_of(config)
}

/// The demo cluster with another seed, start time or timing; the nodes are always the demo's own.
///
/// # Panics
/// Outside a tokio runtime.
pub fn cluster_of(mut config: Config) -> Cluster {
    config.nodes = nodes();
    // The proxies came after the web servers, so that they are the newer allocations.
    let web_only = jobs::example(0);
    let first = |state: &mut State| register(state, &web_only);
    let scaled = |state: &mut State| {
        let scaled = state.scale("default", EXAMPLE, "proxy", 3);
        debug_assert!(scaled.is_ok(), "{scaled:?}");
    };
    let others = |state: &mut State| {
        for job in [
            jobs::bad_replacement(),
            jobs::stranded(),
            jobs::crash_loop(),
            jobs::slow_start(),
            jobs::stubborn(),
            jobs::unhealthy(),
        ] {
            register(state, &job);
        }
    };
    let closed = |state: &mut State| {
        state.set_eligible("node-4", false);
    };
    let past: [Past<'_>; 4] = [
        (26 * HOUR, &first),
        (25 * HOUR, &scaled),
        (5 * HOUR, &others),
        (2 * HOUR, &closed),
    ];
    Cluster::with_past(config, &past)
}

fn register(state: &mut State, job: &Value) {
    let registered = state.register(job);
    debug_assert!(registered.is_ok(), "{registered:?}");
}

/// Three nodes in datacenter `dc1`, and one in `dc2` that belongs to [`STRANDED`] alone.
fn nodes() -> Vec<NodeConfig> {
    (1..=4)
        .map(|number| {
            let mut node = NodeConfig::named(&format!("node-{number}"));
            (node.cpu, node.memory_mb, node.disk_mb) = (8_000, 16_384, 100_000);
            if number == 4 {
                "dc2".clone_into(&mut node.datacenter);
            }
            node
        })
        .collect()
}

#[cfg(test)]
mod tests;
