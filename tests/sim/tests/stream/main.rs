//! The event stream: against recordings of a real agent, and with everything that can go wrong with it.

mod basics;
#[path = "../shared/clusters.rs"]
mod clusters;
mod faults;
mod positions;
mod recorded;
mod rights;
mod support;
mod topics;
mod wire;
