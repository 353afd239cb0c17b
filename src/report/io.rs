//! The three standard streams, or what stands for them in a test.

use std::fmt;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::sync::Arc;

use super::pace::Pace;

/// Which of the standard streams are terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

impl Terminal {
    /// Whether a question can be asked: it must be seen and answered.
    pub(crate) fn interactive(self) -> bool {
        self.stdin && self.stdout
    }
}

/// Opens stdin, at the first question and not before: what comes after this program may want to read it.
type OpenInput = Box<dyn FnOnce() -> Box<dyn BufRead + Send> + Send>;

/// What the program writes to and reads from.
pub struct Io {
    pub(super) stdout: Box<dyn Write + Send>,
    pub(super) stderr: Box<dyn Write + Send>,
    pub(super) stdin: OpenInput,
    pub(super) terminal: Terminal,
    /// Whether stdin and stdout are the process's own terminal, so that single keys can be read from it.
    pub(super) keys: bool,
    /// Whether stdout and stderr are the process's own terminal, so that a part of it can be drawn again and again.
    pub(super) redraws: bool,
    pub(super) pace: Arc<Pace>,
}

impl Io {
    /// The streams of this process.
    pub fn of_process() -> Self {
        let terminal = Terminal {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        };
        Self {
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdin: Box::new(|| Box::new(BufReader::new(io::stdin()))),
            terminal,
            keys: terminal.interactive(),
            redraws: terminal.stdout && terminal.stderr,
            pace: Arc::default(),
        }
    }

    /// Other streams. `terminal` says what they pretend to be; questions are then asked in lines.
    pub fn new(
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
        stdin: impl FnOnce() -> Box<dyn BufRead + Send> + Send + 'static,
        terminal: Terminal,
    ) -> Self {
        Self {
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            stdin: Box::new(stdin),
            terminal,
            keys: false,
            redraws: false,
            pace: Arc::default(),
        }
    }

    /// Tells whether what was sent is said, for tests on virtual time.
    #[doc(hidden)]
    pub fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Which of the streams are terminals.
    pub fn terminal(&self) -> Terminal {
        self.terminal
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}
