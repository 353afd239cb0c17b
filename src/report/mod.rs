//! The only writer of stdout and stderr and the only reader of stdin.
//!
//! Whoever has something to say holds a [`Reporter`]: it stamps events and questions and passes them, in order, to one thread
//! ([`desk`]) that says them ([`human`], [`summary`]) and asks them ([`ask`], [`keys`]). Nothing here decides anything about the run.

mod ask;
mod desk;
mod file;
mod human;
mod io;
mod json;
mod keys;
mod lines;
mod live;
mod output;
mod pace;
mod plain;
mod preview;
mod screen;
mod style;
mod summary;
mod terminal;
mod text;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use chrono::{DateTime, FixedOffset, Local};
use tokio::sync::{oneshot, watch};

use crate::cli::ColorChoice;
use crate::env::Env;
use crate::event::{Answer, Event, EventKind, Question};
use crate::exit;
use crate::nomad::transport::BoxFuture;
use crate::plan::Progress;

pub(crate) use desk::Machine;
use desk::{Ask, Desk, Message, Reply};
pub(crate) use file::ReportFile;
use human::Manner;
pub use io::{Io, Terminal};
pub(crate) use json::Subject;
use lines::Lines;
use live::{Block, Slot, Source};
pub(crate) use live::{InFlight, SHOWN, Snapshot, Turn};
use output::Output;
pub(crate) use output::OutputState;
pub use pace::Pace;
pub(crate) use plain::{print_text, print_usage_error};
pub use screen::Screen;
pub(crate) use style::Colors;
use terminal::TerminalMode;
pub(crate) use text::align;
pub(crate) use text::clean;

/// Where time stamps come from.
pub type Clock = Arc<dyn Fn() -> DateTime<FixedOffset> + Send + Sync>;

/// The system's clock, in the local time zone with the offset that is valid then.
pub(crate) fn local_clock() -> Clock {
    Arc::new(|| Local::now().fixed_offset())
}

/// How to report.
pub(crate) struct Settings<'a> {
    pub(crate) color: ColorChoice,
    pub(crate) env: &'a Env,
    pub(crate) verbose: bool,
    /// The run goes on by itself after errors, so they are shown when they happen.
    pub(crate) yes: bool,
    /// It does so after errors that are not likely to happen again.
    pub(crate) tolerant: bool,
    pub(crate) progress: Progress,
    pub(crate) clock: Clock,
}

/// Starts the thread that reports, to people only.
#[cfg(test)]
fn start(io: Io, settings: &Settings<'_>) -> (Reporter, ReportTask) {
    open(io, settings, None)
}

/// Starts the thread that reports, maybe to machines too. The [`ReportTask`] must be concluded when nothing more is to be said.
pub(crate) fn open(
    io: Io,
    settings: &Settings<'_>,
    machine: Option<Machine>,
) -> (Reporter, ReportTask) {
    let (closed, stdout_closed) = watch::channel(false);
    let (to_desk, inbox) = mpsc::channel();
    let (reply_to, replies) = mpsc::channel();
    let terminal = io.terminal;
    let mode = TerminalMode::default();
    let colors = Colors::decide(settings.color, settings.env, terminal);
    let json = machine.as_ref().is_some_and(|it| it.json);
    // A terminal that cannot redraw a line gets every question in lines, and no live block.
    let capable = settings.env.get("TERM").is_some_and(|term| term != "dumb");
    let (block, slot) = if io.redraws && capable && !json && settings.progress == Progress::Auto {
        let (block, slot) = Block::new(colors.stderr, settings.verbose);
        (Some(block), Some(slot))
    } else {
        (None, None)
    };
    let desk = Desk {
        inbox,
        replies,
        reply_to: reply_to.clone(),
        output: Output::new(io.stdout, io.stderr, colors, closed, block),
        manner: Manner {
            verbose: settings.verbose,
            yes: settings.yes,
            tolerant: settings.tolerant,
            progress: settings.progress,
        },
        clock: Arc::clone(&settings.clock),
        lines: Lines::new(io.stdin),
        own_terminal: io.keys,
        keys: io.keys && capable,
        mode: mode.clone(),
        called_off: 0,
        pace: Arc::clone(&io.pace),
    };
    // Here and not on the thread: a test's clock is only right on the thread of its runtime.
    let now = machine.is_some().then(|| (settings.clock)());
    let reporter = Reporter(Arc::new(Shared {
        to_desk,
        reply_to,
        questions: AtomicU64::new(0),
        clock: Arc::clone(&settings.clock),
        interactive: terminal.interactive() && !json,
        stdout_closed,
        mode,
        live: slot,
        pace: io.pace,
    }));
    // It may begin with a line of its own.
    reporter.0.pace.sent();
    let task = ReportTask {
        reporter: reporter.clone(),
        thread: Some(thread::spawn(move || desk.run(machine.zip(now)))),
    };
    (reporter, task)
}

/// Whom to ask.
pub(crate) trait Operator: Send + Sync {
    /// Whether there is anybody to ask: stdin and stdout are terminals, and stdout is not for machines. Without, a question must be
    /// refused, not asked.
    fn interactive(&self) -> bool;

