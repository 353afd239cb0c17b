//! nomad-restart.
