//! What a caller gets: a response whose body arrives in chunks and may break, or no response at all.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

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
    /// Open and silent for good.
    Never,
}

/// Something that was sent while the answer is under way.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) sent: Instant,
    pub(crate) bytes: Result<Bytes, Broken>,
}

/// What a body is taken from.
#[derive(Debug)]
enum Source {
    /// Everything was there from the start.
    Whole,
    Live {
        pieces: mpsc::Receiver<Piece>,
        /// How much later each piece arrives than it was sent.
        late: Duration,
        /// Received, but not arrived yet.
        waiting: Option<Piece>,
    },
}

/// A body that arrives chunk by chunk.
#[derive(Debug)]
pub struct Body {
    source: Source,
    /// Has arrived, and not been read.
    ready: Bytes,
    /// The most bytes in one chunk.
    size: usize,
    /// How many bytes are left until the end comes before its time.
    left: Option<usize>,
    end: End,
    /// Pause before each chunk but the first.
    pace: Option<Duration>,
    /// What the next chunk waits for.
    silence: Option<Pin<Box<Sleep>>>,
    /// What the next piece waits for that is late.
    arrival: Option<Pin<Box<Sleep>>>,
    /// The length that the headers tell, if they do.
    length: Option<u64>,
    /// Set where the connection is left to this body: the version in the status line.
    protocol: Option<Version>,
    /// Keeps the place of a caller in memory, whose connection is busy until the body is gone.
    slot: Option<Slot>,
    /// Where its bytes are counted.
    sent: Arc<AtomicU64>,
}

impl Body {
    /// The bytes in pieces of at most `size`.
    pub(crate) fn new(bytes: Bytes, size: usize, end: End) -> Self {
        Self {
            source: Source::Whole,
            ready: bytes,
            size: size.max(1),
            left: None,
            end,
            pace: None,
            silence: None,
            arrival: None,
            length: None,
            protocol: None,
            slot: None,
            sent: Arc::default(),
        }
    }

    /// What is sent from now on, in chunks of at most `size`, each piece so much later. Where the
    /// connection is left to it, a chunk is whatever has come, else it is a piece.
    pub(crate) fn live(
        pieces: mpsc::Receiver<Piece>,
        size: usize,
        late: Duration,
        protocol: Option<Version>,
    ) -> Self {
        Self {
            source: Source::Live {
                pieces,
                late,
                waiting: None,
            },
            protocol,
            ..Self::new(Bytes::new(), size, End::Complete)
        }
    }

    /// The same in smaller pieces, with a pause before each but the first.
    #[must_use]
    pub(crate) fn dripping(mut self, size: usize, pace: Duration) -> Self {
        self.size = size.max(1);
        self.pace = Some(pace);
        self
    }

    /// The same, but after so many bytes this end.
    #[must_use]
    pub(crate) fn shortened(mut self, bytes: usize, end: End) -> Self {
        self.left = Some(bytes);
        self.end = end;
        self
    }

    #[must_use]
    pub(crate) fn with_slot(mut self, slot: Option<Slot>) -> Self {
        self.slot = slot;
        self
    }

    #[must_use]
    pub(crate) fn counted(mut self, sent: Arc<AtomicU64>) -> Self {
        self.sent = sent;
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

    /// The version in the status line where the connection is left to this body. Its end is then the
    /// end of the connection.
    pub(crate) fn protocol(&self) -> Option<Version> {
        self.protocol
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
        if self.left == Some(0) {
            return self.poll_end();
        }
        if self.ready.is_empty() {
            match ready!(self.poll_source(context)) {
                Some(Ok(bytes)) => self.ready = bytes,
                Some(Err(broken)) => return Poll::Ready(Some(Err(broken))),
                None => return self.poll_end(),
            }
        }
        if let Some(pause) = &mut self.silence {
            ready!(pause.as_mut().poll(context));
        }
        self.silence = self.pace.map(|pace| Box::pin(tokio::time::sleep(pace)));
        let most = self.left.unwrap_or(usize::MAX).min(self.size);
        let chunk = self.ready.split_to(most.min(self.ready.len()));
        self.left = self.left.map(|left| left - chunk.len());
        self.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(chunk)))
    }

    fn poll_end(&mut self) -> Poll<Option<Result<Bytes, Broken>>> {
        match self.end {
            End::Complete => Poll::Ready(None),
            // The end of a connection that is left to the body tells nothing.
            End::Broken(Broken::Cut) if self.protocol.is_some() => Poll::Ready(None),
            End::Broken(broken) => {
                self.end = End::Complete;
                Poll::Ready(Some(Err(broken)))
            }
            End::Never => Poll::Pending,
        }
    }

    /// What has arrived next, as much as one chunk holds.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let Source::Live {
            pieces,
            late,
            waiting,
        } = &mut self.source
        else {
            return Poll::Ready(None);
        };
        let mut arrived = Vec::new();
        let most = if self.protocol.is_some() {
            self.size
        } else {
            1
        };
        while arrived.len() < most {
            if waiting.is_none() {
                match pieces.poll_recv(context) {
                    Poll::Ready(piece) => *waiting = piece,
                    Poll::Pending => break,
                }
            }
            let Some(piece) = waiting else {
                if arrived.is_empty() {
                    return Poll::Ready(None);
                }
                break;
            };
            let at = piece.sent + *late;
            if at > Instant::now() {
                let pause = self.arrival.insert(Box::pin(sleep_until(at)));
                if pause.as_mut().poll(context).is_pending() {
                    break;
                }
            }
            match waiting.take().map(|piece| piece.bytes) {
                Some(Ok(bytes)) => arrived.extend_from_slice(&bytes),
                Some(Err(broken)) if arrived.is_empty() => return Poll::Ready(Some(Err(broken))),
                // Told when what came before it has been read.
                broken => {
                    *waiting = broken.map(|bytes| Piece { sent: at, bytes });
                    break;
                }
            }
        }
        if arrived.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(Some(Ok(arrived.into())))
        }
    }
}
