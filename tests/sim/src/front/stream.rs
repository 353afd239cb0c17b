//! Event streams on their way to the client: lines, heartbeats, and the many ways in which they end. A
//! task per stream writes into the answer's body, as a server writes into a socket.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, DATE, TRANSFER_ENCODING, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::agent::Agent;
use super::answer::{Answer, Body, Broken, Piece};
use super::encode::{Compress, Wanted, http_date};
use super::faults::{After, StreamEnd, StreamFault};
use super::outage::Outage;
use crate::api::{Acl, Call, Dropped, StreamVersion, Subscription};

/// From one heartbeat to the next, whatever else is sent.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long the server waits for a reader that takes nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// Streams that the server has forgotten are closed now and then, all together. In recordings that
/// took up to 50 seconds.
const SWEEP: Duration = Duration::from_secs(50);

/// Pieces on their way to a reader, as sockets hold them.
const IN_FLIGHT: usize = 256;

/// The end of a stream before 1.11.2, which tells its reason.
const CLOSED: &str = "subscription closed by server, client should resubscribe";
const TOO_SLOW: &str = "event dropped from buffer";

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

/// The answer to a request for the stream; its body is written by a task from now on.
pub(super) fn answer(
    agent: &Agent,
    lines: Option<Subscription>,
    call: &Call,
    wanted: &Wanted,
    fault: Option<StreamFault>,
) -> Answer {
    let version = agent.stream_version();
    let (headers, protocol) = head(agent, version, wanted);
    let compressed = headers.contains_key(CONTENT_ENCODING);
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let late = match fault {
        Some(StreamFault::Late(late)) => late,
        _ => Duration::ZERO,
    };
    let writer = Writer {
        agent: agent.clone(),
        call: call.clone(),
        version,
        lines,
        fault,
        sent: 0,
        half: false,
        orders: agent.streams().orders.subscribe(),
        outages: agent.watch_outages(),
        acl: agent.watch_acl(),
        sender,
        compressor: compressed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
    };
    tokio::spawn(writer.run());
    Answer {
        status: StatusCode::OK,
        headers,
        body: Body::live(receiver, agent.chunk(), late).with_protocol(protocol),
    }
}

