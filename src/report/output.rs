//! Writing to stdout and stderr, and what became of it.

use std::io::{ErrorKind, Write};

use tokio::sync::watch;

use super::human::{Line, Stream};
use super::live::Block;
use super::style::{Colors, Style, paint};

/// Whether everything that was to be said could be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputState {
    Fine,
    /// Nobody reads stdout any more.
    StdoutClosed,
    /// Something could not be written, for another reason.
    Failed,
}

/// Both streams, in the order of the calls.
pub(super) struct Output {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    colors: Colors,
    state: OutputState,
    block: Option<Block>,
    closed: watch::Sender<bool>,
}

impl Output {
    /// `closed` becomes true when nobody reads stdout any more.
    pub(super) fn new(
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        colors: Colors,
        closed: watch::Sender<bool>,
        block: Option<Block>,
    ) -> Self {
        Self {
            stdout,
            stderr,
            colors,
            state: OutputState::Fine,
            block,
            closed,
        }
    }

    pub(super) fn state(&self) -> OutputState {
        self.state
    }

    /// The live block, to be drawn when nothing else is to be said.
    pub(super) fn block(&mut self) -> Option<&mut Block> {
        self.block.as_mut()
    }

    pub(super) fn print(&mut self, line: &Line) {
        match line.to {
            Stream::Stdout => {
                self.stdout(&(paint(&line.text, line.style, self.colors.stdout) + "\n"));
            }
            Stream::Stderr => {
                self.stderr(&(paint(&line.text, line.style, self.colors.stderr) + "\n"));
            }
        }
    }

    /// Writes a question and leaves the cursor behind it. False if nobody can have seen it.
    pub(super) fn prompt(&mut self, text: &str) -> bool {
        self.stdout(&(paint(text, Style::Bold, self.colors.stdout) + " "))
    }

    /// Ends the line that a question stands on, where no key did.
    pub(super) fn end_prompt(&mut self) {
        self.stdout("\n");
    }

    /// Whether stdout shows colours.
    pub(super) fn stdout_colors(&self) -> bool {
        self.colors.stdout
    }

    /// The live block makes room for every text.
    pub(super) fn give_way(&mut self) {
        if let Some(block) = &mut self.block {
            block.give_way();
        }
    }

    fn stdout(&mut self, text: &str) -> bool {
        self.give_way();
        if self.state == OutputState::StdoutClosed {
            return false;
        }
        let written = self
            .stdout
            .write_all(text.as_bytes())
            .and_then(|()| self.stdout.flush());
        match written {
            Ok(()) => return true,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.state = OutputState::StdoutClosed;
                self.closed.send_replace(true);
            }
            Err(error) if self.state == OutputState::Fine => {
                self.state = OutputState::Failed;
                self.stderr(&format!("Error writing to standard output: {error}\n"));
            }
            Err(_) => {}
        }
        false
    }

    fn stderr(&mut self, text: &str) {
        self.give_way();
        let written = self
            .stderr
            .write_all(text.as_bytes())
            .and_then(|()| self.stderr.flush());
        if written.is_err() && self.state == OutputState::Fine {
            self.state = OutputState::Failed;
        }
    }
}
