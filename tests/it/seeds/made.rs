//! Scenes made by hand, on the stage of the drawn ones: an operator at a terminal, on virtual time.

use std::time::Duration;

use nomad_sim::model::Version;
use serde_json::json;

use super::checks;
use super::plot::{Command, Group, Part, Plot, Reply, Task, When};
use super::stage::{Run, perform};
use super::trace;

/// Three allocations that are restarted one after the other, at a terminal; each needs five seconds.
fn scene() -> Plot {
    let app = Task {
        name: "app",
        part: Part::Main,
        kill_timeout: Duration::from_secs(5),
        shutdown_delay: Duration::ZERO,
        rules: vec![json!({"kill_after": "1s", "start_block_for": "4s"})],
        checks: Vec::new(),
    };
    let web = Group {
        name: "web",
        count: 3,
        tasks: vec![app],
        shutdown_delay: Duration::ZERO,
        restarts: 2,
        mode: "fail",
        reschedules: Some(0),
    };
    Plot {
        seed: 0,
        calm: true,
        version: Version::V2_0,
        nodes: 1,
        namespace: "default",
        kind: "service",
        groups: vec![web],
        stream: true,
        chunk: 16 * 1024,
        latency: Duration::ZERO,
        stopped_before: 0,
        age: Duration::from_secs(60),
        deploying: None,
        command: Command::default(),
        terminal: true,
        answers: Vec::new(),
        faults: Vec::new(),
        outages: Vec::new(),
        rewind: None,
        actors: Vec::new(),
        signals: Vec::new(),
        stdout_lines: None,
    }
}

fn after(writes: usize, millis: u64) -> When {
    When {
        writes,
        then: Duration::from_millis(millis),
    }
}

/// Performs it; every invariant holds.
#[track_caller]
fn played(plot: Plot) -> Run {
    let run = perform(plot);
    let broken = checks::check(&run);
    assert!(
        broken.is_empty(),
        "{broken:#?}\n{}",
        trace::transcript(&run)
    );
    run
}

#[test]
fn a_no_to_the_interrupt_question_lets_the_run_go_on() {
    // N58: in a batch, between two batches, and in a window.
    let pauses = Some(super::plot::Wait::For(Duration::from_secs(20)));
    for (window, wait, millis) in [(false, None, 500), (false, pauses, 9000), (true, None, 500)] {
        for reply in [Reply::No, Reply::Empty, Reply::Nonsense] {
            let mut plot = scene();
            plot.command.window = window;
            plot.command.wait = wait;
            plot.signals = vec![(after(1, millis), 2)];
            // What is no answer is asked about once more.
            plot.answers = vec![
                (Duration::from_secs(30), reply),
                (Duration::from_secs(1), Reply::No),
            ];
            let run = played(plot);
            assert_eq!(run.code, Some(0), "{}", trace::transcript(&run));
            let writes = run.truth.writes[run.before..].iter();
            let second = writes.map(|write| write.time.since(run.started)).nth(1);
            assert!(second >= Some(Duration::from_secs(30)), "{second:?}");
        }
    }
}

#[test]
fn two_interrupt_questions_in_one_run_are_two_questions() {
    let mut plot = scene();
    plot.calm = false;
    plot.signals = vec![(after(1, 500), 2), (after(2, 500), 2)];
    plot.answers = vec![
        (Duration::from_secs(20), Reply::No),
        (Duration::from_secs(20), Reply::Yes),
    ];
    let run = played(plot);
    assert_eq!(run.code, Some(130), "{}", trace::transcript(&run));
    assert_eq!(run.truth.writes[run.before..].len(), 2);
}
