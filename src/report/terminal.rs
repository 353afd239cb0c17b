//! The terminal behind the streams: its mode is kept before keys are read one by one and brought back on every way out, and what was typed
//! before a question is no answer to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dialoguer::console::Term;

/// The mode in which the terminal was found, while it may be another.
#[derive(Clone, Debug, Default)]
pub(super) struct TerminalMode(Arc<Mutex<Option<system::Mode>>>);

impl TerminalMode {
    /// Remembers the mode as it is now.
    pub(super) fn save(&self) {
        *self.lock() = system::read();
    }

    /// The terminal is as it was: nothing is left to bring back.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    /// Brings the remembered mode back, and the cursor. It stays remembered: a read of a key that is still under way may change
    /// the mode once more.
    pub(super) fn restore(&self) {
        if let Some(saved) = &*self.lock() {
            system::write(saved);
            // No cursor to show is no harm.
            let _ = Term::stdout().show_cursor();
        }
    }

    /// Like [`Self::restore`], when the read of a key may just be about to begin: it would change the mode afterwards, and nothing
    /// tells when it has but the mode itself.
    pub(super) fn restore_from_keys(&self) {
        system::wait_for_keys();
        self.restore();
    }

    fn lock(&self) -> MutexGuard<'_, Option<system::Mode>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what was typed and not read: it was typed before the question that comes now could be seen.
pub(super) fn discard_typed() {
    system::discard_typed();
}

/// Whether what is written to stderr's terminal is for the one who sits at it: not while a shell shows its prompt there.
pub(super) fn in_foreground() -> bool {
    system::in_foreground()
}

/// Stops the process until a shell lets it go on.
pub(super) fn stop_process() {
    system::stop_process();
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::thread;
    use std::time::Duration;

    use rustix::process::{Signal, getpgrp, getpid, kill_process};
    use rustix::termios::{
        LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp,
        tcsetattr,
    };

    pub(super) type Mode = Termios;

    pub(super) fn read() -> Option<Mode> {
        tcgetattr(io::stdin()).ok()
    }

    pub(super) fn write(mode: &Mode) {
        // If the terminal is gone there is nothing to bring back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, mode);
    }

    pub(super) fn discard_typed() {
        // What cannot be dropped is read as an answer, as everywhere.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }

    pub(super) fn in_foreground() -> bool {
        // Where the system does not tell there are no jobs to be told apart.
        tcgetpgrp(io::stderr()).map_or(true, |group| group == getpgrp())
    }

    pub(super) fn stop_process() {
        // It cannot be refused.
        let _ = kill_process(getpid(), Signal::STOP);
    }

    /// Waits, not for long, until keys are read one by one.
    pub(super) fn wait_for_keys() {
        const TRIES: u32 = 50;
        const PAUSE: Duration = Duration::from_millis(2);
        for _ in 0..TRIES {
            match read() {
                Some(mode) if mode.local_modes.contains(LocalModes::ICANON) => thread::sleep(PAUSE),
                _ => return,
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) type Mode = ();

    pub(super) fn read() -> Option<Mode> {
        Some(())
    }

    pub(super) fn write((): &Mode) {}

    pub(super) fn discard_typed() {}

    pub(super) fn in_foreground() -> bool {
        true
    }

    pub(super) fn stop_process() {}

    pub(super) fn wait_for_keys() {}
}
