//! Lines that are typed.

use std::io::{self, BufRead};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::desk::Reply;

/// Reads lines from stdin on a thread of its own, one at a time and only when one is wanted: a read cannot be interrupted, so
/// nobody may wait for it who has other work.
pub(super) struct Lines {
    open: Option<Box<dyn FnOnce() -> Box<dyn BufRead + Send> + Send>>,
    requests: Option<Sender<()>>,
    /// A read is under way, maybe for a question that is over: the next question gets its line.
    pending: bool,
}

impl Lines {
    pub(super) fn new(open: impl FnOnce() -> Box<dyn BufRead + Send> + Send + 'static) -> Self {
        Self {
            open: Some(Box::new(open)),
            requests: None,
            pending: false,
        }
    }

    /// Asks for a line, which arrives as a [`Reply::Line`], unless one is on its way.
    pub(super) fn want(&mut self, reply_to: &Sender<Reply>) {
        if self.pending {
            return;
        }
        if let Some(open) = self.open.take() {
            let (requests, wanted) = mpsc::channel();
            let reply_to = reply_to.clone();
            thread::spawn(move || read_lines(open, &wanted, &reply_to));
            self.requests = Some(requests);
        }
        self.pending = self
            .requests
            .as_ref()
            .is_some_and(|requests| requests.send(()).is_ok());
    }

    /// Notes that the line has arrived.
    pub(super) fn arrived(&mut self) {
        self.pending = false;
    }
}

fn read_lines(
    open: impl FnOnce() -> Box<dyn BufRead + Send>,
    wanted: &Receiver<()>,
    reply_to: &Sender<Reply>,
) {
    let mut input = open();
    while wanted.recv().is_ok() {
        if reply_to.send(Reply::Line(read_line(&mut input))).is_err() {
            return;
        }
    }
}

/// A last line without a line end is a line too; what is not UTF-8 is no valid answer, but no end either.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = input.read_until(b'\n', &mut line)?;
    Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
}
