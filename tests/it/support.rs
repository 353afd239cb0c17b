//! What the end-to-end tests share: a cluster behind an address, and output with ids and times taken out.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Agent, Entry};

pub(crate) use crate::program::{Program, Ran, Running};

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

    fn serve(make: impl FnOnce() -> Cluster + Send + 'static, socket: Option<PathBuf>) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let agent = Agent::new(make());
                // Both servers listen until they are dropped.
                let (_tcp, _unix, address) = if let Some(path) = socket {
                    let server = nomad_sim::front::serve_unix(agent.clone(), &path).unwrap();
                    let address = server.url();
                    (None, Some(server), address)
                } else {
                    let any_port = ([127, 0, 0, 1], 0).into();
                    let server = nomad_sim::front::serve(agent.clone(), any_port)
                        .await
                        .unwrap();
                    let address = server.url();
                    (Some(server), None, address)
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
