//! What the end-to-end tests share: a cluster behind an address, the real binary, and its output with ids and times taken out.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::Agent;

/// Longer than any run in these tests takes; a program that hangs fails its test instead of the whole suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// A simulated cluster behind an HTTP address, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) agent: Agent,
    pub(crate) address: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    /// Serves the cluster that `make` builds.
    pub(crate) fn start(make: impl FnOnce() -> Cluster + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server =
                    nomad_sim::front::serve(Agent::new(make()), ([127, 0, 0, 1], 0).into())
                        .await
                        .unwrap();
                sender.send((server.agent().clone(), server.url())).unwrap();
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

    /// The real binary, pointed at this cluster.
    pub(crate) fn program<const N: usize>(&self, args: [&str; N]) -> Program {
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

/// The real binary with an environment of its own, stdin closed, stdout and stderr taken.
#[derive(Debug)]
pub(crate) struct Program(Command);

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Program {
    pub(crate) fn new<const N: usize>(args: [&str; N]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nomad-restart"));
        // A backtrace must never reach an operator, whatever the environment says.
        command
            .args(args)
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .env("TZ", "America/New_York");
        Self(command)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Ran {
        let child = self
            .0
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let id = child.id();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        match receiver.recv_timeout(PATIENCE) {
            Ok(output) => Ran::new(&output.unwrap()),
            Err(_) => {
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
                panic!("the program did not end within {PATIENCE:?}");
            }
        }
    }
}

impl Ran {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Fails with everything that was printed unless the program ended with this code.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
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
            out.push_str(&format!("\"<id {number}>\""));
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
