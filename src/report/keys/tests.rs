//! Questions at a real (pseudo-)terminal: this test program runs itself there, with one question to ask.

use std::process::Command;
use std::sync::Arc;

use rexpect::process::Signal;
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::ColorChoice;
use crate::env::Env;
use crate::event::{EventKind, Question};
use crate::plan::Progress;
use crate::report::{Io, Operator, Settings, start};

/// Names the question that the inner run asks.
const ASK: &str = "NOMAD_RESTART_TEST_ASK";
const PATIENCE_MS: u64 = 30_000;

fn question(name: &str) -> Question {
    match name {
        "prefix" => Question::PrefixMatch {
            typed: "web".to_owned(),
            job: "web-staging".to_owned(),
        },
        "region" => Question::MultiRegion {
            job: "web".to_owned(),
        },
        "which" => Question::WhichJob {
            heading:
                "Prefix \"we\" matched multiple jobs\n\nID     Type\nweb    service\nweb-2  batch"
                    .to_owned(),
            choices: vec!["web".to_owned(), "web-2".to_owned()],
        },
        "next" => Question::NextBatch { durations: true },
        "interrupt" => Question::Interrupt,
        _ => panic!("no question {name:?}"),
    }
}

/// Not a test of its own: what the others run at a terminal.
#[tokio::test]
#[ignore = "run by the other tests at a pseudo-terminal"]
async fn inner_run() {
    let env = Env::of_process();
    let Some(question) = env.get(ASK).map(question) else {
        return;
    };
    let mut before = tcgetattr(std::io::stdin()).unwrap();
    // Otherwise Ctrl-C drops what is written at the same moment and not read yet.
    before.local_modes.insert(LocalModes::NOFLSH);
    tcsetattr(std::io::stdin(), OptionalActions::Now, &before).unwrap();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let mut interrupted = signal(SignalKind::interrupt()).unwrap();
    let (reporter, task) = start(
        Io::of_process(),
        &Settings {
            color: ColorChoice {
                no_color: true,
                force_color: false,
            },
            env: &env,
            verbose: false,
            yes: false,
            tolerant: false,
            progress: Progress::Auto,
            clock: Arc::new(|| "2023-02-28T17:36:31-05:00".parse().unwrap()),
        },
    );

    let asked = reporter.ask(question);
    tokio::pin!(asked);
    let answer = tokio::select! {
        answer = &mut asked => answer,
        _ = terminated.recv() => {
            reporter.cancel();
            asked.await
        }
        _ = interrupted.recv() => {
            reporter.cancel();
            asked.await
        }
    };
    reporter.emit(EventKind::Notice(format!("answer: {answer:?}")));
    let after = tcgetattr(std::io::stdin()).unwrap();
    let same = after.local_modes == before.local_modes
        && after.input_modes == before.input_modes
        && after
            .local_modes
            .contains(LocalModes::ICANON | LocalModes::ISIG);
    reporter.emit(EventKind::Notice(format!("same mode: {same}")));
    task.finish();
}

fn at_terminal(ask: &str, term: &str) -> PtySession {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "report::keys::tests::inner_run",
            "--ignored",
            "--nocapture",
        ])
        .env(ASK, ask)
        .env("TERM", term);
    spawn_command(command, Some(PATIENCE_MS)).unwrap()
}

/// Types, and reads what comes to the end.
fn answered(ask: &str, prompt: &str, typed: &str) -> String {
    let mut run = at_terminal(ask, "xterm");
    run.exp_string(prompt).unwrap();
    run.send(typed).unwrap();
    run.flush().unwrap();
    run.exp_eof().unwrap()
}

fn assert_answer(shown: &str, answer: &str) {
    for expected in [&format!("answer: {answer}\r\n"), "same mode: true"] {
        assert!(shown.contains(expected), "{expected:?} not in:\n{shown}");
    }
}

#[test]
fn one_of_several_jobs_is_chosen() {
    for (typed, answer) in [
        ("\r", "Choice(0)"),
        ("\u{1b}[B\r", "Choice(1)"),
        ("j\r", "Choice(1)"),
        ("\u{1b}", "No"),
    ] {
        let shown = answered("which", "  web-2", typed);
        assert_answer(&shown, answer);
    }
}

#[test]
fn control_c_at_the_choice_is_an_interrupt() {
    assert_answer(&answered("which", "  web-2", "\u{3}"), "Interrupted");
}

#[test]
fn a_signal_from_outside_calls_the_choice_off_and_restores_the_terminal() {
    let mut run = at_terminal("which", "xterm");
    run.exp_string("  web-2").unwrap();
    terminate(&mut run);
    let shown = run.exp_eof().unwrap();
    assert_answer(&shown, "Interrupted");
    assert!(shown.contains("\u{1b}[?25h"), "no cursor: {shown:?}");
}

#[test]
fn a_dumb_terminal_gets_questions_in_lines() {
    let mut run = at_terminal("which", "dumb");
    run.exp_string("1. web\r\n2. web-2").unwrap();
    run.exp_string("[1-2] ").unwrap();
    run.send("2\n").unwrap();
    run.flush().unwrap();
    assert_answer(&run.exp_eof().unwrap(), "Choice(1)");
}

#[test]
fn every_other_question_is_answered_with_a_line() {
    for (ask, prompt, typed, answer) in [
        ("prefix", "[y/N] ", "y\n", "Yes"),
        ("region", "[y/N] ", "\n", "No"),
        // Nothing that merely contains a y is a yes.
        ("prefix", "[y/N] ", "maybe\nNo\n", "No"),
        ("region", "[y/N] ", "nay\n Yes \n", "Yes"),
        ("region", "[y/N] ", "\u{4}", "EndOfInput"),
        ("prefix", "[y/N] ", "\u{3}", "Interrupted"),
        ("next", "[Y/n/<duration>] ", "\n", "Yes"),
        ("next", "[Y/n/<duration>] ", "n\n", "No"),
        ("next", "[Y/n/<duration>] ", "later\n1m30s\n", "Pause(90s)"),
        ("interrupt", "[y/N] ", "y\n", "Yes"),
        // ^D, alone and after text: the second one ends the line.
        ("next", "[Y/n/<duration>] ", "\u{4}", "EndOfInput"),
        ("interrupt", "[y/N] ", "y\u{4}\u{4}", "Yes"),
        // ^C becomes the signal, which calls the question off.
        ("next", "[Y/n/<duration>] ", "\u{3}", "Interrupted"),
        ("interrupt", "[y/N] ", "\u{3}", "Interrupted"),
    ] {
        assert_answer(&answered(ask, prompt, typed), answer);
    }
}

#[test]
fn a_signal_from_outside_calls_a_line_question_off() {
    let mut run = at_terminal("next", "xterm");
    run.exp_string("<duration>] ").unwrap();
    terminate(&mut run);
    assert_answer(&run.exp_eof().unwrap(), "Interrupted");
}

fn terminate(run: &mut PtySession) {
    run.process_mut().signal(Signal::SIGTERM).unwrap();
}
