//! Signals and a closed stdout: hold the gate and ask, or close it. And Ctrl-Z, which only concerns what is on the terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::gate::{Gate, Stop};
use crate::event::{Answer, Question};
use crate::exit::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use crate::report::{Operator, Reporter};
use crate::rules::policy::stops;

/// Signals as they come in, by number.
pub(crate) type Signals = mpsc::UnboundedReceiver<i32>;

/// Asks the operator, and knows whether a question is open: Ctrl-C then answers it.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    reporter: Reporter,
    open: Arc<AtomicUsize>,
}

impl Desk {
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self {
            reporter,
            open: Arc::default(),
        }
    }

    /// Puts a question and waits for the answer.
    pub(crate) async fn ask(&self, question: Question) -> Answer {
        let _open = OpenQuestion::new(&self.open);
        self.reporter.ask(question).await
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }
}

/// Counts as open until it is dropped, also when the asking future is dropped half-way.
struct OpenQuestion<'a>(&'a AtomicUsize);

impl<'a> OpenQuestion<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Attends to signals until the second one after a stop, and returns its number: the program then ends at once.
///
/// `asks`: there is a terminal and no `-yes`, so that a first Ctrl-C is a question.
pub(crate) async fn attend(
    mut signals: Signals,
    gate: &Gate,
    desk: &Desk,
    reporter: &Reporter,
    asks: bool,
) -> i32 {
    loop {
        let mut signal = tokio::select! {
            Some(signal) = signals.recv() => signal,
            () = reporter.stdout_closed(), if gate.stop().is_none() => SIGPIPE,
            // Nobody sends signals any more, and stdout's end was attended to.
            else => std::future::pending().await,
        };
        if gate.stop().is_some() {
            return signal;
        }
        if signal == SIGINT && asks && !desk.is_open() {
            gate.hold();
            tokio::select! {
                answer = desk.ask(Question::Interrupt) => {
                    if !stops(&answer) {
                        gate.open();
                        continue;
                    }
                }
                // A second Ctrl-C is a yes; whatever else comes ends the run in its own name.
                Some(second) = signals.recv() => signal = second,
            }
        }
        reporter.cancel();
        gate.close(Stop { signal });
    }
}

/// Begins to listen for the signals that stop a run. From here on they no longer end the process by themselves.
#[cfg(unix)]
pub(crate) fn listen() -> std::io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};

    let (sender, signals) = mpsc::unbounded_channel();
    for number in [SIGHUP, SIGINT, SIGTERM] {
        let mut stream = signal(SignalKind::from_raw(number))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() && sender.send(number).is_ok() {}
        });
    }
    Ok(signals)
}

/// Begins to listen for Ctrl-C, the one signal of this system.
#[cfg(not(unix))]
pub(crate) fn listen() -> std::io::Result<Signals> {
    let (sender, signals) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(SIGINT).is_ok() {}
    });
    Ok(signals)
}

/// Ctrl-Z as it comes in. From here on it no longer stops the process by itself.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Suspensions(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Suspensions {
    /// In the group that leads its session there is no shell that could let the process go on: there the system, which knows, is left
    /// to drop the signal.
    pub(super) fn listen() -> Self {
        use rustix::process::{Signal, getpgrp, getsid};
        use tokio::signal::unix::{SignalKind, signal};

        let leads = getsid(None).is_ok_and(|session| session == getpgrp());
        let number = SignalKind::from_raw(Signal::TSTP.as_raw());
        Self((!leads).then(|| signal(number).ok()).flatten())
    }

    pub(super) async fn next(&mut self) {
        let received = match &mut self.0 {
            Some(signals) => signals.recv().await,
            None => None,
        };
        if received.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// There is no such thing on this system.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Suspensions;

#[cfg(not(unix))]
impl Suspensions {
    pub(super) fn listen() -> Self {
        Self
    }

    pub(super) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}
