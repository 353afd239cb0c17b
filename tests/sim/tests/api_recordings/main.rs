//! The API against recordings of a real agent's answers: each recorded request is sent to a simulated
//! cluster at its recorded time, and the answers are compared: status, headers, texts, keys, values.

mod compare;
mod replay;

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
