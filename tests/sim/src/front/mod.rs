//! The ways into the simulated cluster: [`MemoryFront`] answers calls in the same process, under paused
//! time too; [`serve`] answers HTTP/1.1 on TCP, [`serve_unix`] on a Unix socket. All go the same way:
//! limit of connections, outages, faults, API, encoding.
//!
//! An [`Agent`] holds what a front needs beside the cluster: the plan of [`Faults`], an [`Outage`], the
//! limit of connections, the record of requests, access control.

mod agent;
mod answer;
mod encode;
mod faults;
mod http;
mod indexes;
mod journal;
mod limiter;
mod memory;
mod outage;
mod spoil;
mod stream;
mod wire;

pub use agent::Agent;
pub use answer::{Answer, Body, Broken};
pub use faults::{After, Fault, Faults, Rule, StreamEnd, StreamFault};
pub use http::{Server, serve};
#[cfg(unix)]
pub use http::{UnixServer, serve_unix};
pub use journal::Entry;
pub use memory::MemoryFront;
pub use outage::Outage;
