//! The thread behind the reporter: takes events and questions in the order in which they were sent.
//!
//! While a question is open nothing else is taken from the inbox, so nothing is printed behind it, and what became due keeps its
//! stamp. Answers and calls that a question is over come on a channel of their own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use chrono::{DateTime, FixedOffset};
use tokio::sync::oneshot;

use super::file::ReportFile;
use super::human::{self, Line, Manner, Stream};
use super::json::{Recorder, Subject};
use super::keys;
use super::lines::Lines;
use super::output::{Output, OutputState};
use super::pace::{Ends, Pace};
use super::style::Style;
use super::terminal::{self, TerminalMode};
use super::{Clock, ask};
use crate::cli::quote::quote;
use crate::event::{Answer, Event, Question};
use crate::exit;

/// What the thread is asked to do.
pub(super) enum Message {
    Event(Box<Event>),
    Ask(Ask),
    /// Nothing more is said; the run, if it was one, ends with this code now.
    End(Option<(u8, DateTime<FixedOffset>)>),
}

/// What is said to machines.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) subject: Subject,
    /// Every event, on stdout.
    pub(crate) json: bool,
    /// The summary, in a file.
    pub(crate) report: Option<ReportFile>,
}

/// Says it.
struct Teller {
    recorder: Recorder,
    json: bool,
    report: Option<ReportFile>,
}

/// A question on its way to the operator.
pub(super) struct Ask {
    /// Counts from 1 in the order of asking.
    pub(super) id: u64,
    pub(super) question: Question,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What can end or move an open question.
pub(super) enum Reply {
    /// A line was read; `None` at the end of input.
    Line(io::Result<Option<String>>),
    /// Keys were pressed that answer the question with this id.
    Keys(u64, Answer),
    /// All questions up to this id are over.
    CallOff(u64),
}

pub(super) struct Desk {
    pub(super) inbox: Receiver<Message>,
    pub(super) replies: Receiver<Reply>,
    pub(super) reply_to: Sender<Reply>,
    pub(super) output: Output,
    pub(super) manner: Manner,
    pub(super) clock: Clock,
    pub(super) lines: Lines,
    /// Questions are asked at the process's own terminal.
    pub(super) own_terminal: bool,
    /// Whether single keys can be read from it.
    pub(super) keys: bool,
    pub(super) mode: TerminalMode,
    /// All questions up to this id are over.
    pub(super) called_off: u64,
    pub(super) pace: Arc<Pace>,
}

impl Desk {
    /// Works until it is told to end.
    pub(super) fn run(mut self, machine: Option<(Machine, DateTime<FixedOffset>)>) -> OutputState {
        let pace = Arc::clone(&self.pace);
        let _ends = Ends(&pace);
        let mut teller = machine.map(|(machine, now)| self.introduce(machine, &now));
        pace.done();
        while let Some(message) = self.next() {
            match message {
                Message::Event(event) => self.tell(&event, teller.as_mut()),
                Message::Ask(ask) => {
                    let answer = self.ask(&ask);
                    // Who asked may have gone; then nobody wants to know.
                    let _ = ask.reply.send(answer);
                }
                Message::End(end) => {
                    if let (Some(teller), Some((code, now))) = (teller, end) {
                        self.sum_up(teller, code, &now);
                    }
                    break;
                }
            }
            pace.done();
        }
        self.output.give_way();
        self.output.state()
    }

