//! All that comes from the terminal, as bytes and as what an emulator makes of it, for those who wait for something.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::strip_ansi_codes;

use super::emulator::{Emulator, without_block};

/// Longer than any run in these tests takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that came from the terminal.
pub(super) struct Screen {
    page: Mutex<Page>,
    changed: Condvar,
}

pub(super) struct Page {
    pub(super) bytes: Vec<u8>,
    pub(super) emulator: Emulator,
    /// Nothing more comes.
    pub(super) ended: bool,
}

impl Screen {
    /// Of so many lines and columns.
    pub(super) fn new(size: (u16, u16)) -> Self {
        Self {
            page: Mutex::new(Page {
                bytes: Vec::new(),
                emulator: Emulator::new(size),
                ended: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Takes what comes until the end.
    pub(super) fn fill(&self, mut terminal: File) {
        let mut buffer = [0; 4096];
        loop {
            let read = match terminal.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // The other side has been closed by the last who had it.
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            let mut page = self.lock();
            page.bytes.extend(&buffer[..read]);
            page.emulator.take(&buffer[..read]);
            drop(page);
            self.changed.notify_all();
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `what` finds something. The error is everything that is shown.
    pub(super) fn wait<T>(&self, what: impl Fn(&Page) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        let mut page = self.lock();
        loop {
            if let Some(found) = what(&page) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if page.ended || left.is_zero() {
                return Err(page.shown());
            }
            let (next, _) = self
                .changed
                .wait_timeout(page, left)
                .unwrap_or_else(PoisonError::into_inner);
            page = next;
        }
    }
}

impl Page {
    /// What was written, colours and all, but for the live block.
    pub(super) fn raw(&self) -> String {
        without_block(&String::from_utf8_lossy(&self.bytes))
    }

    /// What a terminal would show, without colours; lines that are drawn again are there twice.
    pub(super) fn shown(&self) -> String {
        strip_ansi_codes(&self.raw())
            .replace("\r\n", "\n")
            .replace('\r', "")
    }
}
