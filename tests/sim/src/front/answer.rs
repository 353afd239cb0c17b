//! What a caller gets: a response whose body arrives in chunks and may break, or no response at all.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::Sleep;

use super::limiter::Slot;

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nobody listens: nothing was sent.
    Refused,
    /// The connection was reset; the request may have had its effect or not.
    Reset,
    /// The connection was closed before the answer was complete, or before it had begun.
    Cut,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset by peer",
            Self::Cut => "connection closed before the answer was complete",
        })
    }
}

impl std::error::Error for Broken {}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// As on the wire, `Content-Length` included where the agent sends one.
    pub headers: HeaderMap,
    pub body: Body,
}

/// How a body ends.
#[derive(Debug)]
pub(crate) enum End {
    Complete,
    Broken(Broken),
    /// Open and silent, then complete.
    After(Duration),
    /// Open and silent for good.
    Never,
}

/// A body that arrives chunk by chunk.
#[derive(Debug)]
pub struct Body {
    chunks: VecDeque<Bytes>,
    end: End,
    /// Pause before each chunk but the first.
    pace: Option<Duration>,
    /// What the next chunk, or the end, waits for.
    silence: Option<Pin<Box<Sleep>>>,
    /// The length that the headers tell, if they do.
    length: Option<u64>,
    /// Keeps the place of a caller in memory, whose connection is busy until the body is gone.
    slot: Option<Slot>,
}

impl Body {
    /// The bytes in pieces of at most `size`.
    pub(crate) fn new(mut bytes: Bytes, size: usize, end: End) -> Self {
        let mut chunks = VecDeque::new();
        while !bytes.is_empty() {
            let next = bytes.split_to(size.max(1).min(bytes.len()));
            chunks.push_back(next);
        }
        Self {
            chunks,
            end,
            pace: None,
            silence: None,
            length: None,
            slot: None,
        }
    }

    /// The same, with a pause before each chunk but the first.
    #[must_use]
    pub(crate) fn with_pace(mut self, pace: Duration) -> Self {
        self.pace = Some(pace);
        self
    }

    #[must_use]
    pub(crate) fn with_slot(mut self, slot: Option<Slot>) -> Self {
        self.slot = slot;
        self
    }

    #[must_use]
    pub(crate) fn with_length(mut self, length: Option<u64>) -> Self {
        self.length = length;
        self
    }

    /// The length that the headers tell; the body may still end before it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// The connection broke before the body was complete.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        poll_fn(|context| self.poll_chunk(context))
            .await
            .transpose()
    }

    /// All that is left, at once.
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub async fn bytes(&mut self) -> Result<Bytes, Broken> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if !self.chunks.is_empty() {
            if let Some(pause) = &mut self.silence {
                ready!(pause.as_mut().poll(context));
            }
            let chunk = self.chunks.pop_front();
            let pace = self.pace.filter(|_| !self.chunks.is_empty());
            self.silence = pace.map(|pace| Box::pin(tokio::time::sleep(pace)));
            return Poll::Ready(chunk.map(Ok));
        }
        match self.end {
            End::Complete => Poll::Ready(None),
            End::Broken(broken) => {
                self.end = End::Complete;
                Poll::Ready(Some(Err(broken)))
            }
            End::Never => Poll::Pending,
            End::After(duration) => {
                let sleep = self
                    .silence
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(duration)));
                sleep.as_mut().poll(context).map(|()| {
                    self.end = End::Complete;
                    None
                })
            }
        }
    }
}
