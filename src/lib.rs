//! `nomad-restart`: restart or reschedule the allocations of a Nomad job in batches, and say only what is true.
//!
//! This page is for those who read or change the code. The data flows one way:
//!
//! ```text
//! argv ─▶ cli ─▶ plan ─▶ lookup ─▶ rules::selection ─▶ run (batch loop ─▶ one worker per allocation) ─▶ event ─▶ report
//!                           │                              ▲      │                                              │
//!                           ▼                              │      ▼                                        terminal,
//!                      nomad (HTTP) ◀────── watch ──▶ view (what we know)                                  summary, exit code
//! ```
//!
//! | part | knows | never |
//! |---|---|---|
//! | `cli` | what was typed; Go's flag grammar; the help text | the network, the environment beyond what is passed in |
//! | `plan` | typed, validated intent | I/O |
//! | `nomad` | addresses, TLS, tokens, requests, JSON, errors | restarts, batches, printing |
//! | `lookup` | job argument → one job | allocations |
//! | `view` | what is known of the job's allocations, deployments, evaluations | I/O, deciding |
//! | `watch` | keeps the view true; its only writer | deciding anything |
//! | `rules` | pure functions: who is eligible, batches, time limits, the verdict on one allocation, what follows a batch | I/O, clocks, printing |
//! | `run` | the batch loop and the workers | judging, printing |
//! | `event` | the one list of things that can happen, stamped when they happen | formatting |
//! | `report` | the only writer of stdout and stderr and the only reader of stdin | deciding anything |

mod cli;
mod env;
mod event;
mod exit;
mod nomad;
mod plan;
mod report;
mod rules;
mod view;

#[doc(hidden)]
pub use report::{Io, Screen, Terminal};
