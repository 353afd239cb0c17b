//! The real binary at a pseudo-terminal: every question with every kind of answer, Ctrl-C and other signals in every phase, and what a
//! terminal shows.
//!
//! Nothing here waits for time to pass: each test waits for a text on the terminal or for a fact in the cluster.

mod cluster;
mod early;
mod emulator;
mod interrupt;
mod live;
mod looks;
mod midrun;
mod screen;
mod session;
mod signals;
mod window;
