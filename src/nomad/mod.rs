//! Nomad's HTTP API as far as this program uses it: configuration, requests, answers, errors. It knows nothing of restarts or batches.

pub(crate) mod config;
pub(crate) mod json;
pub mod transport;
