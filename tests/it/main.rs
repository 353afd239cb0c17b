//! The integration tests: the real binary against the simulated cluster over HTTP, one file per topic.

mod golden;
mod support;
#[cfg(unix)]
mod terminal;
