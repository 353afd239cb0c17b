//! The agent that both fronts talk to: one cluster, its API, a plan of faults, a record of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Request, StatusCode};

use super::answer::{Answer, Body, Broken, End};
use super::encode::{Wanted, accepted, answer};
use super::faults::{Fault, Faults};
use super::journal::{Entry, Journal};
use crate::api::{Acl, Api, Call, Reply, redirected};
use crate::cluster::Cluster;

/// Size of the chunks in which bodies arrive, unless set.
const CHUNK: usize = 16 * 1024;

/// A simulated agent. Clones are the same agent.
#[derive(Clone, Debug)]
pub struct Agent {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    api: Api,
    faults: Faults,
    journal: Journal,
    chunk: AtomicUsize,
}

impl Agent {
    /// An agent of this cluster, without faults and without access control.
    pub fn new(cluster: Cluster) -> Self {
        Self {
            shared: Arc::new(Shared {
                api: Api::new(cluster),
                faults: Faults::default(),
                journal: Journal::default(),
                chunk: AtomicUsize::new(CHUNK),
            }),
        }
    }

    /// The cluster behind it.
    pub fn cluster(&self) -> &Cluster {
        self.shared.api.cluster()
    }

    /// The plan of faults, which can be changed at any time.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// Turns access control on with these tokens, or off.
    pub fn set_acl(&self, acl: Option<Acl>) {
        self.shared.api.set_acl(acl);
    }

    /// Creates a namespace, in which jobs can then be registered.
    pub fn create_namespace(&self, name: &str, description: &str) {
        self.shared.api.create_namespace(name, description);
    }

    /// Lets bodies arrive in chunks of at most this many bytes.
    pub fn set_chunk_size(&self, bytes: usize) {
        self.shared.chunk.store(bytes.max(1), Ordering::Relaxed);
    }

    /// Answers a request. What it does goes on even if the caller goes away: the call runs as a task
    /// of its own.
    pub(crate) async fn handle(&self, request: Request<Bytes>) -> Result<Answer, Broken> {
        let agent = self.clone();
        let call = tokio::spawn(async move { agent.carry_out(request).await });
        // A panic in a handler closes the connection, as in any Go server.
        call.await.unwrap_or(Err(Broken::Reset))
    }

    async fn carry_out(&self, request: Request<Bytes>) -> Result<Answer, Broken> {
        let shared = &self.shared;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let mut call = Call::new(parts.method.clone(), &path, &query, &parts.headers);
        call.body = body;
        let fault = shared.faults.hit(&parts.method, &path, &query);
        if fault == Some(Fault::Refused) {
            return Err(Broken::Refused);
        }
        let number = shared.journal.arrived(Entry {
            time: self.cluster().now(),
            method: parts.method.to_string(),
            path: path.clone(),
            query,
            with_token: !call.token().is_empty(),
            status: None,
        });
        let wanted = Wanted {
            method: parts.method,
            pretty: call.param("pretty").is_some(),
            compression: accepted(&parts.headers),
            path,
        };
        let answer = self.with_fault(&call, &wanted, fault).await?;
        shared.journal.answered(number, answer.status.as_u16());
        Ok(answer)
    }

    async fn with_fault(
        &self,
        call: &Call,
        wanted: &Wanted,
        fault: Option<Fault>,
    ) -> Result<Answer, Broken> {
        match fault {
            None | Some(Fault::Refused) => Ok(self.reply(call, wanted).await),
            Some(Fault::Status(status, text)) => Ok(self.made_up(status, "text/plain", text)),
            Some(Fault::Html(status, page)) => Ok(self.made_up(status, "text/html", page)),
            Some(Fault::StatusAfter(status, text)) => {
                self.reply(call, wanted).await;
                Ok(self.made_up(status, "text/plain", text))
            }
            Some(Fault::ResetBefore) => Err(Broken::Reset),
            Some(Fault::ResetAfter) => {
                self.reply(call, wanted).await;
                Err(Broken::Reset)
            }
            Some(Fault::Stall) => std::future::pending().await,
            Some(Fault::Delay(duration)) => {
                tokio::time::sleep(duration).await;
                Ok(self.reply(call, wanted).await)
            }
            Some(Fault::DelayAnswer(duration)) => {
                let answer = self.reply(call, wanted).await;
                tokio::time::sleep(duration).await;
                Ok(answer)
            }
            Some(Fault::Cut(bytes)) => {
                let answer = self.reply(call, wanted).await;
                Ok(self
                    .shortened(answer, bytes, End::Broken(Broken::Cut))
                    .await)
            }
            Some(Fault::StallAfter(bytes)) => {
                let answer = self.reply(call, wanted).await;
                Ok(self.shortened(answer, bytes, End::Never).await)
            }
            Some(Fault::Garbage(garbage)) => {
                let mut answer = self.reply(call, wanted).await;
                answer.headers.remove(http::header::CONTENT_ENCODING);
                self.replace(&mut answer, garbage);
                Ok(answer)
            }
        }
    }

    async fn reply(&self, call: &Call, wanted: &Wanted) -> Answer {
        let api = &self.shared.api;
        let reply = match redirected(&wanted.path) {
            Some(to) => Reply::redirect(&to),
            None => api.answer(call).await,
        };
        let chunk = self.shared.chunk.load(Ordering::Relaxed);
        answer(&reply, wanted, self.cluster().now(), chunk)
    }

    /// An answer that the API did not give.
    fn made_up(&self, status: u16, mime: &'static str, body: String) -> Answer {
        let mut answer = Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: http::HeaderMap::new(),
            body: Body::new(Bytes::new(), 1, End::Complete),
        };
        answer
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(mime));
        self.replace(&mut answer, body.into());
        answer
    }

    fn replace(&self, answer: &mut Answer, body: Bytes) {
        let length = body.len() as u64;
        answer.headers.remove(TRANSFER_ENCODING);
        answer.headers.insert(CONTENT_LENGTH, length.into());
        let chunk = self.shared.chunk.load(Ordering::Relaxed);
        answer.body = Body::new(body, chunk, End::Complete).with_length(Some(length));
    }

    /// The same answer with only the first bytes of its body; the headers promise the whole.
    async fn shortened(&self, mut answer: Answer, bytes: usize, end: End) -> Answer {
        let length = answer.body.length();
        let whole = answer.body.bytes().await.unwrap_or_default();
        let kept = whole.slice(..bytes.min(whole.len()));
        let chunk = self.shared.chunk.load(Ordering::Relaxed);
        answer.body = Body::new(kept, chunk, end).with_length(length);
        answer
    }
}
