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
//! Recordings of real agents, by the tests of this crate: `conformance` sends their requests at their times and compares answers,
//! transactions in order, task events, evaluations and JSON keys with null and omission; `api_conformance` compares status,
//! headers and bodies over the API; `stream` compares event streams.
//!
//! | recording | what is compared |
//! |---|---|
//! | a, m | every answer over the API |
//! | b01–b13, c01–c06, c08–c10, d01, d04–d06, e01–e04, f02–f06 | answers, transactions, task events, keys; of e the results of the checks in their order |
//! | c07 | each registration with what its evaluations say |
//! | d02, d03, d07 | that pairs of stop and evaluate lose a replacement, that one more evaluate repairs it, and that stops followed by one evaluate lose none; which pair loses it is chance |
//! | g, g2 | every endpoint with every token; streams that are refused |
//! | h01, h02 | figures of the connection limit; when blocking queries wake |
//! | h04, h05 | streams line by line; a reader that is lost |
//! | i, k02, k03 | answers while agents are away and after; transactions and what nodes tell, but for what stands below |
//! | k01 | status and texts of the answers |
//! | l | logs, byte by byte |
//! | 1.6.10, 1.10.5, 1.11.2 | of c05, c06, d01, d04, d06 and y what differs from 2.0.5; heads and ends of streams |
//!
//! # What differs
//! - **f01**: canaries and promotion are left out; nothing here restarts a job in the middle of such a deployment but the guard, for
//!   which a running deployment is enough.
//! - **c07**: a system job that no node takes begins no deployment here, a real one begins a deployment of nothing. Meta of nodes does
//!   not change while they run.
//! - **b13, e01**: the services of an allocation are listed as none; only their checks are simulated, `http` and `tcp`, of the provider
//!   `nomad`. Which of a group's main tasks a group's check asks is taken to be the first. All checks of an allocation are run about half a second after
//!   it begins and then at their interval, as far as the recordings show; an answer below 400 is a good one, of which only 200
//!   is recorded.
//! - **d05**: allocations of a sysbatch job that is done count as ignored in evaluations of 2.0.5; older versions are not recorded.
//! - **h03**: sizes of lists follow from their content, which is not as long as the recorded one; what is compressed is.
//! - **i**: a node whose agent comes back in time is not evaluated anew; a real one is, when its server was away too.
//! - **k02**: processes that outlive their agent are taken over by the next one; of those of lost allocations the real one had lost hold, so
//!   that they end with an error of the executor instead of `Killed`.
//! - **k03**: of a `disconnect` block the plain course is simulated: each allocation waits for one evaluation and comes back with the
//!   node. The recorded servers plan a reschedule as well, and evaluate the node three times more; states are the same.
//! - **j**: there is no TLS. Tests of TLS need a server of their own.
//! - **k01**: the agent is a server and a client in one; a client-only agent puts `rpc error: ` in front of texts that a server has
//!   told it. All else that it answers is the same.
//! - **l**: logs are not followed (501); texts for an offset or origin that is none are not recorded.
//! - Meta headers, ids, times and scores have the recorded form, not the recorded values.
//!
//! # Left out
//! Preemption, of `disconnect` blocks all but `lost_after` (nothing replaces what is unknown, and it stays unknown for as long as its
//! node is away), multi-region jobs, checks in Consul, leader elections among servers (an agent can be told that there is
//! no leader: [`front::Outage`]), and the times of garbage collection (which [`cluster::Cluster::collect_garbage`] does at once).

pub mod api;
pub mod cluster;
pub mod demo;
pub mod front;
pub mod model;
