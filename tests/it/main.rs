//! The integration tests: the real binary against the simulated cluster over HTTP, one file per topic; and, in `memory`, the whole
//! program but HTTP on virtual time. `scenarios` tells which scenario of the peer's catalogue is tested where, or why it is not.

mod connection;
mod examples;
mod faults;
mod gaps;
#[cfg(unix)]
mod generate;
mod golden;
mod jobs;
mod json;
mod lookup;
mod memory;
mod options;
#[cfg(unix)]
mod picture;
mod program;
mod real_nomad;
mod scenarios;
mod seeds;
mod streams;
mod support;
mod system;
#[cfg(unix)]
mod terminal;
mod tls;
mod usage;
mod wire;
