//! A simulated Nomad cluster, held to recordings of a real one.

pub mod api;
pub mod cluster;
pub mod demo;
pub mod front;
pub mod model;
