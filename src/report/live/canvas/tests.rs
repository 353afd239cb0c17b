//! What a terminal's screen shows of the block, and what is left of it.

use std::io;
use std::num::NonZero;

use vt100::Parser;

use super::*;

/// A terminal of few lines, to which a canvas and lines are written.
#[derive(Clone)]
struct Terminal(Arc<Mutex<Parser>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().process(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Terminal {
    fn open(lines: u16) -> (Self, Canvas) {
        let parser = Parser::new(size(lines), size(20), 100);
        let terminal = Self(Arc::new(Mutex::new(parser)));
        let canvas = Canvas::new(terminal.clone());
        (terminal, canvas)
    }

    /// As a terminal shows what is written, or typed.
    fn show(&mut self, text: &str) {
        let bytes = text.replace('\n', "\r\n");
        self.write_all(bytes.as_bytes()).unwrap();
    }

    fn contents(&self) -> String {
        self.0.lock().unwrap().screen().contents()
    }

    fn resize(&self, lines: u16, columns: u16) {
        let mut parser = self.0.lock().unwrap();
        parser.screen_mut().set_size(size(lines), size(columns));
    }
}

fn size(of: u16) -> NonZero<u16> {
    NonZero::new(of).unwrap()
}

fn block(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("row {number}")).collect()
}

#[test]
fn the_block_stands_below_an_empty_line_and_the_next_line_takes_its_place() {
    let (mut terminal, canvas) = Terminal::open(10);
    terminal.show("one\n");
    canvas.draw(|| block(3));
    assert_eq!(terminal.contents(), "one\n\nrow 0\nrow 1\nrow 2");
    // Smaller, in the same place.
    canvas.draw(|| block(1));
    assert_eq!(terminal.contents(), "one\n\nrow 0");
    canvas.erase();
    terminal.show("two\n");
    canvas.draw(|| block(2));
    assert_eq!(terminal.contents(), "one\ntwo\n\nrow 0\nrow 1");
    canvas.draw(Vec::new);
    assert_eq!(terminal.contents(), "one\ntwo");
}

#[test]
fn at_the_bottom_it_scrolls_and_leaves_nothing_behind() {
    let (mut terminal, canvas) = Terminal::open(6);
    for number in 0..20 {
        canvas.erase();
        terminal.show(&format!("line {number}\n"));
        canvas.draw(|| block(4));
        canvas.draw(|| block(4));
    }
    assert_eq!(terminal.contents(), "line 19\n\nrow 0\nrow 1\nrow 2\nrow 3");
    canvas.close();
    let mut parser = terminal.0.lock().unwrap();
    parser.screen_mut().set_scrollback(usize::MAX);
    let top = parser.screen().contents();
    assert!(top.starts_with("line 0\nline 1\n"), "{top}");
    assert!(!top.contains("row"), "{top}");
    assert_eq!(parser.screen().scrollback(), 19);
}

#[test]
fn what_the_terminal_echoes_stays_where_it_would_stand_without_a_block() {
    let (mut terminal, canvas) = Terminal::open(10);
    terminal.show("one\n");
    canvas.draw(|| block(3));
    terminal.show("^C");
    canvas.draw(|| block(3));
    assert_eq!(terminal.contents(), "one\n^C\nrow 0\nrow 1\nrow 2");
    canvas.erase();
    terminal.show("\nquestion? ");
    assert_eq!(terminal.contents(), "one\n^C\nquestion? ");
    // An Enter while the block is there.
    terminal.show("y\n");
    canvas.draw(|| block(3));
    terminal.show("\n");
    canvas.draw(|| block(3));
    canvas.erase();
    terminal.show("two\n");
    assert_eq!(terminal.contents(), "one\n^C\nquestion? y\n\ntwo");
}

#[test]
fn after_a_change_of_the_size_nothing_of_the_old_block_is_left() {
    let (mut terminal, canvas) = Terminal::open(8);
    terminal.show("one\ntwo\n");
    for (lines, columns, rows) in [(8, 10, 5), (12, 40, 5), (5, 12, 2), (20, 20, 6)] {
        terminal.resize(lines, columns);
        canvas.draw(|| block(rows));
        let contents = terminal.contents();
        assert_eq!(contents.matches("row").count(), rows, "{contents}");
    }
    canvas.erase();
    terminal.show("three");
    let contents = terminal.contents();
    assert!(contents.ends_with("two\nthree"), "{contents}");
}

#[test]
fn what_is_closed_draws_nothing_any_more() {
    let (mut terminal, canvas) = Terminal::open(10);
    canvas.draw(|| block(3));
    canvas.close();
    canvas.draw(|| block(3));
    terminal.show("one");
    assert_eq!(terminal.contents(), "one");
}

/// A terminal that takes nothing until the other side is dropped, and says when it is written to.
struct Stopped(mpsc::Receiver<()>, mpsc::Sender<()>);

impl Write for Stopped {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        let _ = self.1.send(());
        let _ = self.0.recv();
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_terminal_that_takes_nothing_does_not_hold_up_the_way_out() {
    let (resume, stopped) = mpsc::channel();
    let (writes, written) = mpsc::channel();
    let canvas = Canvas::new(Stopped(stopped, writes));
    let drawing = canvas.clone();
    let drawn = thread::spawn(move || drawing.draw(|| block(3)));
    written.recv().unwrap();
    // Comes back although the terminal never takes the frame.
    canvas.close();
    assert!(!drawn.is_finished());
    drop(resume);
    drawn.join().unwrap();
}
