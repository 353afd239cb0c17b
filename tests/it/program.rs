//! The real binary: started with an environment of its own, watched, disturbed, and held to what it printed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use rexpect::session::{Options, PtySession, spawn_with_options};

/// Longer than any run in these tests takes; a program that hangs fails its test instead of the whole suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// The real binary with an environment of its own, stdin closed, stdout and stderr taken.
#[derive(Debug)]
pub(crate) struct Program(Command);

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    status: ExitStatus,
}

impl Program {
    pub(crate) fn new(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = Command::new(binary());
        command.args(args);
        Self(command).surrounded()
    }

    /// A shell that runs `script`, in which `$PROGRAM` is the binary; for what only a shell can do to its streams.
    pub(crate) fn shell(script: &str) -> Self {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", script]);
        Self(command)
            .surrounded()
            .env("PROGRAM", binary())
            .env("PATH", &std::env::var("PATH").unwrap())
    }

    fn surrounded(mut self) -> Self {
        // A backtrace must never reach an operator, whatever the environment says.
        self.0
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .env("TZ", "America/New_York")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, stdin: Stdio) -> Self {
        self.0.stdin(stdin);
        self
    }

    /// Runs to the end.
    pub(crate) fn run(self) -> Ran {
        self.spawn().wait()
    }

    /// Starts at a pseudo-terminal of its own, which all three streams are. It does not echo, and shows no colours
    /// unless `TERM` is set.
    pub(crate) fn at_a_terminal(mut self) -> PtySession {
        for set in [Command::stdin, Command::stdout, Command::stderr] {
            set(&mut self.0, Stdio::inherit());
        }
        if !self.0.get_envs().any(|(name, _)| name == "TERM") {
            self.0.env("TERM", "dumb");
        }
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
        let options = Options::new().timeout_ms(Some(patience));
        spawn_with_options(self.0, options).unwrap()
    }

    /// Starts, to be watched and disturbed.
    pub(crate) fn spawn(mut self) -> Running {
        let mut child = self.0.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().map(|stdout| {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stdout);
                loop {
                    let mut line = String::new();
                    match lines.read_line(&mut line) {
                        Ok(0) => return,
                        Ok(_) => sender.send(line).unwrap_or_default(),
                        Err(error) => panic!("stdout is no text: {error}"),
                    }
                }
            })
        });
        let stderr = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut text = String::new();
                stderr.read_to_string(&mut text).unwrap();
                text
            })
        });
        Running {
            child,
            lines,
            seen: String::new(),
            stdout,
            stderr,
        }
    }
}

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_nomad-restart")
}

/// A program on its way.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it printed on stdout so far.
    seen: String,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Waits for a line on stdout that contains `text`.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let found = line.contains(text);
                    self.seen.push_str(&line);
                    if found {
                        return;
                    }
                }
                Err(error) => panic!("{error} before {text:?}:\n{}", self.seen),
            }
        }
    }

    /// Sends a signal by its name (`INT`).
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ran {
        // The reader's end is the end of the program, or a little before it.
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push_str(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.signal("KILL");
                    panic!("no end within {PATIENCE:?} of:\n{}", self.seen);
                }
            }
        }
        if let Some(stdout) = self.stdout.take() {
            stdout.join().unwrap();
        }
        Ran {
            stdout: self.seen,
            stderr: self
                .stderr
                .take()
                .map_or_else(String::new, |stderr| stderr.join().unwrap()),
            status: self.child.wait().unwrap(),
        }
    }
}

impl Ran {
    /// The exit code; `None` if a signal killed the program.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails with everything that was printed unless the program ended with this code by itself.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            Some(code),
            "signal: {:?}\nstdout:\n{}\nstderr:\n{}",
            self.status.signal(),
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless exactly this was printed on stderr.
    #[track_caller]
    pub(crate) fn said(self, stderr: &str) -> Self {
        assert_eq!(self.stderr, stderr, "stdout:\n{}", self.stdout);
        self
    }

    /// Fails unless nothing was printed on stdout.
    #[track_caller]
    pub(crate) fn printed_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "stderr:\n{}", self.stderr);
        self
    }

    /// Fails unless everything was restarted.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        let ran = self.ended_with(0);
        assert!(
            ran.stdout
                .ends_with("\n\nAll allocations restarted successfully!\n"),
            "{}",
            ran.stdout
        );
        ran
    }
}
