//! Serves the simulated cluster to any Nomad client.
fn main() {}
