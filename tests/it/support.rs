//! What the end-to-end tests share: a cluster behind an address, the real binary, and its output with ids and times taken out.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Agent, Entry};
use rexpect::session::{Options, PtySession, spawn_with_options};

/// Longer than any run in these tests takes; a program that hangs fails its test instead of the whole suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// A simulated cluster behind an HTTP address, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) agent: Agent,
    pub(crate) address: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves the cluster that `make` builds on a TCP port.
    pub(crate) fn start(make: impl FnOnce() -> Cluster + Send + 'static) -> Self {
        Self::serve(make, None)
    }

    /// Serves it on a Unix socket.
    pub(crate) fn on_socket(path: &Path, make: impl FnOnce() -> Cluster + Send + 'static) -> Self {
        Self::serve(make, Some(path.to_owned()))
    }

    fn serve(
        make: impl FnOnce() -> Cluster + Send + 'static,
        socket: Option<std::path::PathBuf>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let agent = Agent::new(make());
                // Both servers listen until they are dropped.
                let (_tcp, _unix, address) = match socket {
                    Some(path) => {
                        let server = nomad_sim::front::serve_unix(agent.clone(), &path).unwrap();
                        let address = server.url();
                        (None, Some(server), address)
                    }
                    None => {
                        let any_port = ([127, 0, 0, 1], 0).into();
                        let server = nomad_sim::front::serve(agent.clone(), any_port)
                            .await
                            .unwrap();
                        let address = server.url();
                        (Some(server), None, address)
                    }
                };
                sender.send((agent, address)).unwrap();
                // Ends with the sender of the other half, however the test ends.
                let _ended = stopped.await;
            });
        });
        let (agent, address) = receiver.recv().unwrap();
        Self {
            agent,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The cluster itself, for what no client may do or see.
    pub(crate) fn cluster(&self) -> &Cluster {
        self.agent.cluster()
    }

    /// The requests that arrived so far.
    pub(crate) fn requests(&self) -> Vec<Entry> {
        self.agent.requests()
    }

    /// The writes that arrived so far, by the allocation that they were for.
    pub(crate) fn written(&self) -> Vec<String> {
        let puts = self.requests().into_iter().filter(|it| it.method == "PUT");
        puts.filter_map(|it| it.path.split('/').rev().nth(1).map(str::to_owned))
            .collect()
    }

    /// The real binary, pointed at this cluster.
    pub(crate) fn program(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Program {
        Program::new(args).env("NOMAD_ADDR", &self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server's thread has been printed; the test fails by what it misses.
            let _ = thread.join();
        }
    }
}

/// A runtime for the thread of a server, or for a test that waits for its cluster.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

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

/// The text with time stamps as `<TS>` and ids as `<id 1>`, `<id 2>` … in the order in which they appear.
pub(crate) fn normalise(text: &str) -> String {
    let mut names = HashMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(normalise_line(line, &mut names));
    }
    lines.join("\n")
}

fn normalise_line(line: &str, names: &mut HashMap<String, usize>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = stamp(rest) {
            out.push_str("<TS>");
            rest = &rest[length..];
        } else if let Some(id) = quoted_id(rest) {
            let next = names.len() + 1;
            let number = *names.entry(id.to_owned()).or_insert(next);
            out.extend(["\"<id ", &number.to_string(), ">\""]);
            rest = &rest[id.len() + 2..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The length of the time stamp that the text begins with.
fn stamp(text: &str) -> Option<usize> {
    let shape = |length: usize| {
        text.get(..length)
            .filter(|it| chrono::DateTime::parse_from_rfc3339(it).is_ok())
    };
    [25, 20].into_iter().find(|length| shape(*length).is_some())
}

/// The id of eight hexadecimal digits that the text begins with, in quotes.
fn quoted_id(text: &str) -> Option<&str> {
    let id = text.strip_prefix('"')?.get(..8)?;
    (id.chars().all(|c| c.is_ascii_hexdigit()) && text.get(9..10) == Some("\"")).then_some(id)
}

/// Writes a file for a test to point at.
pub(crate) fn file(directory: &tempfile::TempDir, name: &str, content: &str) -> String {
    let path = directory.path().join(name);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
    path.to_str().unwrap().to_owned()
}
