//! A simulated Nomad cluster, held to recordings of a real one.
//!
//! The crate is a model of Nomad 2.0.5, or of an older one ([`model::Version`]), for service jobs (and, as far as the same rules hold, batch and
//! system jobs): servers with tables, indexes, an evaluation broker and a scheduler; client nodes with
//! tasks that start, crash, ignore signals and end; the reports between them, with their delays. It
//! knows nothing of any program that uses it.
//!
//! ```text
//! front   requests in, answers out: in memory, over TCP, on a Unix socket; faults by plan
//!   │
//! api     the HTTP API: routes, parameters, blocking queries, access control, texts of errors
//!   │
//! cluster what happens: tables, broker, scheduler, nodes, tasks; the record of what is true
//!   │
//! model   Nomad's objects and their JSON
//! ```
//!
//! [`demo`] is a cluster with jobs that have been running for hours. The command `nomad-sim` serves it.
//!
//! # Time
//! A cluster lives on tokio's time. Under `#[tokio::test(start_paused = true)]` it is deterministic for
//! a seed and takes no real time; without, it runs in real time. Its driver is a task on the current
//! runtime. The clock of the nodes and of the servers is one ([`cluster::Cluster::now`]).
//!
//! # Using it in a test
//! ```
//! use std::time::Duration;
//! use nomad_sim::cluster::{Behaviour, Cluster, Config, Selector};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # tokio::time::pause();
//! let cluster = Cluster::new(Config::seeded(7).with_nodes(3));
//! cluster
//!     .register(&json!({"ID": "web", "TaskGroups": [{"Name": "web", "Count": 2,
//!         "Tasks": [{"Name": "app", "Driver": "raw_exec", "Config": {"command": "/bin/web"}}]}]}))
//!     .unwrap();
//! tokio::time::sleep(Duration::from_secs(30)).await;
//!
//! // The next start of every task of this job takes four seconds.
//! cluster.behave(Selector::job("web").start_from(2), Behaviour::starts_after(4_000_000_000));
//! let id = cluster.read(|state| state.allocations().next().unwrap().id.clone());
//! let called = cluster.now();
//! cluster.restart_allocation(&id, "", false).await.unwrap();
//! assert!(cluster.now().since(called) < Duration::from_secs(1));
//!
//! tokio::time::sleep(Duration::from_secs(10)).await;
//! let truth = cluster.truth();
//! assert_eq!(truth.restarts(&id).count(), 1);
//! let processes = truth.processes(&id, "app");
//! let (old, new) = (&processes[0], &processes[1]);
//! assert!(new.started.unwrap().since(old.ended.unwrap()) >= Duration::from_secs(4));
//! assert!(new.visible >= new.started);
//! # }
//! ```
//! - **Writes** are methods of [`cluster::Cluster`] named after the endpoints; errors carry status and
//!   text of the real agent. [`cluster::Cluster::restart_allocation`] resolves when the old processes
//!   are gone and goes on when its future is dropped.
//! - **Reads** go through [`cluster::Cluster::read`] and show what the API would show: a node's news
//!   arrive with its next report. The closure holds the cluster's lock, so it must not call the cluster.
//!   [`cluster::Cluster::until`] waits for a condition.
//! - **Behaviour** of processes comes from the job's driver configuration, from the extra key `simulate`
//!   in a task's `Config`, or from [`cluster::Cluster::behave`]; see [`cluster::Behaviour`].
//! - **Nodes** become ineligible, drain, die and come back ([`cluster::Cluster::set_eligible`],
//!   [`cluster::Cluster::drain`], [`cluster::Cluster::kill_agent`], [`cluster::Cluster::start_agent`]).
//! - **Truth** ([`cluster::Cluster::truth`]) is what really happened: every write in order and when it
//!   was done, every process with its start, its end and when the API first showed it. No front shows it.
//! - **Changes** ([`cluster::State::changes`]) are all transactions in order, as an event stream tells them.
//!
//! A restart that is answered 200 without effect is a truth of Nomad and needs no switch: restart an
//! allocation none of whose tasks runs (`start_block_for` keeps one pending).
//!
//! # What it is held to
//! `tests/conformance` sends the requests of recordings of a real agent at their times and compares
//! answers, transactions in order, task events and JSON keys with null and omission.
//!
//! # Left out
//! Canaries and promotion, preemption, of `disconnect` blocks all but `lost_after` (nothing replaces what
//! is unknown, and it stays unknown for as long as its node is away), multi-region jobs, checks of
//! services (a health check of `checks` looks at the tasks only), leader elections among servers (an
//! agent can be told that there is no leader: [`front::Outage`]), and the times of garbage collection (which
//! [`cluster::Cluster::collect_garbage`] does at once).

pub mod api;
pub mod cluster;
pub mod demo;
pub mod front;
pub mod model;
