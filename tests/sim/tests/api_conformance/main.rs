//! The API and its fronts: against recordings of a real agent's answers, and as a client sees them.

mod acl;
mod acl_recorded;
#[path = "../shared/calls.rs"]
mod calls;
#[path = "../shared/clusters.rs"]
mod clusters;
mod collected;
mod compare;
mod connections;
mod faults;
mod http;
mod logs;
mod queries;
mod replay;
mod support;

use replay::replay;

/// Look-ups, wrong paths, invalid values, methods, errors, information endpoints; a job stopped, purged
/// and registered again.
#[tokio::test(start_paused = true)]
async fn look_ups_and_errors_are_answered_as_recorded() {
    let problems = replay("a-lookup").await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What the `nomad` command line asks for.
#[tokio::test(start_paused = true)]
async fn the_command_line_is_answered_as_recorded() {
    let problems = replay("m-command-line-reads").await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