    /// Asks, after everything that was sent before it was said. Dropping the future calls the question off.
    ///
    /// Ctrl-C is a signal, for whose sake [`Operator::cancel`] is called. Where keys are read one by one (the choice of a job) it is
    /// [`Answer::Interrupted`] and raises SIGINT as well, which a signal stream delivers afterwards: the same Ctrl-C, not a second one.
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer>;

    /// All questions asked so far are over, because a signal came: they are answered with [`Answer::Interrupted`].
    fn cancel(&self);
}

/// The way to the operator, for everybody who has something to say. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<Shared>);

struct Shared {
    to_desk: Sender<Message>,
    reply_to: Sender<Reply>,
    /// How many questions were asked.
    questions: AtomicU64,
    clock: Clock,
    interactive: bool,
    stdout_closed: watch::Receiver<bool>,
    mode: TerminalMode,
    /// What the live block is drawn from, if there is one.
    live: Option<Slot>,
    pace: Arc<Pace>,
}

impl Shared {
    /// # Errors
    /// The thread has ended.
    fn send(&self, message: Message) -> Result<(), ()> {
        self.pace.sent();
        self.to_desk.send(message).map_err(drop)
    }

    fn call_off(&self, last: u64) {
        self.pace.called_off();
        // Without the thread no question is open.
        let _ = self.reply_to.send(Reply::CallOff(last));
    }
}

impl Reporter {
    /// Says that something happened, now.
    pub(crate) fn emit(&self, kind: EventKind) {
        let event = Event {
            at: (self.0.clock)(),
            kind,
        };
        // The thread ends only when the run is over; what is said later has nobody to hear it.
        let _ = self.0.send(Message::Event(Box::new(event)));
    }

    /// Resolves when nobody reads stdout any more; never if that does not happen.
    pub(crate) async fn stdout_closed(&self) {
        let mut closed = self.0.stdout_closed.clone();
        if closed.wait_for(|closed| *closed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether there is a live block to show something in.
    pub(crate) fn shows_live(&self) -> bool {
        self.0.live.is_some()
    }

    /// Shows in the live block what this finds, or, with `None`, no block.
    pub(crate) fn show(&self, source: Option<Source>) {
        if let Some(live) = &self.0.live {
            live.put(source);
        }
    }

    /// Takes the live block away and stops the process, as Ctrl-Z does by itself where there is no block. Returns when it goes on.
    pub(crate) fn stop_process(&self) {
        if let Some(live) = &self.0.live {
            live.stop_process();
        }
    }

    /// Brings the terminal back into the state in which it was found. For a way out that does not finish the [`ReportTask`].
    pub(crate) fn restore_terminal(&self) {
        if let Some(live) = &self.0.live {
            live.close();
        }
        self.0.mode.restore();
    }
}

impl Operator for Reporter {
    fn interactive(&self) -> bool {
        self.0.interactive
    }

    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            if !self.0.interactive {
                return Answer::EndOfInput;
            }
            let (reply, answer) = oneshot::channel();
            let id = self.0.questions.fetch_add(1, Ordering::Relaxed) + 1;
            let ask = Ask {
                id,
                question,
                reply,
            };
            if self.0.send(Message::Ask(ask)).is_err() {
                return Answer::EndOfInput;
            }
            let mut open = OpenQuestion {
                id: Some(id),
                shared: &self.0,
            };
            let answer = answer.await.unwrap_or(Answer::EndOfInput);
            open.id = None;
            answer
        })
    }

    fn cancel(&self) {
        self.0.call_off(self.0.questions.load(Ordering::Relaxed));
    }
}

/// Calls its question off when nobody waits for the answer any more.
struct OpenQuestion<'a> {
    id: Option<u64>,
    shared: &'a Shared,
}

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.call_off(id);
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

/// The thread that reports. Dropping it finishes it too.
#[derive(Debug)]
pub(crate) struct ReportTask {
    reporter: Reporter,
    thread: Option<JoinHandle<OutputState>>,
}

impl ReportTask {
    /// Says everything that was sent and, to machines, how the run ended; calls open questions off, and ends. Gives the exit code:
    /// `code`, unless something could not be written.
    pub(crate) fn conclude(mut self, code: u8) -> u8 {
        let state = self.end(Some(code));
        exit::with_output(code, state)
    }

    /// The same without an end of a run. Tells whether everything could be written.
    #[cfg(test)]
    fn finish(mut self) -> OutputState {
        self.end(None)
    }

    fn end(&mut self, code: Option<u8>) -> OutputState {
        let Some(thread) = self.thread.take() else {
            return OutputState::Fine;
        };
        self.reporter.cancel();
        let _ = self.reporter.0.send(Message::End(
            code.map(|code| (code, (self.reporter.0.clock)())),
        ));
        let state = thread.join().unwrap_or(OutputState::Failed);
        self.reporter.restore_terminal();
        state
    }
}

impl Drop for ReportTask {
    fn drop(&mut self) {
        self.end(None);
    }
}

#[cfg(test)]
mod tests;
