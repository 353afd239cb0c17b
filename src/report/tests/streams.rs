//! Streams that fail, and what is said without the thread.

use std::io::{ErrorKind, Write};

use super::*;

/// A stream that fails like this.
struct Broken(ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn no_input() -> Box<dyn BufRead + Send> {
    Box::new(std::io::empty())
}

#[tokio::test]
async fn a_closed_stdout_is_told_to_the_run() {
    // N64
    let (stderr, screen) = Screen::open(TERMINAL);
    let io = Io::new(
        Broken(ErrorKind::BrokenPipe),
        stderr.stderr,
        no_input,
        TERMINAL,
    );
    let (reporter, task) = start_with(io, ticking_clock(), false, false);
    reporter.emit(EventKind::Warning("something".to_owned()));
    reporter.emit(EventKind::Selected { allocations: 2 });
    reporter.stdout_closed().await;
    // What goes to stderr still gets there; no question can be seen.
    reporter.emit(EventKind::Warning("something else".to_owned()));
    assert_eq!(reporter.ask(NEXT_BATCH).await, Answer::EndOfInput);
    assert_eq!(task.finish(), OutputState::StdoutClosed);
    assert_eq!(
        screen.stderr(),
        "    2023-02-28T17:36:31-05:00: Warning: something\n    \
             2023-02-28T17:36:33-05:00: Warning: something else\n"
    );
}

#[tokio::test]
async fn a_stdout_that_fails_is_said_once_on_stderr() {
    // D69, N64: `>/dev/full`
    let (stderr, screen) = Screen::open(TERMINAL);
    let io = Io::new(
        Broken(ErrorKind::StorageFull),
        stderr.stderr,
        no_input,
        TERMINAL,
    );
    let (reporter, task) = start_with(io, ticking_clock(), false, false);
    reporter.emit(EventKind::Selected { allocations: 1 });
    reporter.emit(completed(&["a0000000"]));
    assert_eq!(task.finish(), OutputState::Failed);
    insta::assert_snapshot!(screen.stderr(), @"Error writing to standard output: no storage space");
}

#[tokio::test]
async fn a_stderr_that_fails_is_no_success() {
    let io = Io::new(
        std::io::sink(),
        Broken(ErrorKind::StorageFull),
        no_input,
        TERMINAL,
    );
    let (reporter, task) = start_with(io, ticking_clock(), false, false);
    reporter.emit(EventKind::Warning("something".to_owned()));
    assert_eq!(task.finish(), OutputState::Failed);
}

#[test]
fn help_into_a_closed_pipe_ends_quietly() {
    let (stderr, screen) = Screen::open(TERMINAL);
    let mut io = Io::new(
        Broken(ErrorKind::BrokenPipe),
        stderr.stderr,
        no_input,
        TERMINAL,
    );
    assert_eq!(print_text(&mut io, "Usage"), OutputState::Fine);
    assert_eq!(screen.stderr(), "");
}

#[test]
fn help_onto_a_full_disk_is_an_error() {
    let (stderr, screen) = Screen::open(TERMINAL);
    let mut io = Io::new(
        Broken(ErrorKind::StorageFull),
        stderr.stderr,
        no_input,
        TERMINAL,
    );
    assert_eq!(print_text(&mut io, "Usage"), OutputState::Failed);
    assert_eq!(
        screen.stderr(),
        "Error writing to standard output: no storage space\n"
    );
}

#[test]
fn a_usage_error_is_a_message_and_its_hints() {
    let (mut io, screen) = Screen::open(TERMINAL);
    let hints = ["Use -yes".to_owned(), "For help".to_owned()];
    print_usage_error(
        &mut io,
        "flag provided but not defined: -n\u{1b}[2Jope",
        &hints,
    );
    assert_eq!(print_text(&mut io, "v1\n"), OutputState::Fine);
    assert_eq!(
        screen.stderr(),
        "flag provided but not defined: -nope\nUse -yes\nFor help\n"
    );
    assert_eq!(screen.stdout(), "v1\n");
}

#[tokio::test]
async fn colours_go_around_each_line() {
    // N65
    let (io, screen) = Screen::open(TERMINAL);
    let settings = Settings {
        color: ColorChoice {
            no_color: false,
            force_color: true,
        },
        env: &Env::from_pairs([("NO_COLOR", "1")]),
        verbose: true,
        yes: false,
        tolerant: false,
        progress: Progress::Auto,
        clock: ticking_clock(),
    };
    let (reporter, task) = start(io, &settings);
    reporter.emit(EventKind::Selected { allocations: 1 });
    reporter.emit(started("a0000000"));
    reporter.emit(EventKind::StatusChanged {
        allocation: "a0000000".into(),
        status: "pending".to_owned(),
    });
    screen.type_text("n\n");
    reporter.ask(Question::Interrupt).await;
    reporter.emit(EventKind::BatchErrors {
        errors: vec![error("a0000000", "boom")],
    });
    assert_eq!(task.finish(), OutputState::Fine);
    let visible = |text: String| text.replace('\u{1b}', "^");
    insta::assert_snapshot!(visible(screen.stdout()), @r#"
    ^[1m==> 2023-02-28T17:36:31-05:00: Restarting 1 allocation^[0m
        2023-02-28T17:36:32-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    ^[38;5;8m    2023-02-28T17:36:33-05:00: Allocation "a0000000" is "pending"^[0m
    ^[1m==> 2023-02-28T17:36:34-05:00: Restart interrupted, no more allocations will be restarted.^[0m
    ^[1m                               Are you sure you want to stop the restart process? [y/N]^[0m
    "#);
    insta::assert_snapshot!(visible(screen.stderr()), @r#"
    ^[38;5;11m^[1m==> 2023-02-28T17:36:35-05:00: 1 error occurred while restarting job:^[0m
    ^[38;5;11m^[1m                               * Error restarting allocation "a0000000": boom^[0m
    "#);
}
