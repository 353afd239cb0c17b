//! One request and its answer: time limits, the status, and the body, collected or parsed while it arrives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::error::{ApiError, ReadError};
use super::list::List;
use super::transport::{Body, SendError, SendErrorKind, Transport};

/// As much of an error's text is read.
const ERROR_BODY: usize = 64 * 1024;

/// As much of a list is parsed before others have their turn on the thread: a millisecond of work.
const PIECE: usize = 64 * 1024;

/// Longest pause between two pieces of a body.
const STALL: Duration = Duration::from_secs(30);

/// How long an answer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From sending until the head of the answer; `None` waits for ever.
    head: Option<Duration>,
}

impl Limits {
    pub(crate) const NONE: Self = Self { head: None };

    pub(crate) fn head(limit: Duration) -> Self {
        Self { head: Some(limit) }
    }
}

/// Sends requests and collects answers.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    transport: Arc<dyn Transport>,
}

/// The head of an answer with status 200, and its body to come.
struct Head {
    /// The request.
    name: String,
    headers: HeaderMap,
    body: Body,
    began: Instant,
}

impl Exchange {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// An answer that is of use only when its body is whole.
    pub(crate) async fn read(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Answer, ReadError> {
        let (answer, broken) = self.exchange(request, limits).await?;
        match broken {
            Some(error) => Err(ReadError::Send(error)),
            None => Ok(answer),
        }
    }

    /// An answer whose status alone says that it was done.
    pub(crate) async fn write(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Answer, ReadError> {
        Ok(self.exchange(request, limits).await?.0)
    }

    /// The body of an answer, to be read as it comes.
    pub(crate) async fn open(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Body, ReadError> {
        Ok(self.head(request, limits).await?.body)
    }

    /// A list, parsed while it arrives; `each` element is worked on at once.
    pub(crate) async fn read_list<T: DeserializeOwned>(
        &self,
        request: Request<Bytes>,
        limits: Limits,
        each: impl FnMut(&mut T),
    ) -> Result<(Answer, Vec<T>), ReadError> {
        let Head {
            name,
            headers,
            mut body,
            began,
        } = self.head(request, limits).await?;
        let mut list = List::new(each);
        let mut problem = None;
        let mut start = Vec::new();
        let mut size = 0;
        let mut since_yield = 0;
        while let Some(chunk) = next(&mut body)
            .await
            .map_err(|error| ReadError::Send(named(&name, error)))?
        {
            size += chunk.len();
            if start.len() < ERROR_BODY {
                start.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY - start.len())]);
            }
            // What is wrong counts only once it is known that nothing was lost on the way.
            if problem.is_some() {
                continue;
            }
            for piece in chunk.chunks(PIECE) {
                since_yield += piece.len();
                if since_yield > PIECE {
                    since_yield = 0;
                    tokio::task::yield_now().await;
                }
                if let Err(error) = list.feed(piece) {
                    problem = Some(error);
                    break;
                }
            }
        }
        let answer = Answer {
            request: name,
            headers,
            body: start,
            size,
            whole: true,
            took: began.elapsed(),
        };
        match problem.map_or_else(|| list.finish(), Err) {
            Ok(items) => Ok((answer, items)),
            Err(problem) => Err(answer.unlike_list::<T>(problem)),
        }
    }

    async fn head(&self, request: Request<Bytes>, limits: Limits) -> Result<Head, ReadError> {
        let name = name_of(&request);
        let head = self.transport.send(request);
        let response = match limits.head {
            Some(limit) => timeout(limit, head)
                .await
                .map_err(|_| ReadError::timed_out(&name, limit))?,
            None => head.await,
        }
        .map_err(|error| ReadError::Send(named(&name, error)))?;
        if response.status != StatusCode::OK {
            let (body, _) = collect(response.body, ERROR_BODY).await;
            return Err(ReadError::Api(ApiError {
                status: response.status,
                body: String::from_utf8_lossy(&body).trim().to_owned(),
            }));
        }
        Ok(Head {
            name,
            headers: response.headers,
            body: response.body,
            began: Instant::now(),
        })
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<(Answer, Option<SendError>), ReadError> {
        let head = self.head(request, limits).await?;
        let (body, broken) = collect(head.body, usize::MAX).await;
        let broken = broken.map(|error| named(&head.name, error));
        Ok((
            Answer {
                request: head.name,
                headers: head.headers,
                size: body.len(),
                body,
                whole: broken.is_none(),
                took: head.began.elapsed(),
            },
            broken,
        ))
    }
}

/// The body as far as it came, at most about `limit` bytes, and why it ended too early.
async fn collect(mut body: Body, limit: usize) -> (Vec<u8>, Option<SendError>) {
    let mut all = Vec::new();
    while all.len() < limit {
        match next(&mut body).await {
            Ok(Some(chunk)) => all.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

/// The next piece of a body, unless it takes too long.
async fn next(body: &mut Body) -> Result<Option<Bytes>, SendError> {
    timeout(STALL, body.next()).await.unwrap_or_else(|_| {
        Err(SendError {
            kind: SendErrorKind::TimedOut,
            text: format!("the answer stopped coming for {}s", STALL.as_secs()),
        })
    })
}

/// A request as messages name it: `Get "http://127.0.0.1:4646/v1/jobs"`. Credentials are in headers only, never in the URL.
fn name_of(request: &Request<Bytes>) -> String {
    let method = match *request.method() {
        Method::GET => "Get",
        Method::PUT => "Put",
        Method::POST => "Post",
        ref other => other.as_str(),
    };
    format!("{method} \"{}\"", request.uri())
}

/// Puts the request in front of what became of it.
fn named(request: &str, SendError { kind, text }: SendError) -> SendError {
    SendError {
        kind,
        text: format!("{request}: {text}"),
    }
}
