//! The thread, its order, and the questions, on a screen without a terminal.

mod dialogues;
mod session;
mod streams;
mod transcripts;

use std::io::BufRead;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::event::{Ending, Finish, RunError, Summary, Target, Trouble};

const TERMINAL: Terminal = Terminal {
    stdin: true,
    stdout: true,
    stderr: true,
};

/// Each look is one second later, so that a stamp tells when it was taken.
fn ticking_clock() -> Clock {
    let now = Mutex::new(DateTime::parse_from_rfc3339("2023-02-28T17:36:30-05:00").unwrap());
    Arc::new(move || {
        let mut now = now.lock().unwrap();
        *now += chrono::TimeDelta::seconds(1);
        *now
    })
}

fn start_with(io: Io, clock: Clock, yes: bool, verbose: bool) -> (Reporter, ReportTask) {
    let settings = Settings {
        color: ColorChoice::default(),
        env: &Env::from_pairs([("NO_COLOR", "1")]),
        verbose,
        yes,
        tolerant: false,
        progress: Progress::Auto,
        clock,
    };
    start(io, &settings)
}

fn open(terminal: Terminal) -> (Reporter, ReportTask, Screen) {
    let (io, screen) = Screen::open(terminal);
    let (reporter, task) = start_with(io, ticking_clock(), false, false);
    (reporter, task, screen)
}

fn started(allocation: &str) -> EventKind {
    EventKind::AllocationStarted {
        allocation: allocation.into(),
        group: "web".to_owned(),
        what: Target::RunningTasks,
    }
}

fn error(allocation: &str, text: &str) -> RunError {
    RunError {
        allocation: Some(allocation.into()),
        text: text.to_owned(),
        unrecoverable: false,
        trouble: Trouble::Failure,
    }
}

fn completed(done: &[&str]) -> EventKind {
    EventKind::Finished(Finish {
        how: Ending::Completed,
        cause: None,
        errors: Vec::new(),
        summary: Summary {
            eligible: done.len(),
            done: done.iter().copied().map(Into::into).collect(),
            ..Summary::default()
        },
        resume: None,
    })
}

/// Waits until the screen shows the text, while other tasks go on.
async fn seen(screen: &Screen, text: &'static str) {
    let screen = screen.clone();
    tokio::task::spawn_blocking(move || screen.wait_for(text))
        .await
        .unwrap();
}

const NEXT_BATCH: Question = Question::NextBatch { durations: true };
const IGNORE_ERRORS: Question = Question::IgnoreErrors {
    unrecoverable: false,
    durations: false,
};

#[tokio::test]
async fn each_answer_is_passed_on() {
    // N61
    for (typed, question, expected) in [
        ("y\n", NEXT_BATCH, Answer::Yes),
        ("  YES \r\n", NEXT_BATCH, Answer::Yes),
        ("\n", NEXT_BATCH, Answer::Yes),
        ("n\n", NEXT_BATCH, Answer::No),
        ("10s\n", NEXT_BATCH, Answer::Pause(Duration::from_secs(10))),
        ("\n", IGNORE_ERRORS, Answer::No),
        ("\n", Question::Interrupt, Answer::No),
        ("Yes\n", Question::Interrupt, Answer::Yes),
        // The last line counts without a line end too.
        ("y", IGNORE_ERRORS, Answer::Yes),
        ("", NEXT_BATCH, Answer::EndOfInput),
    ] {
        let (reporter, task, screen) = open(TERMINAL);
        screen.type_text(typed);
        screen.end_input();
        assert_eq!(reporter.ask(question).await, expected, "{typed:?}");
        assert_eq!(task.finish(), OutputState::Fine);
    }
}

#[tokio::test]
async fn an_invalid_answer_is_asked_again_with_a_new_stamp() {
    // N61, D66
    let (reporter, task, screen) = open(TERMINAL);
    for _ in 0..9 {
        screen.type_text("perhaps\n");
    }
    screen.type_text(" Maybe \"so\"\n");
    screen.type_text("2s\n");
    assert_eq!(
        reporter.ask(NEXT_BATCH).await,
        Answer::Pause(Duration::from_secs(2))
    );
    task.finish();
    let shown = screen.shown();
    assert_eq!(shown.matches("Invalid answer \"perhaps\"\n").count(), 9);
    let last: Vec<_> = shown.lines().skip(18).collect();
    insta::assert_snapshot!(last.join("\n"), @r#"
    ==> 2023-02-28T17:36:40-05:00: Proceed with next batch? [Y/n/<duration>]  Maybe "so"
                                   Invalid answer "Maybe \"so\""
    ==> 2023-02-28T17:36:41-05:00: Proceed with next batch? [Y/n/<duration>] 2s
    "#);
}

#[tokio::test]
async fn several_questions_share_one_input() {
    // D68
    let (reporter, task, screen) = open(TERMINAL);
    screen.type_text("y\nn\n");
    screen.end_input();
    assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::Yes);
    assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::No);
    assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::EndOfInput);
    assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::EndOfInput);
    task.finish();
}

