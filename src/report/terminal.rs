//! The terminal's mode: kept before keys are read one by one, brought back on every way out.

use std::sync::{Arc, Mutex, PoisonError};

use dialoguer::console::Term;

/// The mode in which the terminal was found, while it may be another.
#[derive(Clone, Debug, Default)]
pub(super) struct TerminalMode(Arc<Mutex<Option<Saved>>>);

#[cfg(unix)]
type Saved = rustix::termios::Termios;
#[cfg(not(unix))]
type Saved = ();

impl TerminalMode {
    /// Remembers the mode as it is now.
    pub(super) fn save(&self) {
        *self.lock() = read_mode();
    }

    /// Brings the remembered mode back, and the cursor; once.
    pub(super) fn restore(&self) {
        if let Some(saved) = self.lock().take() {
            write_mode(&saved);
            // No cursor to show is no harm.
            let _ = Term::stdout().show_cursor();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Saved>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn read_mode() -> Option<Saved> {
    rustix::termios::tcgetattr(std::io::stdin()).ok()
}

#[cfg(unix)]
fn write_mode(saved: &Saved) {
    // If the terminal is gone there is nothing to bring back.
    let _ = rustix::termios::tcsetattr(
        std::io::stdin(),
        rustix::termios::OptionalActions::Now,
        saved,
    );
}

#[cfg(not(unix))]
fn read_mode() -> Option<Saved> {
    Some(())
}

#[cfg(not(unix))]
fn write_mode((): &Saved) {}