/// Headers, and the version in the status line where the connection is taken over.
fn head(agent: &Agent, version: StreamVersion, wanted: &Wanted) -> (HeaderMap, Option<Version>) {
    let fixed = HeaderValue::from_static;
    let mut headers = HeaderMap::new();
    let protocol = version.hijacks().then_some(match version {
        StreamVersion::V1_11_2 => Version::HTTP_09,
        _ => wanted.version,
    });
    if protocol == Some(Version::HTTP_11) {
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
        Some(Version::HTTP_10) => "1.0",
        // There is no name for what 1.11.2 writes.
        Some(Version::HTTP_09) => "0.0",
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
pub(super) fn refused(answer: &mut Answer, version: StreamVersion) {
    let mut set = |name: HeaderName, value| {
        answer.headers.insert(name, HeaderValue::from_static(value));
    };
    set(CACHE_CONTROL, "no-cache");
    if version == StreamVersion::V1_6 {
        set(CONTENT_TYPE, "application/json");
    }
}

/// How the writing of a stream ends.
#[derive(Debug)]
enum Ending {
    /// The reader is gone.
    Unheard,
    Closed,
    Reset,
    /// The server has forgotten it.
    Forgotten,
    /// The network has lost it.
    Lost,
    /// The last thing that is sent.
    Told(&'static str),
}

struct Writer {
    agent: Agent,
    call: Call,
    version: StreamVersion,
    /// `None` where the server found out too late that there is nothing to tell.
    lines: Option<Subscription>,
    fault: Option<StreamFault>,
    /// Lines so far, heartbeats included.
    sent: u64,
    /// The next event is cut in two.
    half: bool,
    orders: watch::Receiver<Option<Order>>,
    outages: watch::Receiver<Option<Outage>>,
    acl: watch::Receiver<Option<Acl>>,
    sender: mpsc::Sender<Piece>,
    compressor: Option<GzEncoder<Vec<u8>>>,
}

impl Writer {
    async fn run(mut self) {
        let agent = self.agent.clone();
        agent.streams().open.fetch_add(1, Ordering::Relaxed);
        match self.write().await {
            Ending::Unheard | Ending::Closed => {}
            Ending::Reset => self.give(Err(Broken::Reset)).await,
            Ending::Forgotten => self.silent(agent.streams().next_sweep()).await,
            Ending::Lost => self.silent_for_good().await,
            Ending::Told(text) => {
                self.send(&[text.as_bytes()]).await;
                if let Some(Ok(rest)) = self.compressor.take().map(GzEncoder::finish) {
                    self.give(Ok(rest.into())).await;
                }
            }
        }
        agent.streams().open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Writes lines until something ends that.
    async fn write(&mut self) -> Ending {
        let agent = self.agent.clone();
        let opened = Instant::now();
        // The first tick is now.
        let mut heartbeats = interval(HEARTBEAT);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let Some(mut lines) = self.lines.take() else {
            return Ending::Forgotten;
        };
        loop {
            if let Some(ending) = self.due(opened) {
                return ending;
            }
            let gone = self.sender.clone();
            let timer = self.timer(opened);
            let line = tokio::select! {
                biased;
                () = gone.closed() => return Ending::Unheard,
                order = ordered(&mut self.orders, &mut self.outages) => match order {
                    Some(Order::End(StreamEnd::HalfLine)) => {
                        self.half = true;
                        continue;
                    }
                    Some(Order::End(how)) => return ending_of(how),
                    Some(Order::Unsubscribe) => return self.unsubscribed(CLOSED),
                    None => return Ending::Closed,
                },
                _ = self.acl.changed() => {
                    if agent.may_stream(&self.call) {
                        continue;
                    }
                    return self.unsubscribed(CLOSED);
                }
                () = timer => continue,
                _ = heartbeats.tick() => Bytes::from_static(b"{}"),
                line = lines.line() => match line {
                    Ok(line) => agent.rewound().bytes(line),
                    Err(Dropped) => return self.unsubscribed(TOO_SLOW),
                },
            };
            if self.half && line.len() > 2 {
                let half = &line[..line.len() / 2];
                self.send(&[half]).await;
                return Ending::Closed;
            }
            let written = if self.version.hijacks() {
                let mut whole = Vec::from(line);
                whole.push(b'\n');
                self.send(&[&whole]).await
            } else {
                self.send(&[&line, b"\n"]).await
            };
            if !written {
                return Ending::Closed;
            }
            self.sent += 1;
        }
    }

    /// Has the plan something for now?
    fn due(&mut self, opened: Instant) -> Option<Ending> {
        let Some(StreamFault::End(after, how)) = self.fault else {
            return None;
        };
        let now = match after {
            After::Lines(lines) => self.sent >= lines,
            After::Time(time) => opened.elapsed() >= time,
        };
        if !now {
            return None;
        }
        self.fault = None;
        if how == StreamEnd::HalfLine {
            self.half = true;
            return None;
        }
        Some(ending_of(how))
    }

    /// Ready when the plan has something.
    fn timer(&self, opened: Instant) -> impl Future<Output = ()> + use<> {
        let at = match self.fault {
            Some(StreamFault::End(After::Time(time), _)) => Some(opened + time),
            _ => None,
        };
        async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    fn unsubscribed(&self, why: &'static str) -> Ending {
        if self.version.hijacks() {
            Ending::Forgotten
        } else {
            Ending::Told(why)
        }
    }

    /// Sends pieces, compressed if that was agreed; false if the reader takes nothing or is gone.
    async fn send(&mut self, pieces: &[&[u8]]) -> bool {
        for piece in pieces {
            let bytes = match &mut self.compressor {
                None => Bytes::copy_from_slice(piece),
                Some(compressor) => {
                    // Writing to memory does not fail.
                    let _infallible = compressor.write_all(piece).and(compressor.flush());
                    std::mem::take(compressor.get_mut()).into()
                }
            };
            if !self.gave(Ok(bytes)).await {
                return false;
            }
        }
        true
    }

    async fn gave(&self, bytes: Result<Bytes, Broken>) -> bool {
        let piece = Piece {
            sent: Instant::now(),
            bytes,
        };
        let given = timeout(PATIENCE, self.sender.send(piece)).await;
        given.is_ok_and(|given| given.is_ok())
    }

    async fn give(&self, bytes: Result<Bytes, Broken>) {
        // Whether the reader is still there makes no difference any more.
        let _given = self.gave(bytes).await;
    }

    /// Stays open without a word, until this time or until the agent is down.
    async fn silent(&mut self, until: Instant) {
        tokio::select! {
            () = self.silent_for_good() => {}
            () = sleep_until(until) => {}
        }
    }

    async fn silent_for_good(&mut self) {
        loop {
            let gone = self.sender.clone();
            tokio::select! {
                () = gone.closed() => return,
                _ = self.outages.wait_for(|outage| *outage == Some(Outage::Down)) => return,
                _ = self.orders.changed() => match *self.orders.borrow_and_update() {
                    Some(Order::End(StreamEnd::Closed)) => return,
                    Some(Order::End(StreamEnd::Reset)) => break,
                    _ => {}
                },
            }
        }
        self.give(Err(Broken::Reset)).await;
    }
}

/// The next order; `None` when the agent is down. A client agent that reaches no server has lost its
/// subscriptions.
async fn ordered(
    orders: &mut watch::Receiver<Option<Order>>,
    outages: &mut watch::Receiver<Option<Outage>>,
) -> Option<Order> {
    let serious =
        |outage: &Option<Outage>| matches!(outage, Some(Outage::Down | Outage::NoServers));
    tokio::select! {
        biased;
        outage = outages.wait_for(serious) => match outage.ok().as_deref() {
            Some(Some(Outage::NoServers)) => Some(Order::Unsubscribe),
            _ => None,
        },
        _ = orders.changed() => *orders.borrow_and_update(),
    }
}

fn ending_of(how: StreamEnd) -> Ending {
    match how {
        StreamEnd::Silent => Ending::Lost,
        StreamEnd::Closed | StreamEnd::HalfLine => Ending::Closed,
        StreamEnd::Reset => Ending::Reset,
    }
}
