//! Event streams on their way to the client: lines, heartbeats, and the many ways in which they end. A
//! task per stream writes into the answer's body, as a server writes into a socket.

mod writer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, DATE, TRANSFER_ENCODING, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version as Protocol};
use tokio::sync::watch;
use tokio::time::Instant;

use super::agent::Agent;
use super::answer::{Answer, Body};
use super::encode::{Compress, Wanted, http_date};
use super::faults::{StreamEnd, StreamFault};
use crate::api::{Call, Subscription};
use crate::model::Version;
use writer::Writer;

/// How long the server waits for a reader that takes nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// Streams that the server has forgotten are closed now and then, all together. In recordings that
/// took up to 50 seconds.
const SWEEP: Duration = Duration::from_secs(50);

/// All streams of an agent.
#[derive(Debug)]
pub(crate) struct Streams {
    orders: watch::Sender<Option<Order>>,
    open: AtomicUsize,
    began: Instant,
}

/// What happens to all streams that are open.
#[derive(Clone, Copy, Debug)]
enum Order {
    End(StreamEnd),
    /// The server ends all subscriptions.
    Unsubscribe,
}

impl Streams {
    pub(crate) fn new() -> Self {
        Self {
            orders: watch::Sender::new(None),
            open: AtomicUsize::new(0),
            began: Instant::now(),
        }
    }

    pub(crate) fn end(&self, how: StreamEnd) {
        self.orders.send_replace(Some(Order::End(how)));
    }

    pub(crate) fn unsubscribe(&self) {
        self.orders.send_replace(Some(Order::Unsubscribe));
    }

    /// How many are open, silent ones included.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// When forgotten streams are closed next.
    fn next_sweep(&self) -> Instant {
        let age = self.began.elapsed().as_secs();
        let sweeps = age / SWEEP.as_secs() + 1;
        self.began + Duration::from_secs(sweeps * SWEEP.as_secs())
    }
}

impl Agent {
    /// Turns the server's event broker off, or on again. Streams that are open go on.
    pub fn enable_event_broker(&self, enabled: bool) {
        self.api().enable_event_broker(enabled);
    }

    /// Ends all event streams that are open.
    pub fn end_streams(&self, how: StreamEnd) {
        self.streams().end(how);
    }

    /// How many event streams are open, silent ones included.
    pub fn open_streams(&self) -> usize {
        self.streams().open()
    }
}

/// The answer to a request for the stream; its body is written by a task from now on.
pub(super) fn answer(
    agent: &Agent,
    lines: Option<Subscription>,
    call: &Call,
    wanted: &Wanted,
    fault: Option<StreamFault>,
) -> Answer {
    let version = agent.cluster().version();
    let (headers, protocol) = head(agent, version, wanted);
    let compressed = headers.contains_key(CONTENT_ENCODING);
    let late = match fault {
        Some(StreamFault::Late(late)) => late,
        _ => Duration::ZERO,
    };
    let (writer, pieces) = Writer::new(agent, call, version, lines, fault, compressed);
    tokio::spawn(writer.run());
    Answer {
        status: StatusCode::OK,
        headers,
        body: Body::live(pieces, agent.chunk(), late, protocol),
    }
}

/// Headers, and the version in the status line where the connection is taken over.
fn head(agent: &Agent, version: Version, wanted: &Wanted) -> (HeaderMap, Option<Protocol>) {
    let fixed = HeaderValue::from_static;
    let mut headers = HeaderMap::new();
    let protocol = version.takes_streams_over().then_some(match version {
        Version::V1_11_2 => Protocol::HTTP_09,
        _ => wanted.version,
    });
    if protocol == Some(Protocol::HTTP_11) {
        headers.insert(CONNECTION, fixed("close"));
    }
    headers.insert(CACHE_CONTROL, fixed("no-cache"));
    headers.insert(CONTENT_TYPE, fixed("application/json"));
    headers.insert(VARY, fixed("Accept-Encoding"));
    if protocol.is_none() {
        if wanted.compression == Some(Compress::Gzip) {
            headers.insert(CONTENT_ENCODING, fixed("gzip"));
        }
        if let Ok(date) = HeaderValue::from_str(&http_date(agent.cluster().now())) {
            headers.insert(DATE, date);
        }
        headers.insert(TRANSFER_ENCODING, fixed("chunked"));
    }
    (headers, protocol)
}

/// The head of an answer whose connection is taken over.
pub(super) fn head_on_the_wire(answer: &Answer) -> Bytes {
    let version = match answer.body.protocol() {
        Some(Protocol::HTTP_10) => "1.0",
        // There is no name for what 1.11.2 writes.
        Some(Protocol::HTTP_09) => "0.0",
        _ => "1.1",
    };
    let mut head = format!("HTTP/{version} {}\r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        for (number, word) in name.as_str().split('-').enumerate() {
            if number > 0 {
                head.push(b'-');
            }
            let (first, rest) = word.split_at(1.min(word.len()));
            head.extend(first.to_ascii_uppercase().bytes().chain(rest.bytes()));
        }
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.into()
}

/// What the answer of a stream has that is refused in the ordinary way.
pub(super) fn refused(answer: &mut Answer, version: Version) {
    let mut set = |name: HeaderName, value| {
        answer.headers.insert(name, HeaderValue::from_static(value));
    };
    set(CACHE_CONTROL, "no-cache");
    if version <= Version::V1_8 {
        set(CONTENT_TYPE, "application/json");
    }
}
