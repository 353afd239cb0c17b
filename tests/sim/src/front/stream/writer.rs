//! The task behind one event stream.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::{Order, PATIENCE};
use crate::api::{Acl, Call, Dropped, Subscription};
use crate::front::agent::Agent;
use crate::front::answer::{Broken, Piece};
use crate::front::faults::{After, StreamEnd, StreamFault};
use crate::front::outage::Outage;
use crate::model::Version;

/// From one heartbeat to the next, whatever else is sent.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Pieces on their way to a reader, as sockets hold them.
const IN_FLIGHT: usize = 256;

/// The end of a stream before 1.11.2, which tells its reason.
const CLOSED: &str = "subscription closed by server, client should resubscribe";
const TOO_SLOW: &str = "event dropped from buffer";

/// What is sent as a sign of life.
const HEARTBEAT_LINE: &[u8] = b"{}";

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

/// What happens next to a stream.
#[derive(Debug)]
enum Next {
    Line(Bytes),
    /// Look again at what is planned.
    Planned,
    /// The next event is cut in two.
    Half,
    End(Ending),
}

pub(super) struct Writer {
    agent: Agent,
    call: Call,
    version: Version,
    /// `None` where the server found out too late that there is nothing to tell.
    lines: Option<Subscription>,
    fault: Option<StreamFault>,
    opened: Instant,
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
    /// The writer of a new stream, and what it writes.
    pub(super) fn new(
        agent: &Agent,
        call: &Call,
        version: Version,
        lines: Option<Subscription>,
        fault: Option<StreamFault>,
        compressed: bool,
    ) -> (Self, mpsc::Receiver<Piece>) {
        let (sender, pieces) = mpsc::channel(IN_FLIGHT);
        let writer = Self {
            agent: agent.clone(),
            call: call.clone(),
            version,
            lines,
            fault,
            opened: Instant::now(),
            sent: 0,
            half: false,
            orders: agent.streams().orders.subscribe(),
            outages: agent.watch_outages(),
            acl: agent.api().watch_acl(),
            sender,
            compressor: compressed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        };
        (writer, pieces)
    }

    pub(super) async fn run(mut self) {
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
        let Some(mut lines) = self.lines.take() else {
            return Ending::Forgotten;
        };
        let mut heartbeats = interval_at(self.opened + HEARTBEAT, HEARTBEAT);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut next = Next::Line(Bytes::from_static(HEARTBEAT_LINE));
        loop {
            if let Some(ending) = self.planned() {
                return ending;
            }
            match next {
                Next::End(ending) => return ending,
                Next::Planned => {}
                Next::Half => self.half = true,
                Next::Line(line) => {
                    if self.half && line != HEARTBEAT_LINE {
                        self.send(&[&line[..line.len() / 2]]).await;
                        return Ending::Closed;
                    }
                    if !self.line(line).await {
                        return Ending::Closed;
                    }
                    if let Some(ending) = self.planned() {
                        return ending;
                    }
                }
            }
            next = self.next(&mut heartbeats, &mut lines).await;
        }
    }

    async fn next(&mut self, heartbeats: &mut Interval, lines: &mut Subscription) -> Next {
        let timer = self.timer();
        // Without a leader nothing is written, so that there is nothing to tell either.
        let mut outages = self.outages.clone();
        let leaderless = *outages.borrow_and_update() == Some(Outage::NoLeader);
        tokio::select! {
            biased;
            () = self.sender.closed() => Next::End(Ending::Unheard),
            order = ordered(&mut self.orders, &mut self.outages) => match order {
                Some(Order::End(StreamEnd::HalfLine)) => Next::Half,
                Some(Order::End(how)) => Next::End(ending_of(how)),
                Some(Order::Unsubscribe) => Next::End(self.unsubscribed(CLOSED)),
                None => Next::End(Ending::Closed),
            },
            _ = self.acl.changed() => {
                if self.agent.api().may_stream(&self.call) {
                    Next::Planned
                } else {
                    Next::End(self.unsubscribed(CLOSED))
                }
            }
            () = timer => Next::Planned,
            _ = heartbeats.tick() => Next::Line(Bytes::from_static(HEARTBEAT_LINE)),
            _ = outages.changed() => Next::Planned,
            line = lines.line(), if !leaderless => match line {
                Ok(line) => Next::Line(self.told(line)),
                Err(Dropped) => Next::End(self.unsubscribed(TOO_SLOW)),
            },
        }
    }

    /// Has the plan something for now?
    fn planned(&mut self) -> Option<Ending> {
        let Some(StreamFault::End(after, how)) = self.fault else {
            return None;
        };
        let now = match after {
            After::Lines(lines) => self.sent >= lines,
            After::Time(time) => self.opened.elapsed() >= time,
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
    fn timer(&self) -> impl Future<Output = ()> + use<> {
        let at = match self.fault {
            Some(StreamFault::End(After::Time(time), _)) => Some(self.opened + time),
            _ => None,
        };
        async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// A line as this version tells it.
    fn told(&self, line: Bytes) -> Bytes {
        let rewound = self.agent.rewound();
        if self.version == Version::default() && rewound.is_none() {
            return line;
        }
        let Ok(mut value) = serde_json::from_slice(&line) else {
            return line;
        };
        self.version.adapt(&mut value);
        rewound.walk(&mut value);
        value.to_string().into()
    }

    fn unsubscribed(&self, why: &'static str) -> Ending {
        if self.version.takes_streams_over() {
            Ending::Forgotten
        } else {
            Ending::Told(why)
        }
    }

    /// Sends a whole line; false if the reader takes nothing or is gone.
    async fn line(&mut self, line: Bytes) -> bool {
        self.sent += 1;
        if self.version.takes_streams_over() {
            let mut whole = Vec::from(line);
            whole.push(b'\n');
            self.send(&[&whole]).await
        } else {
            self.send(&[&line, b"\n"]).await
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
