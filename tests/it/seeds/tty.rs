//! The streams of a run on virtual time: what is written is kept with its moment, and lines are typed when a question waits.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use nomad_restart::{Io, Terminal};
use nomad_sim::cluster::Cluster;
use nomad_sim::model::Time;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Stands for a closed stdout.
pub(super) const SIGPIPE: i32 = 13;

/// Something that was seen or done at the terminal, or to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// One piece of output, which may have several lines, without the last line end.
    Out(String),
    Err(String),
    /// A question, and the program waits for a line.
    Prompt(String),
    /// What was typed; `None` is the end of input.
    Typed(Option<String>),
    Signal(i32),
    /// What somebody else did to the cluster.
    Actor(String),
}

/// What happened, with its moment on the cluster's clock. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Log {
    entries: Arc<Mutex<Vec<(Time, Entry)>>>,
    cluster: Cluster,
    runtime: Handle,
}

impl Log {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self {
            entries: Arc::default(),
            cluster,
            runtime: Handle::current(),
        }
    }

    pub(super) fn now(&self) -> Time {
        // The report has a thread of its own, where time is real.
        let _virtual_time = self.runtime.enter();
        self.cluster.now()
    }

    pub(super) fn note(&self, entry: Entry) {
        let now = self.now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push((now, entry));
    }

    pub(super) fn entries(&self) -> Vec<(Time, Entry)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clone()
    }
}

/// The operator's side.
#[derive(Debug)]
pub(super) struct Keyboard {
    /// Questions that wait for a line.
    pub(super) prompts: UnboundedReceiver<()>,
    /// `None` is the end of input.
    pub(super) lines: Sender<Option<String>>,
}

/// The program's streams; stdout takes so many lines, or any number.
pub(super) fn open(log: &Log, interactive: bool, lines_of_stdout: Option<usize>) -> (Io, Keyboard) {
    let (asked, prompts) = unbounded_channel();
    let (lines, typed) = mpsc::channel();
    let page = |is_stdout| Page {
        log: log.clone(),
        asked: UnboundedSender::clone(&asked),
        is_stdout,
        left: lines_of_stdout.filter(|_| is_stdout),
    };
    let terminal = Terminal {
        stdin: interactive,
        stdout: interactive,
        stderr: false,
    };
    let input = move || Box::new(BufReader::new(Typed(typed))) as Box<dyn BufRead + Send>;
    let io = Io::new(page(true), page(false), input, terminal);
    (io, Keyboard { prompts, lines })
}

struct Page {
    log: Log,
    asked: UnboundedSender<()>,
    is_stdout: bool,
    /// How many lines it takes before its reader is gone.
    left: Option<usize>,
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.left {
            Some(0) => {
                self.log.note(Entry::Signal(SIGPIPE));
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
        let entry = match text.strip_suffix('\n') {
            Some(line) if self.is_stdout => Entry::Out(line.to_owned()),
            Some(line) => Entry::Err(line.to_owned()),
            None => Entry::Prompt(text),
        };
        let is_prompt = matches!(entry, Entry::Prompt(_));
        self.log.note(entry);
        if is_prompt {
            // The scene may be over.
            let _ = self.asked.send(());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Typed(Receiver<Option<String>>);

impl Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(Some(line)) = self.0.recv() else {
            return Ok(0);
        };
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}
