//! A terminal without a terminal: what is written can be read back, and lines can be typed, for tests that run the program in
//! their own process.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::io::{Io, Terminal};

/// How long a test waits for a text before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both sides of the program's streams. Cheap to clone; the input ends when the last clone is gone or at [`Screen::end_input`].
#[derive(Clone, Debug)]
pub struct Screen {
    pages: Arc<Pages>,
    keyboard: Arc<Mutex<Option<Sender<String>>>>,
}

#[derive(Debug, Default)]
struct Pages {
    text: Mutex<Text>,
    changed: Condvar,
}

/// What was written so far.
#[derive(Clone, Debug, Default)]
struct Text {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Both streams and the echo of what was typed, as a terminal shows them.
    shown: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Stdout,
    Stderr,
    Echo,
}

impl Screen {
    /// Streams that pretend to be what `terminal` says, and the screen that shows them.
    pub fn open(terminal: Terminal) -> (Io, Self) {
        let pages = Arc::new(Pages::default());
        let (keyboard, typed) = mpsc::channel();
        let page = |part| Page {
            pages: Arc::clone(&pages),
            part,
        };
        let input = Typed {
            lines: typed,
            echo: page(Part::Echo),
        };
        let io = Io::new(
            page(Part::Stdout),
            page(Part::Stderr),
            move || Box::new(BufReader::new(input)) as Box<dyn BufRead + Send>,
            terminal,
        );
        let screen = Self {
            pages,
            keyboard: Arc::new(Mutex::new(Some(keyboard))),
        };
        (io, screen)
    }

    /// Types this, which reaches the program when it reads. Ends in a line end, or is the last thing typed.
    pub fn type_text(&self, text: &str) {
        if let Some(keyboard) = &*lock(&self.keyboard) {
            // The program may have ended; then nobody reads.
            let _ = keyboard.send(text.to_owned());
        }
    }

    /// No more input.
    pub fn end_input(&self) {
        lock(&self.keyboard).take();
    }

    pub fn stdout(&self) -> String {
        text_of(&lock(&self.pages.text).stdout)
    }

    pub fn stderr(&self) -> String {
        text_of(&lock(&self.pages.text).stderr)
    }

    /// What a terminal shows: both streams in the order of writing, and what was typed.
    pub fn shown(&self) -> String {
        text_of(&lock(&self.pages.text).shown)
    }

    /// Waits until [`Self::shown`] contains the text. Panics when it never does.
    pub fn wait_for(&self, text: &str) {
        let (page, late) = self
            .pages
            .changed
            .wait_timeout_while(lock(&self.pages.text), PATIENCE, |page| {
                !text_of(&page.shown).contains(text)
            })
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !late.timed_out(),
            "{text:?} was never shown in:\n{}",
            text_of(&page.shown)
        );
    }
}

/// One stream of the screen.
#[derive(Debug)]
struct Page {
    pages: Arc<Pages>,
    part: Part,
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = lock(&self.pages.text);
        match self.part {
            Part::Stdout => text.stdout.extend(bytes),
            Part::Stderr => text.stderr.extend(bytes),
            Part::Echo => {}
        }
        text.shown.extend(bytes);
        self.pages.changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was typed, echoed when it is read.
#[derive(Debug)]
struct Typed {
    lines: Receiver<String>,
    echo: Page,
}

impl Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(line) = self.lines.recv() else {
            return Ok(0);
        };
        let bytes = line.as_bytes();
        if bytes.len() > buffer.len() {
            return Err(io::Error::other("typed too much at once"));
        }
        buffer[..bytes.len()].copy_from_slice(bytes);
        self.echo.write_all(bytes)?;
        Ok(bytes.len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
