//! The seam between the program and the wire: one request out, one answer with a body in chunks back.
//!
//! `reqwest` sits behind [`Transport`] in production; the simulated cluster does in tests. Everything else (building requests, JSON,
//! classification of errors, retries) is the same code in both. Time limits are set by the caller with tokio's timers, so that they work
//! on paused time too: dropping the future abandons the call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request. Never retries, never follows a redirect, never limits the time.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Resolves when the head of the answer is there.
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<Response, SendError>>;
}

/// A mark among the extensions of a request that must not travel on a connection that was used before: on a stale keep-alive
/// connection nobody can tell whether a write arrived.
#[derive(Clone, Copy, Debug)]
pub struct FreshConnection;

/// The head of an answer, and its body to come.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
}

/// A body that arrives in chunks, already decompressed.
pub struct Body(Box<dyn Chunks>);

/// Where a body's chunks come from.
pub trait Chunks: Send {
    /// The next chunk; `None` after the last one.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, SendError>>;
}

impl Body {
    /// Wraps a source of chunks.
    pub fn new(chunks: impl Chunks + 'static) -> Self {
        Self(Box::new(chunks))
    }

    /// The next chunk; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SendError> {
        self.0.next().await
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

/// Why no (whole) answer came.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    pub kind: SendErrorKind,
    /// The whole chain of causes in one sentence, without credentials.
    pub text: String,
}

/// How far a failed call got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// No connection came about (refused, unknown host, TLS): the request was not sent, and the same attempt is likely to fail again.
    Connect,
    /// The connection was closed before the request went out: not sent either, but an agent that has no room for one more connection does
    /// this, so the same attempt may succeed a moment later.
    Unsent,
    /// The connection broke, or the answer could not be read as HTTP: the request may have been received.
    Broken,
    /// The answer took longer than the caller allowed: the request may have been received.
    TimedOut,
}
