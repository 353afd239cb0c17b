//! The event stream without its connection: lines out of chunks, and what a line says.
//!
//! One line is one transaction of the servers, or `{}` as a sign of life every 30 s (nomad-api 2.13). Several lines can carry the same
//! index, one line can come in several chunks, and before Nomad 1.11.2 a last line that is no JSON tells why the stream ended.

use serde::Deserialize;

use super::json::{Allocation, Deployment, Evaluation, Job, null_as_default};
use super::text;

/// One line of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// `{}`: nothing happened.
    Heartbeat,
    /// What one transaction changed.
    Events {
        /// The transaction's index.
        index: u64,
        events: Vec<StreamEvent>,
    },
    /// An object that does not look like events: what it said is lost.
    Unreadable,
    /// Text: the reason for the end of the stream.
    Reason(String),
}

/// One changed object.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StreamEvent {
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

/// Joins chunks to lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no line end.
    scanned: usize,
    /// How much of the buffer was given out already.
    taken: usize,
}

impl Lines {
    /// Takes in what came next.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.buffer.drain(..self.taken);
        self.scanned -= self.taken;
        self.taken = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole line.
    pub(crate) fn next_line(&mut self) -> Option<Line> {
        loop {
            let rest = self.buffer.get(self.scanned..)?;
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
                self.scanned = self.buffer.len();
                return None;
            };
            let end = self.scanned + length;
            let line = parse(self.buffer.get(self.taken..end)?);
            self.scanned = end + 1;
            self.taken = end + 1;
            if line.is_some() {
                return line;
            }
        }
    }

    /// What came without a line end before the stream ended.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        let rest = self.buffer.split_off(self.taken);
        *self = Self::default();
        parse(&rest)
    }
}

/// What a line says; `None` for a blank one.
fn parse(line: &[u8]) -> Option<Line> {
    let line = line.trim_ascii();
    match line {
        [] => None,
        b"{}" => Some(Line::Heartbeat),
        [b'{', ..] => Some(batch(line)),
        other => Some(Line::Reason(text::of_server(&String::from_utf8_lossy(
            other,
        )))),
    }
}

fn batch(line: &[u8]) -> Line {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Batch {
        index: u64,
        #[serde(default, deserialize_with = "null_as_default")]
        events: Vec<StreamEvent>,
    }

    match serde_json::from_slice(line) {
        Ok(Batch { index, events }) => Line::Events { index, events },
        Err(_) => Line::Unreadable,
    }
}

#[cfg(test)]
mod tests;
