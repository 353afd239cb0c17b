//! A simulated Nomad cluster, held to recordings of a real one.
