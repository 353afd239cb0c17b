//! Nomad's HTTP API as far as this program uses it: configuration, requests, answers, errors. It knows nothing of restarts or batches.

mod address;
mod answer;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod events;
mod exchange;
pub(crate) mod json;
pub(crate) mod limiter;
mod list;
mod proxy;
pub(crate) mod request;
pub(crate) mod retry;
#[cfg(test)]
mod script;
pub(crate) mod secret;
pub(crate) mod text;
mod tls;
pub mod transport;
pub(crate) mod wire;
