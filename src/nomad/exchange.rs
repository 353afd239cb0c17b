//! One request and its answer: time limits, the body, the status, and reading JSON with errors that say what came instead.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{DATE, HeaderMap};
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::client::Indexed;
use super::error::{ApiError, CallError, Garbled, ReadError};
use super::text;
use super::transport::{Body, Response, SendError, SendErrorKind, Transport};

/// As much of an error's text is read.
const ERROR_BODY: usize = 64 * 1024;

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

/// A whole answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    request: String,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether the body ended as it should.
    whole: bool,
    took: Duration,
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

    /// The body of an answer with status 200, to be read as it comes.
    pub(crate) async fn open(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Body, ReadError> {
        let name = name_of(&request);
        let response = self.head(&name, request, limits).await?;
        if response.status == StatusCode::OK {
            Ok(response.body)
        } else {
            Err(refused(response).await)
        }
    }

    async fn head(
        &self,
        name: &str,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response, ReadError> {
        let head = self.transport.send(request);
        let response = match limits.head {
            Some(limit) => timeout(limit, head)
                .await
                .map_err(|_| ReadError::timed_out(name, limit))?,
            None => head.await,
        };
        response.map_err(|error| ReadError::Send(named(name, error)))
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<(Answer, Option<SendError>), ReadError> {
        let name = name_of(&request);
        let response = self.head(&name, request, limits).await?;
        let began = Instant::now();
        if response.status != StatusCode::OK {
            return Err(refused(response).await);
        }
        let (body, broken) = collect(response.body, usize::MAX).await;
        let broken = broken.map(|error| named(&name, error));
        Ok((
            Answer {
                request: name,
                headers: response.headers,
                body,
                whole: broken.is_none(),
                took: began.elapsed(),
            },
            broken,
        ))
    }
}

/// An answer with another status than 200.
async fn refused(response: Response) -> ReadError {
    let (body, _) = collect(response.body, ERROR_BODY).await;
    ReadError::Api(ApiError {
        status: response.status,
        body: String::from_utf8_lossy(&body).trim().to_owned(),
    })
}

/// The body as far as it came, at most about `limit` bytes, and why it ended too early.
async fn collect(mut body: Body, limit: usize) -> (Vec<u8>, Option<SendError>) {
    let mut all = Vec::new();
    while all.len() < limit {
        match timeout(STALL, body.next()).await {
            Ok(Ok(Some(chunk))) => all.extend_from_slice(&chunk),
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return (all, Some(error)),
            Err(_) => {
                let stalled = SendError {
                    kind: SendErrorKind::TimedOut,
                    text: format!("the answer stopped coming for {}s", STALL.as_secs()),
                };
                return (all, Some(stalled));
            }
        }
    }
    (all, None)
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

impl Answer {
    /// `X-Nomad-Index`, 0 when missing or unreadable.
    pub(crate) fn index(&self) -> u64 {
        self.header("x-nomad-index")
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }

    /// What asks for the next page of a list.
    pub(crate) fn next_token(&self) -> Option<String> {
        self.header("x-nomad-nexttoken")
            .filter(|token| !token.is_empty())
            .map(ToOwned::to_owned)
    }

    fn date(&self) -> Option<DateTime<Utc>> {
        let date = DateTime::parse_from_rfc2822(self.header(DATE.as_str())?).ok()?;
        Some(date.to_utc())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Joins a value with what the headers tell.
    pub(crate) fn indexed<T>(&self, value: T) -> Indexed<T> {
        Indexed {
            value,
            index: self.index(),
            bytes: self.body.len(),
            took: self.took,
            date: self.date(),
        }
    }

    /// The body as JSON; `null` is an error.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        self.json_or_null()?
            .ok_or_else(|| self.garbled("it is null"))
    }

    /// The body as JSON; `None` for `null`.
    pub(crate) fn json_or_null<T: DeserializeOwned>(&self) -> Result<Option<T>, ReadError> {
        serde_json::from_slice(&self.body).map_err(|error| self.garbled(&self.problem(&error)))
    }

    /// Whether the answer to a write can be from a Nomad agent. The status has said already that it was done, so a cut or empty body
    /// does not matter, but a web page from something else in between does.
    pub(crate) fn accepted(&self) -> Result<(), CallError> {
        match self.body.trim_ascii_start().first() {
            None | Some(b'{') => Ok(()),
            Some(_) if !self.whole => Ok(()),
            Some(_) => Err(CallError::of_write(self.garbled(&self.foreign()))),
        }
    }

    pub(crate) fn garbled(&self, problem: &str) -> ReadError {
        ReadError::Garbled(Garbled {
            request: self.request.clone(),
            problem: problem.to_owned(),
        })
    }

    /// What is wrong with a body that is not the JSON that was expected.
    fn problem(&self, error: &serde_json::Error) -> String {
        if self.body.trim_ascii().is_empty() {
            "it is empty".to_owned()
        } else if !matches!(
            self.body.trim_ascii_start().first(),
            Some(b'{' | b'[' | b'n')
        ) {
            self.foreign()
        } else if error.is_eof() {
            "it ends in the middle of the JSON".to_owned()
        } else {
            format!("it is not the JSON that was expected: {error}")
        }
    }

    /// What a body is that does not even begin like JSON.
    fn foreign(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let what = if let Some(page) = text::html_page(&body) {
            format!("is {page}, not JSON")
        } else {
            let start: String = text::of_server(&body).chars().take(40).collect();
            format!("is not JSON but begins with {start:?}")
        };
        format!("it {what}; is there a Nomad agent at this address?")
    }
}
