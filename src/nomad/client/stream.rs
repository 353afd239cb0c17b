//! Opening the event stream of one job, and reading it line by line.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Client, Limits};
use crate::nomad::error::ReadError;
use crate::nomad::events::{Line, Lines};
use crate::nomad::limiter::Permit;
use crate::nomad::request::Call;
use crate::nomad::transport::{Body, SendError};

/// The first line comes at once, or never: a refused stream is answered with 200 and stays open and silent.
const FIRST_LINE: Duration = Duration::from_secs(5);

/// An index that no server has: the stream begins with the newest transaction. The oldest that a busy server keeps may be gone before
/// the stream has begun, which ends it without a word.
const FAR: u64 = 1 << 48;

/// The topics that tell of one job.
const TOPICS: [&str; 4] = ["Allocation", "Deployment", "Evaluation", "Job"];

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartAt {
    /// With what happens from now on.
    Now,
    /// With this index, or with the oldest one that the server still has, whatever was lost in between.
    Index(u64),
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoStream {
    /// There is none for jobs of this name, or none within this budget of connections.
    #[error("it is not available")]
    Never,
    /// The call failed.
    #[error("{0}")]
    Failed(#[from] ReadError),
    /// Nothing came: no right to it, no broker, or a server that is too busy.
    #[error("nothing came")]
    Silent,
    /// It ended before it began.
    #[error("{0}")]
    Ended(String),
}

/// An open stream; holds one connection for reads until it is dropped.
#[derive(Debug)]
pub(crate) struct EventStream {
    _permit: Permit,
    body: Body,
    lines: Lines,
    /// The line that proved that the stream is open.
    first: VecDeque<Line>,
}

impl Client {
    /// `GET /v1/event/stream` for everything that concerns one job. Returns once the first line is there.
    ///
    /// # Errors
    /// When no line comes within a few seconds, whatever the agent answered.
    pub(crate) async fn events(&self, job: &str, at: StartAt) -> Result<EventStream, NoStream> {
        // A colon separates topic and key, and nothing escapes it. A stream must leave a connection to other reads.
        if job.contains(':') || self.split().reads < 2 {
            return Err(NoStream::Never);
        }
        let index = match at {
            StartAt::Now => FAR,
            StartAt::Index(index) => index.max(1),
        };
        let mut call = Call::get(&["event", "stream"])
            .plain()
            .param("index", index.to_string());
        for topic in TOPICS {
            call = call.param("topic", format!("{topic}:{job}"));
        }
        let request = self.requests.build(call).map_err(ReadError::from)?;
        let permit = self.limiter.read().await;
        let deadline = Instant::now() + FIRST_LINE;
        let body = self
            .exchange
            .open(request, Limits::head(FIRST_LINE))
            .await?;
        let mut stream = EventStream {
            _permit: permit,
            body,
            lines: Lines::default(),
            first: VecDeque::new(),
        };
        match timeout_at(deadline, stream.line()).await {
            Err(_) => Err(NoStream::Silent),
            Ok(Err(error)) => Err(NoStream::Ended(error.to_string())),
            Ok(Ok(None)) => Err(NoStream::Ended("it was closed".to_owned())),
            Ok(Ok(Some(Line::Reason(reason)))) => Err(NoStream::Ended(reason)),
            Ok(Ok(Some(line))) => {
                stream.first.push_back(line);
                Ok(stream)
            }
        }
    }
}

impl EventStream {
    /// The next line; `None` when the agent ended the stream. Nothing is lost when this future is dropped.
    pub(crate) async fn line(&mut self) -> Result<Option<Line>, SendError> {
        if let Some(line) = self.first.pop_front() {
            return Ok(Some(line));
        }
        loop {
            if let Some(line) = self.lines.next_line() {
                return Ok(Some(line));
            }
            match self.body.next().await? {
                Some(chunk) => self.lines.push(chunk),
                None => return Ok(self.lines.rest()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
