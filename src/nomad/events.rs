//! The event stream without its connection: events out of chunks of bytes.
//!
//! One line is one transaction of the servers, or `{}` as a sign of life every 30 s. Several lines can carry the same
//! index, one line can come in several chunks, and before Nomad 1.11.2 a last line that is no JSON tells why the stream ended. A plan
//! for thousands of allocations is one line of many megabytes, so events are parsed one by one while their line arrives.

use bytes::{Buf, Bytes};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json::{Allocation, Deployment, Evaluation, Job, null_as_default};
use super::list::Element;
use super::text;

/// As much is kept of a line that is no JSON.
const LONGEST_REASON: usize = 4096;

/// What the stream says next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// `{}`: nothing happened.
    Heartbeat,
    /// One change of a transaction.
    Event(Box<StreamEvent>),
    /// A line that does not look like events: what it said is lost.
    Unreadable,
    /// Text: the reason for the end of the stream.
    Reason(String),
}

/// One changed object.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StreamEvent {
    /// Of the transaction.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) payload: Payload,
}

/// The object after the change. Zero values are left out, and of an allocation its job, its job's version and its job's type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Payload {
    pub(crate) allocation: Option<Box<Allocation>>,
    pub(crate) evaluation: Option<Box<Evaluation>>,
    pub(crate) deployment: Option<Box<Deployment>>,
    pub(crate) job: Option<Box<Job>>,
    /// The job was purged; its allocations are gone without an event of their own.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) deleted: bool,
}

/// Cuts chunks into events.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// What is not looked at yet.
    chunk: Bytes,
    /// What came of the line outside its events; each event leaves a `0` there.
    frame: Frame,
    /// The event that is being read.
    event: Option<Element>,
    /// What came of that event in earlier chunks.
    partial: Vec<u8>,
}

/// A line without its events.
#[derive(Debug, Default)]
struct Frame {
    text: Vec<u8>,
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl Lines {
    /// Takes in what came next. What came before has to be read: [`Self::next_line`] gave `None`.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// What the bytes so far say next; `None` when more of them are needed.
    pub(crate) fn next_line(&mut self) -> Option<Line> {
        while let Some(&byte) = self.chunk.first() {
            if let Some(event) = &mut self.event {
                // No event has a line end in it: a server that was cut off goes on with another line.
                let line = self.chunk.iter().position(|byte| *byte == b'\n');
                let piece = &self.chunk[..line.unwrap_or(self.chunk.len())];
                let Some(end) = event.end(piece) else {
                    self.partial.extend_from_slice(piece);
                    self.chunk.advance(piece.len());
                    line?;
                    self.chunk.advance(1);
                    return Some(self.unreadable());
                };
                let last = self.chunk.split_to(end);
                self.event = None;
                self.frame.text.push(b'0');
                return Some(self.event(&last));
            }
            if byte == b'{' && self.frame.holds_events() {
                self.event = Some(Element::of(byte));
                continue;
            }
            self.chunk.advance(1);
            if byte == b'\n' {
                let line = std::mem::take(&mut self.frame).end();
                if line.is_some() {
                    return line;
                }
            } else {
                self.frame.push(byte);
            }
        }
        None
    }

    /// What came without a line end before the stream ended.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        if self.event.is_some() {
            return Some(self.unreadable());
        }
        std::mem::take(&mut self.frame).end()
    }

    /// The event whose last bytes these are.
    fn event(&mut self, last: &[u8]) -> Line {
        let parsed = if self.partial.is_empty() {
            serde_json::from_slice(last)
        } else {
            self.partial.extend_from_slice(last);
            serde_json::from_slice(&self.partial)
        };
        self.partial.clear();
        parsed.map_or(Line::Unreadable, Line::Event)
    }

    fn unreadable(&mut self) -> Line {
        *self = Self {
            chunk: std::mem::take(&mut self.chunk),
            ..Self::default()
        };
        Line::Unreadable
    }
}

impl Frame {
    fn push(&mut self, byte: u8) {
        if self.text.is_empty() && byte.is_ascii_whitespace() {
            return;
        }
        if self.text.first().is_some_and(|first| *first != b'{') {
            if self.text.len() < LONGEST_REASON {
                self.text.push(byte);
            }
            return;
        }
        self.text.push(byte);
        match byte {
            _ if self.after_backslash => self.after_backslash = false,
            b'\\' if self.in_string => self.after_backslash = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Whether an object that begins here is an event.
    fn holds_events(&self) -> bool {
        self.depth == 2 && !self.in_string
    }

    /// What the line says beside its events; `None` if nothing.
    fn end(self) -> Option<Line> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        #[expect(dead_code, reason = "only that they are there matters")]
        struct Transaction {
            index: u64,
            events: Option<Vec<IgnoredAny>>,
        }

        match self.text.trim_ascii() {
            [] => None,
            b"{}" => Some(Line::Heartbeat),
            line @ [b'{', ..] => match serde_json::from_slice::<Transaction>(line) {
                Ok(_) => None,
                Err(_) => Some(Line::Unreadable),
            },
            other => Some(Line::Reason(text::of_server(&String::from_utf8_lossy(
                other,
            )))),
        }
    }
}

#[cfg(test)]
mod tests;
