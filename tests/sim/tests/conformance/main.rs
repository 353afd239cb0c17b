//! Holds the simulated cluster to recordings of a real Nomad 2.0.5 agent: the same requests at the
//! same times give the same answers, transactions, task events and JSON keys.

mod recording;
mod replay;
mod shape;
mod trace;

use nomad_sim::cluster::{Behaviour, Selector};
use replay::replay;

#[tokio::test(start_paused = true)]
async fn b01_restart_of_running_tasks() {
    let rules = vec![(
        Selector::job("b01-running").task("init"),
        Behaviour::exits_after(0, 0),
    )];
    replay("b01-restart-running-tasks", rules, vec![])
        .await
        .check(0.11);
}

#[tokio::test(start_paused = true)]
async fn c01_stop_of_a_service_allocation() {
    replay("c01-stop-service", vec![], vec![]).await.check(0.11);
}
