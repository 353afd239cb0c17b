//! The thread, its order, and the questions, on a screen without a terminal.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::event::{Ending, Finish, Summary, Target};

const TERMINAL: Terminal = Terminal {
    stdin: true,
    stdout: true,
    stderr: true,
};

/// A clock that a test moves: each look is one second later, so that a stamp tells when it was taken.
fn ticking_clock() -> Clock {
    let now = Mutex::new(DateTime::parse_from_rfc3339("2023-02-28T17:36:30-05:00").unwrap());
    Arc::new(move || {
        let mut now = now.lock().unwrap();
        *now += chrono::TimeDelta::seconds(1);
        *now
    })
}

fn open(terminal: Terminal) -> (Reporter, ReportTask, Screen) {
    let (io, screen) = Screen::open(terminal);
    let (reporter, task) = start(
        io,
        &Settings {
            color: ColorChoice::default(),
            env: &Env::from_pairs([("NO_COLOR", "1")]),
            verbose: false,
            yes: false,
            progress: Progress::Auto,
            clock: ticking_clock(),
        },
    );
    (reporter, task, screen)
}

fn started(allocation: &str) -> EventKind {
    EventKind::AllocationStarted {
        allocation: allocation.into(),
        group: "web".to_owned(),
        what: Target::RunningTasks,
    }
}

fn next_batch() -> Question {
    Question::NextBatch { durations: true }
}

fn ignore_errors() -> Question {
    Question::IgnoreErrors {
        unrecoverable: true,
        durations: false,
    }
}

#[tokio::test]
async fn a_run_without_questions() {
    let (reporter, task, screen) = open(TERMINAL);
    reporter.emit(EventKind::Selected { allocations: 1 });
    reporter.emit(started("a0000000-1111"));
    reporter.emit(EventKind::Finished(Finish {
        how: Ending::Completed,
        errors: Vec::new(),
        summary: Summary {
            eligible: 1,
            done: vec!["a0000000-1111".into()],
            ..Summary::default()
        },
    }));
    assert_eq!(task.finish(), OutputState::Fine);
    insta::assert_snapshot!(screen.stdout(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 1 allocation
        2023-02-28T17:36:32-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    ==> 2023-02-28T17:36:33-05:00: Finished job restart

    All allocations restarted successfully!
    "#);
    assert_eq!(screen.stderr(), "");
}

#[tokio::test]
async fn an_answer() {
    let (reporter, task, screen) = open(TERMINAL);
    screen.type_text("y\n");
    assert_eq!(reporter.ask(next_batch()).await, Answer::Yes);
    task.finish();
    insta::assert_snapshot!(screen.shown(), @"==> 2023-02-28T17:36:31-05:00: Proceed with next batch? [Y/n/<duration>] y");
}
