//! The cluster of a row, and one run against it.

use std::sync::mpsc;

use nomad_sim::cluster::{Cluster, Config};
use nomad_sim::front::{Agent, serve};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::child::{Command, own_cpu};
use crate::figures::Figures;
use crate::rows::{Row, Starts};

/// The job that is restarted.
pub(crate) const JOB: &str = "web";
/// Its task.
pub(crate) const TASK: &str = "app";

/// What an agent lets one client have.
const CONNECTIONS: usize = 100;

const SECOND: i64 = 1_000_000_000;
/// How long a process takes to exit.
const EXIT_MS: u64 = 100;
/// The median of how long one takes to start.
const START_MS: f64 = 500.0;

/// Builds the cluster, runs the command against it, and compares what it did with what was possible.
pub(crate) fn measure(row: &Row, command: &Command) -> Result<Figures, String> {
    let (sender, receiver) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let specification = job(row);
    let nodes = row.allocations as usize / 100 + 2;
    let server = std::thread::spawn(move || -> Result<(), String> {
        // So that a long answer to one call does not keep the others waiting.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let config = Config::seeded(7).with_nodes(nodes);
            let cluster = Cluster::with_jobs(config, &[specification])
                .map_err(|error| format!("{error:?}"))?;
            let agent = Agent::new(cluster);
            agent.limit_connections(Some(CONNECTIONS));
            let server = serve(agent.clone(), ([127, 0, 0, 1], 0).into())
                .await
                .map_err(|error| error.to_string())?;
            // Nobody waits for it if the other half is gone.
            let _told = sender.send((agent, server.url()));
            let _ended = stopped.await;
            server.shutdown().await;
            Ok(())
        })
    });
    let Ok((agent, address)) = receiver.recv() else {
        let error = server.join().map_or(None, Result::err);
        return Err(error.unwrap_or_else(|| "the simulator ended".to_owned()));
    };
    let before = own_cpu();
    let ended = command.run(row, &address)?;
    let simulator = own_cpu()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let figures = Figures::of(row, &agent, &ended, simulator);
    // It has ended by itself if there is nobody to tell.
    let _stopped = stop.send(());
    match server.join() {
        Ok(result) => result.map(|()| figures),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// One group of one task that starts, stops and writes as many events as ordinary ones do.
fn job(row: &Row) -> Value {
    let mut rules = vec![json!({
        "kill_after": format!("{EXIT_MS}ms"),
        "start_block_for": format!("{START_MS}ms"),
    })];
    if row.starts != Starts::Constant {
        let mut draws = Draws(11);
        rules.extend((0..row.allocations).map(|index| {
            let start = START_MS * (row.starts.sigma() * draws.normal()).exp();
            json!({"index": index, "start_block_for": format!("{start:.0}ms")})
        }));
    }
    let policy = json!({"MaxParallel": row.allocations, "HealthCheck": "task_states", "MinHealthyTime": SECOND,
        "HealthyDeadline": 300 * SECOND, "ProgressDeadline": 600 * SECOND});
    json!({"ID": JOB, "Name": JOB, "Type": "service", "Datacenters": ["dc1"], "TaskGroups": [{
        "Name": JOB, "Count": row.allocations, "EphemeralDisk": {"SizeMB": 10}, "Update": policy,
        "RestartPolicy": {"Attempts": 2, "Interval": 1800 * SECOND, "Delay": SECOND, "Mode": "fail"},
        "Tasks": [{"Name": TASK, "Driver": "docker", "Config": {"image": "app:1", "simulate": rules},
            "KillTimeout": 5 * SECOND, "Resources": {"CPU": 10, "MemoryMB": 10}}],
    }]})
}

/// Random numbers that are the same in every run.
#[derive(Debug)]
struct Draws(u64);

impl Draws {
    /// Evenly between 0 and 1, neither included.
    fn even(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default();
        (f64::from(high) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }

    /// Normal with mean 0 and deviation 1 (Box-Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.even().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.even()).cos()
    }
}
