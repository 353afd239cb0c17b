//! A simulated Nomad cluster, held to recordings of a real one.
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

pub mod api;
pub mod cluster;
pub mod demo;
pub mod front;
pub mod model;
