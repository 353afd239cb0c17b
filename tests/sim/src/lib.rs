//! A simulated Nomad cluster, held to recordings of a real one.

pub mod cluster;
pub mod model;
