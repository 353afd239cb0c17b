//! The live block: how far the run is and what is in flight, below the lines and gone when anything else is written.
//!
//! Who runs the run leaves a [`Source`] in the [`Slot`]; the thread that reports takes a [`Snapshot`] from it and draws that ([`rows`] says
//! what, [`canvas`] how) while it has nothing else to do, so that the block never lags behind the lines above it. Nothing is looked at,
//! kept or drawn without a terminal for it.

mod canvas;
mod rows;
mod snapshot;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::Term;

use super::style::paint;
use super::terminal;
use canvas::Canvas;
pub(crate) use snapshot::{InFlight, SHOWN, Snapshot, Source, Turn};

/// How often the block is drawn anew while nothing else is written: ages are in seconds.
const REFRESH: Duration = Duration::from_millis(250);
/// How soon it comes back after a line: lines that come one upon the other are written without it.
const RETURN: Duration = Duration::from_millis(20);
/// How long it stays away at least since it was drawn last, however many lines come.
const PACE: Duration = Duration::from_millis(150);
/// Below this there is no room for it.
const SMALLEST: (usize, usize) = (4, 20);

/// Where the snapshots come from, while there is anything to show. Cheap to clone.
#[derive(Clone)]
pub(super) struct Slot {
    source: Arc<Mutex<Option<Source>>>,
    canvas: Canvas,
}

impl Slot {
    pub(super) fn put(&self, source: Option<Source>) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = source;
    }

    fn look(&self, now: Instant) -> Option<Snapshot> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.as_mut().map(|source| source(now))
    }

    /// Takes the block away and stops the process until a shell lets it go on.
    pub(super) fn stop_process(&self) {
        self.canvas.stop_process();
    }

    /// Takes the block away for good, on a way out that waits for nothing.
    pub(super) fn close(&self) {
        self.canvas.close();
    }
}

/// The block, for the thread that reports.
pub(super) struct Block {
    slot: Slot,
    colors: bool,
    verbose: bool,
    /// When it is to be drawn next.
    due: Instant,
    /// When it was drawn last.
    drawn: Instant,
    /// Lines and columns of the terminal; `None` = not known, or a shell's prompt is there.
    size: fn() -> Option<(u16, u16)>,
}

impl Block {
    /// A block on this process's standard error.
    pub(super) fn new(colors: bool, verbose: bool) -> (Self, Slot) {
        let size = || {
            let foreground = terminal::in_foreground();
            foreground.then(|| Term::stderr().size_checked()).flatten()
        };
        let block = Self::on(io::stderr(), size, colors, verbose);
        let slot = block.slot.clone();
        slot.canvas.close_at_panic();
        (block, slot)
    }

    fn on(
        terminal: impl Write + Send + 'static,
        size: fn() -> Option<(u16, u16)>,
        colors: bool,
        verbose: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            slot: Slot {
                source: Arc::default(),
                canvas: Canvas::new(terminal),
            },
            colors,
            verbose,
            due: now,
            drawn: now,
            size,
        }
    }

    /// How long it may stay as it is.
    pub(super) fn rest(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    pub(super) fn draw(&mut self) {
        let now = Instant::now();
        self.drawn = now;
        self.due = now + REFRESH;
        self.slot.canvas.draw(|| self.rows(now).unwrap_or_default());
    }

    /// Makes room for what is to be written.
    pub(super) fn give_way(&mut self) {
        self.due = (Instant::now() + RETURN).max(self.drawn + PACE);
        self.slot.canvas.erase();
    }

    fn rows(&self, now: Instant) -> Option<Vec<String>> {
        let (lines, columns) = (self.size)()?;
        let (lines, columns) = (usize::from(lines), usize::from(columns));
        if lines < SMALLEST.0 || columns < SMALLEST.1 {
            return None;
        }
        let snapshot = self.slot.look(now)?;
        // One line is the cursor's, and the newest line above it stays in sight.
        let rows = rows::rows(&snapshot, now, (lines - 2, columns), self.verbose);
        let painted = rows
            .into_iter()
            .map(|(style, text)| paint(&text, style, self.colors));
        Some(painted.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written to it can be read back.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn taken(&self) -> String {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap()
        }
    }

    fn block(size: fn() -> Option<(u16, u16)>, colors: bool) -> (Block, Paper) {
        let paper = Paper::default();
        let block = Block::on(paper.clone(), size, colors, false);
        block.slot.put(Some(Box::new(|now| Snapshot {
            started: now,
            expected_end: None,
            allocations: 24,
            settled: 7,
            failed: 0,
            turn: None,
            in_flight: 0,
            rows: Vec::new(),
        })));
        (block, paper)
    }

    #[test]
    fn it_is_drawn_while_there_is_something_to_show_and_room_for_it() {
        let (mut roomy, paper) = block(|| Some((4, 20)), false);
        roomy.draw();
        assert!(paper.taken().contains("7/24"));
        roomy.slot.put(None);
        roomy.draw();
        assert_eq!(paper.taken(), "\u{1b}[?7h\u{1b}[J");
        roomy.draw();
        assert_eq!(paper.taken(), "");

        for size in [
            || None,
            || Some((3, 80)),
            || Some((24, 19)),
            || Some((0, 0)),
        ] {
            let (mut block, paper) = block(size, false);
            block.draw();
            assert_eq!(paper.taken(), "");
        }
    }

    #[test]
    fn colours_are_those_of_stderr() {
        for colors in [true, false] {
            let (mut block, paper) = block(|| Some((24, 80)), colors);
            block.draw();
            assert_eq!(paper.taken().contains("\u{1b}[1m"), colors);
        }
    }

    #[test]
    fn however_many_lines_come_it_is_drawn_a_few_times_a_second() {
        let (mut block, _) = block(|| Some((24, 80)), false);
        block.draw();
        assert_eq!(block.due, block.drawn + REFRESH);
        // After a line that comes at once it stays away for a moment.
        block.give_way();
        assert!(block.due >= block.drawn + PACE);
        // After one that comes late it is back at once.
        let long_ago = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        block.drawn = long_ago;
        block.give_way();
        assert!(block.due > long_ago + PACE);
        assert!(block.rest() <= RETURN);
    }
}