    /// Waits for a message; the live block is kept up to date meanwhile.
    fn next(&mut self) -> Option<Message> {
        while let Some(block) = self.output.block() {
            match self.inbox.recv_timeout(block.rest()) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => block.draw(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        self.inbox.recv().ok()
    }

    fn introduce(&mut self, machine: Machine, now: &DateTime<FixedOffset>) -> Teller {
        let (recorder, first) = Recorder::new(machine.subject, now);
        let teller = Teller {
            recorder,
            json: machine.json,
            report: machine.report,
        };
        if teller.json {
            self.print_json(first);
        }
        teller
    }

    fn tell(&mut self, event: &Event, teller: Option<&mut Teller>) {
        let json = teller.as_ref().is_some_and(|teller| teller.json);
        if let Some(teller) = teller {
            for line in teller.recorder.take(event) {
                if json {
                    self.print_json(line);
                }
            }
        }
        for line in human::lines(event, self.manner) {
            // Stdout is for machines then; stderr stays what it is.
            if !json || line.to == Stream::Stderr {
                self.output.print(&line);
            }
        }
    }

    fn print_json(&mut self, line: String) {
        self.output.print(&Line::out(Style::Plain, line));
    }

    /// The summary of a run that ends with this code.
    fn sum_up(&mut self, mut teller: Teller, code: u8, now: &DateTime<FixedOffset>) {
        let code = exit::with_output(code, self.output.state());
        let summary = teller.recorder.close(code, now);
        let written = teller
            .report
            .map_or(Ok(()), |file| file.write(&format!("{summary}\n")));
        if teller.json {
            self.print_json(summary);
        }
        if let Err(error) = written {
            let warning = human::warning(now, &error);
            self.output.print(&warning);
        }
    }

    fn ask(&mut self, ask: &Ask) -> Answer {
        // What was typed for a question that is over answers no other one.
        while let Ok(reply) = self.replies.try_recv() {
            let _ = self.take(reply);
        }
        if ask.id <= self.called_off {
            return Answer::Interrupted;
        }
        // Nor does what was typed before it was asked: an Enter during a batch must not proceed with the next one.
        if self.own_terminal {
            terminal::discard_typed();
            // The terminal shows the Ctrl-C where the cursor stood.
            if ask.question == Question::Interrupt {
                self.output.end_prompt();
            }
        }
        let choices = match &ask.question {
            Question::WhichJob { choices, .. } if self.keys => Some(choices),
            _ => None,
        };
        let preamble = ask::preamble(&ask.question, choices.is_none());
        if !preamble.is_empty() {
            self.output.print(&Line::out(Style::Plain, preamble));
        }
        match choices {
            Some(choices) => self.ask_for_keys(ask, choices),
            None => self.ask_for_line(ask),
        }
    }

    fn ask_for_line(&mut self, ask: &Ask) -> Answer {
        loop {
            let at = (self.clock)();
            let text = ask::text(&ask.question) + " " + &ask::options(&ask.question);
            if !self.output.prompt(&human::main(&at, &text)) {
                return Answer::EndOfInput;
            }
            self.lines.want(&self.reply_to);
            let line = match self.typed_for(ask.id) {
                Ok(Typed::Line(line)) => line,
                Ok(Typed::Keys(answer)) => return answer,
                Err(answer) => {
                    self.output.end_prompt();
                    return answer;
                }
            };
            if let Some(answer) = ask::parse(&ask.question, &line) {
                return answer;
            }
            let invalid = format!(
                "{}Invalid answer {}",
                human::indent(&at),
                quote(line.trim())
            );
            self.output.print(&Line::out(Style::Plain, invalid));
        }
    }

    fn ask_for_keys(&mut self, ask: &Ask, choices: &[String]) -> Answer {
        let text = ask::text(&ask.question) + " (Esc = none)";
        let text = human::main(&(self.clock)(), &text);
        self.mode.save();
        keys::ask(
            ask.id,
            choices.to_vec(),
            text,
            self.output.stdout_colors(),
            self.reply_to.clone(),
        );
        let answer = loop {
            match self.typed_for(ask.id) {
                Ok(Typed::Keys(answer @ (Answer::Interrupted | Answer::EndOfInput))) => {
                    self.mode.restore();
                    break answer;
                }
                Ok(Typed::Keys(answer)) => break answer,
                // Of an earlier question.
                Ok(Typed::Line(_)) => {}
                Err(answer) => {
                    self.mode.restore_from_keys();
                    return answer;
                }
            }
        };
        self.mode.forget();
        answer
    }

    /// Waits until the open question gets a reply; the error is the answer when there will be none.
    fn typed_for(&mut self, id: u64) -> Result<Typed, Answer> {
        loop {
            self.pace.asking(true);
            let reply = self.replies.recv();
            self.pace.asking(false);
            let reply = reply.map_err(|_| Answer::EndOfInput)?;
            match self.take(reply) {
                Some((of, typed)) if of.is_none_or(|of| of == id) => {
                    return typed.ok_or(Answer::EndOfInput);
                }
                _ if self.called_off >= id => return Err(Answer::Interrupted),
                _ => {}
            }
        }
    }

    /// Takes note of a reply. What was typed comes back, with the question that it belongs to if that is certain.
    fn take(&mut self, reply: Reply) -> Option<(Option<u64>, Option<Typed>)> {
        self.pace.taken();
        match reply {
            Reply::Line(line) => {
                self.lines.arrived();
                Some((None, line.ok().flatten().map(Typed::Line)))
            }
            Reply::Keys(id, answer) => Some((Some(id), Some(Typed::Keys(answer)))),
            Reply::CallOff(last) => {
                self.called_off = self.called_off.max(last);
                None
            }
        }
    }
}

/// What came from the keyboard.
enum Typed {
    Line(String),
    Keys(Answer),
}
