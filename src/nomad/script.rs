//! A transport for tests: it plays a script of answers and keeps the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use tokio::time::sleep;

use super::transport::{Body, BoxFuture, Chunks, Response, SendError, SendErrorKind, Transport};

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// How long until the head of the answer.
    delay: Duration,
    head: Result<(StatusCode, HeaderMap), SendError>,
    chunks: VecDeque<Chunk>,
}

#[derive(Clone, Debug)]
enum Chunk {
    Data(Bytes),
    Pause(Duration),
    Error(SendError),
}

impl Step {
    /// An answer with this status and body.
    pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            delay: Duration::ZERO,
            head: Ok((StatusCode::from_u16(status).unwrap(), HeaderMap::new())),
            chunks: VecDeque::from([Chunk::Data(body.into())]),
        }
    }

    /// No answer.
    pub(crate) fn failure(kind: SendErrorKind) -> Self {
        Self {
            delay: Duration::ZERO,
            head: Err(error(kind)),
            chunks: VecDeque::new(),
        }
    }

    /// The head comes only after this time.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        if let Ok((_, headers)) = &mut self.head {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        self
    }

    /// A header of any bytes that a header can have.
    pub(crate) fn raw_header(mut self, name: &'static str, value: &[u8]) -> Self {
        if let Ok((_, headers)) = &mut self.head {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// One more piece of the body, after a pause.
    pub(crate) fn and(mut self, pause: Duration, body: impl Into<Bytes>) -> Self {
        self.chunks.push_back(Chunk::Pause(pause));
        self.chunks.push_back(Chunk::Data(body.into()));
        self
    }

    /// The body breaks off here.
    pub(crate) fn and_break(mut self) -> Self {
        self.chunks
            .push_back(Chunk::Error(error(SendErrorKind::Broken)));
        self
    }
}

fn error(kind: SendErrorKind) -> SendError {
    SendError {
        kind,
        text: "it did not work".to_owned(),
    }
}

/// Plays its steps in order; the last one over and over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    steps: VecDeque<Step>,
    requests: Vec<Request<Bytes>>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Arc::new(Mutex::new(State {
            steps: steps.into_iter().collect(),
            requests: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Method, path and parameters of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state()
            .requests
            .iter()
            .map(|request| {
                let target = request.uri().path_and_query().unwrap();
                format!("{} {target}", request.method())
            })
            .collect()
    }

    /// The newest request.
    pub(crate) fn last<T>(&self, look: impl FnOnce(&Request<Bytes>) -> T) -> T {
        look(self.state().requests.last().unwrap())
    }
}

impl Transport for Script {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response, SendError>> {
        let step = {
            let mut state = self.state();
            state.requests.push(request);
            match state.steps.len() {
                1 => state.steps.front().cloned(),
                _ => state.steps.pop_front(),
            }
            .unwrap()
        };
        Box::pin(async move {
            sleep(step.delay).await;
            let (status, headers) = step.head?;
            Ok(Response {
                status,
                headers,
                body: Body::new(Pieces(step.chunks)),
            })
        })
    }
}

struct Pieces(VecDeque<Chunk>);

impl Chunks for Pieces {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, SendError>> {
        Box::pin(async {
            loop {
                match self.0.pop_front() {
                    None => return Ok(None),
                    Some(Chunk::Data(data)) => return Ok(Some(data)),
                    Some(Chunk::Error(error)) => return Err(error),
                    Some(Chunk::Pause(pause)) => sleep(pause).await,
                }
            }
        })
    }
}
