//! The integration tests: the real binary against the simulated cluster over HTTP, one file per topic.

mod connection;
mod golden;
mod jobs;
mod lookup;
mod program;
mod streams;
mod support;
mod tls;
mod usage;
