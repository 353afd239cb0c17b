//! The integration tests: the real binary against the simulated cluster over HTTP, one file per topic.

mod golden;
mod jobs;
mod memory;
mod support;
mod tls;
mod usage;
