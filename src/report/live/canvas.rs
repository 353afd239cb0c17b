//! The place of the live block on the terminal, and its way there and back.
//!
//! The block stands below the cursor, which waits on an empty line above it. So whatever the terminal itself shows at the cursor meanwhile
//! (an echoed Ctrl-C, a typed line) stands where it would stand without the block; erasing is "from the cursor to the end of the screen",
//! which needs no knowledge of what was drawn and stays right when the terminal has wrapped it anew after a change of its width; and a
//! process that dies leaves a visible cursor in an unchanged mode. indicatif leaves the cursor behind its last row and goes up by as many
//! lines as it has drawn: an echoed Ctrl-C or a narrower terminal leaves pieces of the block in the scroll-back.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::super::terminal;

/// Wrapping on (it may be off if a part of a frame was lost), and all from the cursor on erased.
const ERASE: &str = "\u{1b}[?7h\u{1b}[J";
/// How long the way out waits for a terminal that takes nothing (Ctrl-S).
const PATIENCE: Duration = Duration::from_millis(200);

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Canvas(Arc<Mutex<State>>);

struct State {
    terminal: Box<dyn Write + Send>,
    /// Something stands below the cursor.
    drawn: bool,
    /// Nothing is drawn any more.
    closed: bool,
}

impl State {
    /// What cannot be written is not missed: the block says nothing that the lines do not.
    fn write(&mut self, text: &str) {
        let _ = self.terminal.write_all(text.as_bytes());
        let _ = self.terminal.flush();
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.write(ERASE);
        }
    }
}

impl Canvas {
    pub(super) fn new(terminal: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            terminal: Box::new(terminal),
            drawn: false,
            closed: false,
        })))
    }

    /// Draws these rows, each narrower than the terminal, in the place of those before. There must be a line more than rows. They are only
    /// asked for when they can be drawn: the process may have been stopped, and the terminal be another's, before.
    pub(super) fn draw(&self, rows: impl FnOnce() -> Vec<String>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let rows = rows();
        if rows.is_empty() {
            state.erase();
        } else {
            state.drawn = true;
            state.write(&frame(&rows));
        }
    }

    /// Takes the block away until it is drawn again.
    pub(super) fn erase(&self) {
        self.lock().erase();
    }

    /// Takes the block away and stops the process, as Ctrl-Z does where there is no block. Returns when the process goes on.
    pub(super) fn stop_process(&self) {
        // Locked: nobody draws in between.
        let mut state = self.lock();
        state.erase();
        terminal::stop_process();
    }

    /// Takes it away for good, from any thread and in any state. Does not wait for long.
    pub(super) fn close(&self) {
        let canvas = self.clone();
        let (done, closed) = mpsc::channel();
        thread::spawn(move || {
            let mut state = canvas.lock();
            state.closed = true;
            state.erase();
            drop(state);
            // Who waited may have lost patience.
            let _ = done.send(());
        });
        let _ = closed.recv_timeout(PATIENCE);
    }

    /// Lets a panic take the block away before its message is printed.
    pub(super) fn close_at_panic(&self) {
        static ONCE: Once = Once::new();
        let canvas = self.clone();
        ONCE.call_once(move || {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                canvas.close();
                next(panic);
            }));
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canvas")
    }
}

/// One write, so that nothing comes between its parts.
///
/// First room is made below the cursor: vertical tabs scroll where line feeds would also go to the first column. Then the cursor's place is
/// saved, which is only right when nothing scrolls any more. Wrapping is off meanwhile, so that a row that the terminal finds wider than
/// it was measured stays in its line. There is no line feed in it: the system writes what goes before one on its own, and may echo a key
/// then.
fn frame(rows: &[String]) -> String {
    let count = rows.len();
    let mut frame = "\u{b}".repeat(count);
    frame.push_str("\u{1b}[");
    frame.push_str(&count.to_string());
    frame.push_str("A\u{1b}7\u{1b}[?7l\u{1b}[K");
    for row in rows {
        frame.push_str("\r\u{1b}[B");
        frame.push_str(row);
        frame.push_str("\u{1b}[K");
    }
    frame.push_str("\u{1b}[J\u{1b}[?7h\u{1b}8");
    frame
}

#[cfg(test)]
mod tests;