#[tokio::test]
async fn nothing_is_printed_behind_an_open_question() {
    // 5.9.11
    let (reporter, task, screen) = open(TERMINAL);
    reporter.emit(EventKind::Selected { allocations: 2 });
    let asked = tokio::spawn({
        let reporter = reporter.clone();
        async move { reporter.ask(Question::Interrupt).await }
    });
    seen(&screen, "[y/N]").await;
    // Stamped at 17:36:33, shown after the answer.
    reporter.emit(started("a0000000"));
    screen.type_text("perhaps\n");
    screen.wait_for("Invalid answer");
    assert!(!screen.shown().contains("a0000000"));
    screen.type_text("n\n");
    assert_eq!(asked.await.unwrap(), Answer::No);
    task.finish();
    insta::assert_snapshot!(screen.shown(), @r#"
    ==> 2023-02-28T17:36:31-05:00: Restarting 2 allocations
    ==> 2023-02-28T17:36:32-05:00: Restart interrupted, no more allocations will be restarted.
                                   Are you sure you want to stop the restart process? [y/N] perhaps
                                   Invalid answer "perhaps"
    ==> 2023-02-28T17:36:34-05:00: Restart interrupted, no more allocations will be restarted.
                                   Are you sure you want to stop the restart process? [y/N] n
        2023-02-28T17:36:33-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    "#);
}

#[tokio::test]
async fn a_question_can_be_called_off_while_it_is_open() {
    let (reporter, task, screen) = open(TERMINAL);
    let asked = tokio::spawn({
        let reporter = reporter.clone();
        async move { reporter.ask(NEXT_BATCH).await }
    });
    seen(&screen, "<duration>]").await;
    reporter.cancel();
    assert_eq!(asked.await.unwrap(), Answer::Interrupted);
    reporter.emit(completed(&["a0000000"]));
    task.finish();
    // The read that nobody answered is still under way.
    let shown = screen.shown().replace(" \n", "\n");
    insta::assert_snapshot!(shown, @"
    ==> 2023-02-28T17:36:31-05:00: Proceed with next batch? [Y/n/<duration>]
    ==> 2023-02-28T17:36:32-05:00: Finished job restart

    All allocations restarted successfully!
    ");
}

#[tokio::test]
async fn a_question_called_off_before_its_turn_is_not_shown() {
    let (reporter, task, screen) = open(TERMINAL);
    let first = reporter.ask(NEXT_BATCH);
    let second = reporter.ask(IGNORE_ERRORS);
    let both = tokio::spawn({
        let reporter = reporter.clone();
        async move { tokio::join!(reporter.ask(NEXT_BATCH), reporter.ask(IGNORE_ERRORS)) }
    });
    // Futures that were never polled ask nothing.
    drop((first, second));
    seen(&screen, "<duration>]").await;
    reporter.cancel();
    assert_eq!(
        both.await.unwrap(),
        (Answer::Interrupted, Answer::Interrupted)
    );
    task.finish();
    assert!(!screen.shown().contains("Ignore the errors"));
}

#[tokio::test]
async fn dropping_the_future_calls_the_question_off() {
    let (reporter, task, screen) = open(TERMINAL);
    let asked = tokio::spawn({
        let reporter = reporter.clone();
        async move { reporter.ask(NEXT_BATCH).await }
    });
    seen(&screen, "<duration>]").await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    reporter.emit(EventKind::Notice("still here".to_owned()));
    screen.wait_for("still here");
    // What is typed for the question that is over answers no other one.
    screen.type_text("n\n");
    screen.wait_for("n\n");
    task.finish();
}

#[tokio::test]
async fn ending_calls_open_questions_off() {
    let (reporter, task, screen) = open(TERMINAL);
    let asked = tokio::spawn({
        let reporter = reporter.clone();
        async move { reporter.ask(NEXT_BATCH).await }
    });
    seen(&screen, "<duration>]").await;
    drop(task);
    assert_eq!(asked.await.unwrap(), Answer::Interrupted);
    assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::EndOfInput);
}

#[tokio::test]
async fn without_a_terminal_nothing_is_asked_and_stdin_is_left_alone() {
    // D80, N63
    for terminal in [
        Terminal {
            stdin: false,
            ..TERMINAL
        },
        Terminal {
            stdout: false,
            ..TERMINAL
        },
    ] {
        let stdin = || -> Box<dyn BufRead + Send> { panic!("stdin was opened") };
        let io = Io::new(std::io::sink(), std::io::sink(), stdin, terminal);
        let (reporter, task) = start_with(io, ticking_clock(), false, false);
        assert!(!reporter.interactive());
        assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::EndOfInput);
        assert_eq!(task.finish(), OutputState::Fine);
    }
}

#[tokio::test]
async fn stdin_is_left_alone_without_a_question() {
    let stdin = || -> Box<dyn BufRead + Send> { panic!("stdin was opened") };
    let io = Io::new(std::io::sink(), std::io::sink(), stdin, TERMINAL);
    let (reporter, task) = start_with(io, ticking_clock(), false, false);
    reporter.emit(completed(&["a0000000"]));
    assert_eq!(task.finish(), OutputState::Fine);
}
