//! Where the program meets the cluster in memory: its transport on one side, the front of the simulated agent on the other. Counts
//! the calls that are open at once, and can change answers as a proxy or servers restored from a snapshot would.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use nomad_restart::transport::{
    Body, BoxFuture, Chunks, Response, SendError, SendErrorKind, Transport,
};
use nomad_sim::front::{Broken, MemoryFront};
use serde_json::Value;
use tokio::sync::watch;

/// More calls than any run here makes: a program that spins is stopped, so that time goes on and its scene ends at its limit.
const MOST_CALLS: usize = 20_000;

/// Changes the headers and the JSON of the answer to a path.
type Tamper = dyn Fn(&str, &mut HeaderMap, &mut Value) + Send + Sync;

/// The program's way to the agent. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Joint {
    front: MemoryFront,
    tamper: Arc<Mutex<Option<Box<Tamper>>>>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    most_open: AtomicUsize,
    calls: AtomicUsize,
    /// Writes sent so far.
    writes: watch::Sender<usize>,
}

/// One call that occupies a connection, until its answer is read or dropped.
struct Open(Arc<Counts>);

impl Joint {
    pub(crate) fn new(front: MemoryFront) -> Self {
        Self {
            front,
            tamper: Arc::default(),
            counts: Arc::new(Counts {
                open: AtomicUsize::new(0),
                most_open: AtomicUsize::new(0),
                calls: AtomicUsize::new(0),
                writes: watch::Sender::new(0),
            }),
        }
    }

    /// Changes every answer that is JSON from now on.
    pub(crate) fn tamper(
        &self,
        change: impl Fn(&str, &mut HeaderMap, &mut Value) + Send + Sync + 'static,
    ) {
        *self.tamper.lock().unwrap() = Some(Box::new(change));
    }

    /// The most calls that were open at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.counts.most_open.load(Ordering::Relaxed)
    }

    /// Waits until the program has sent so many writes.
    pub(crate) async fn writes(&self, number: usize) {
        let mut writes = self.counts.writes.subscribe();
        writes.wait_for(|sent| *sent >= number).await.unwrap();
    }

    async fn call(&self, request: Request<Bytes>) -> Result<Response, SendError> {
        let open = Open::new(&self.counts);
        if self.counts.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
            std::future::pending::<()>().await;
        }
        if request.method() == Method::PUT {
            self.counts.writes.send_modify(|sent| *sent += 1);
        }
        let path = request.uri().path().to_owned();
        let mut answer = self.front.handle(request).await.map_err(broken)?;
        if self.tamper.lock().unwrap().is_none() {
            return Ok(Response {
                status: answer.status,
                headers: answer.headers,
                body: Body::new(Incoming {
                    body: answer.body,
                    _open: open,
                }),
            });
        }
        let mut whole = answer.body.bytes().await.map_err(broken)?;
        if let Some(tamper) = &*self.tamper.lock().unwrap()
            && let Ok(mut json) = serde_json::from_slice(&whole)
        {
            tamper(&path, &mut answer.headers, &mut json);
            whole = json.to_string().into();
        }
        Ok(Response {
            status: answer.status,
            headers: answer.headers,
            body: Body::new(Whole(Some(whole))),
        })
    }
}

impl Transport for Joint {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(self.call(request))
    }
}

impl fmt::Debug for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joint")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Open {
    fn new(counts: &Arc<Counts>) -> Self {
        let now = counts.open.fetch_add(1, Ordering::Relaxed) + 1;
        counts.most_open.fetch_max(now, Ordering::Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, which keeps its connection until it is read.
struct Incoming {
    body: nomad_sim::front::Body,
    _open: Open,
}

impl Chunks for Incoming {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, SendError>> {
        Box::pin(async { self.body.chunk().await.map_err(broken) })
    }
}

/// A body that was read before.
struct Whole(Option<Bytes>);

impl Chunks for Whole {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, SendError>> {
        Box::pin(async { Ok(self.0.take()) })
    }
}

fn broken(broken: Broken) -> SendError {
    let kind = match broken {
        Broken::Refused => SendErrorKind::Connect,
        Broken::Reset | Broken::Cut => SendErrorKind::Broken,
    };
    SendError {
        kind,
        text: broken.to_string(),
    }
}
