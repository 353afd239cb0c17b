//! What a terminal makes of what is written to it: the screen as it is, and all that has scrolled out of it.

use std::num::NonZero;

use vt100::Parser;

/// More lines than any run in these tests writes.
const SCROLL_BACK: usize = 1000;

/// A terminal's memory.
pub(super) struct Emulator(Parser);

impl Emulator {
    pub(super) fn new((lines, columns): (u16, u16)) -> Self {
        Self(Parser::new(size(lines), size(columns), SCROLL_BACK))
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.0.process(bytes);
    }

    pub(super) fn resize(&mut self, (lines, columns): (u16, u16)) {
        self.0.screen_mut().set_size(size(lines), size(columns));
    }

    /// What is on the screen now: its lines as they are, without those at the end that are empty.
    pub(super) fn screen(&self) -> Vec<String> {
        let screen = self.0.screen();
        let (_, columns) = screen.size();
        let mut lines: Vec<_> = screen
            .rows(0, columns.get())
            .map(|line| line.trim_end().to_owned())
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// What has scrolled out, and what is on the screen.
    pub(super) fn paper(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let above = self.0.screen().scrollback_len();
        for back in (1..=above).rev() {
            self.0.screen_mut().set_scrollback(back);
            let screen = self.0.screen();
            let (_, columns) = screen.size();
            let line = screen.rows(0, columns.get()).next().unwrap_or_default();
            lines.push(line.trim_end().to_owned());
        }
        self.0.screen_mut().set_scrollback(0);
        lines.extend(self.screen());
        lines
    }
}

fn size(of: u16) -> NonZero<u16> {
    NonZero::new(of).unwrap()
}

/// What was written, but for the live block: a frame begins with the room that is made for it and ends with the cursor back in its place.
pub(super) fn without_block(written: &str) -> String {
    let mut kept = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(start) = rest.find('\u{b}') {
        kept.push_str(&rest[..start]);
        rest = rest[start..]
            .split_once("\u{1b}8")
            .map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept.replace("\u{1b}[?7h\u{1b}[J", "")
}
