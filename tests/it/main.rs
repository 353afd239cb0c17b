//! The integration tests: the real binary against the simulated cluster over HTTP, one file per topic; and, in `memory`, the whole program but HTTP on virtual time.

mod connection;
mod faults;
mod golden;
mod jobs;
mod lookup;
mod memory;
mod program;
mod streams;
mod support;
#[cfg(unix)]
mod terminal;
mod tls;
mod usage;
