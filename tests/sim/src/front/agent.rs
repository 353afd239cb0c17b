//! The agent that both fronts talk to: one cluster, its API, what is to go wrong, a record of requests.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Version};
use tokio::sync::watch;

use super::answer::{Answer, Broken};
use super::encode::{Wanted, accepted, answer};
use super::faults::{Fault, Faults, StreamFault};
use super::indexes::Rewound;
use super::journal::{Entry, Journal};
use super::limiter::{Admission, Limiter, Slot};
use super::outage::{Ending, Outage, Outages};
use super::spoil;
use super::stream::{self, Streams};
use crate::api::{Acl, Api, Call, EVENT_STREAM, Opened, Reply, redirected};
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
    outages: Outages,
    limiter: Limiter,
    streams: Streams,
    journal: Journal,
    /// Bytes of bodies so far.
    sent: Arc<AtomicU64>,
    chunk: AtomicUsize,
    rewound: AtomicU64,
    /// The only namespace that requests may name.
    namespace: Mutex<Option<String>>,
}

impl Agent {
    /// An agent of this cluster, without faults, limits and access control.
    pub fn new(cluster: Cluster) -> Self {
        Self {
            shared: Arc::new(Shared {
                api: Api::new(cluster),
                faults: Faults::default(),
                outages: Outages::default(),
                limiter: Limiter::default(),
                streams: Streams::new(),
                journal: Journal::default(),
                sent: Arc::default(),
                chunk: AtomicUsize::new(CHUNK),
                rewound: AtomicU64::new(0),
                namespace: Mutex::default(),
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

    /// The requests so far, in the order of their arrival. Those of refused connections are not among them.
    pub fn requests(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// The bytes of bodies that were sent so far, event streams included, as compressed as they were.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Turns access control on with these tokens, or off. Calls that are open go on.
    pub fn set_acl(&self, acl: Option<Acl>) {
        self.shared.api.set_acl(acl);
    }

    /// Deletes a token; false if there is none with this secret. Calls that are open go on (recording g).
    pub fn revoke(&self, secret: &str) -> bool {
        self.shared.api.change_acl(|acl| acl.revoke(secret))
    }

    /// Lets a token's time be over from now on; false if there is none with this secret.
    pub fn expire(&self, secret: &str) -> bool {
        self.shared.api.change_acl(|acl| acl.expire(secret))
    }

    /// Creates a namespace, in which jobs can then be registered.
    pub fn create_namespace(&self, name: &str, description: &str) {
        self.shared.api.create_namespace(name, description);
    }

    /// Answers 400, without any effect, to every request that does not name this namespace.
    pub fn require_namespace(&self, name: Option<&str>) {
        *self.namespace() = name.map(str::to_owned);
    }

    /// Lets bodies arrive in chunks of at most this many bytes.
    pub fn set_chunk_size(&self, bytes: usize) {
        self.shared.chunk.store(bytes.max(1), Ordering::Relaxed);
    }

    /// Begins or ends an outage.
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.shared.outages.set(outage);
    }

    /// Restores the servers from a snapshot: from now on all indexes are lower by so much. The objects
    /// are what they were.
    pub fn rewind(&self, by: u64) {
        self.shared.rewound.store(by, Ordering::Relaxed);
        self.shared.api.empty_event_buffer();
        self.shared.streams.unsubscribe();
    }

    pub(super) fn api(&self) -> &Api {
        &self.shared.api
    }

    pub(super) fn streams(&self) -> &Streams {
        &self.shared.streams
    }

    pub(super) fn rewound(&self) -> Rewound {
        Rewound(self.shared.rewound.load(Ordering::Relaxed))
    }

    /// Lets each client have so many connections at once (a real agent: 100), or any number. In memory
    /// every call has one of its own, from its start until its handler has returned and its answer is
    /// read or dropped.
    pub fn limit_connections(&self, limit: Option<usize>) {
        self.shared.limiter.set(limit);
    }

    /// The most connections that one client had at once.
    pub fn most_connections(&self) -> usize {
        self.shared.limiter.most()
    }

    /// How many connections were beyond the limit.
    pub fn turned_away(&self) -> usize {
        self.shared.limiter.turned_away()
    }

    pub(crate) fn admit(&self, client: IpAddr) -> Admission {
        self.shared.limiter.admit(client)
    }

    pub(crate) fn watch_outages(&self) -> watch::Receiver<Option<Outage>> {
        self.shared.outages.watch()
    }

    /// Answers a call of this process.
    pub(crate) async fn handle_here(&self, request: Request<Bytes>) -> Result<Answer, Broken> {
        if *self.watch_outages().borrow() == Some(Outage::Down) {
            return Err(Broken::Refused);
        }
        match self.admit(Ipv4Addr::LOCALHOST.into()) {
            Admission::Open(slot) => {
                let mut answer = self.handle(request, Some(slot.clone())).await?;
                if answer.body.protocol() == Some(Version::HTTP_09) {
                    return Err(Broken::Cut);
                }
                answer.body = answer.body.with_slot(Some(slot));
                Ok(answer)
            }
            Admission::Told => Ok(spoil::busy()),
            Admission::Closed => Err(Broken::Cut),
        }
    }

    /// Answers a request. What it does goes on even if the caller goes away: the call runs as a task
    /// of its own, which keeps the place of the caller's connection.
    pub(crate) async fn handle(
        &self,
        request: Request<Bytes>,
        slot: Option<Slot>,
    ) -> Result<Answer, Broken> {
        let agent = self.clone();
        let call = tokio::spawn(async move {
            let answer = agent.carry_out(request, slot.as_ref()).await;
            drop(slot);
            answer
        });
        // A panic in a handler closes the connection, as in any Go server.
        let mut answer = call.await.unwrap_or(Err(Broken::Reset))?;
        answer.body = answer.body.counted(Arc::clone(&self.shared.sent));
        Ok(answer)
    }

    async fn carry_out(
        &self,
        request: Request<Bytes>,
        slot: Option<&Slot>,
    ) -> Result<Answer, Broken> {
        let shared = &self.shared;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let mut call = Call::new(parts.method.clone(), &path, &query, &parts.headers);
        call.body = body;
        let fault = shared.faults.hit(&parts.method, &path, &query);
        let down = *shared.outages.watch().borrow() == Some(Outage::Down);
        if down || fault == Some(Fault::Refused) {
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
            version: parts.version,
            path,
        };
        let answered = async {
            shared.outages.enter(&call).await?;
            tokio::select! {
                biased;
                ending = shared.outages.interrupts(&call, number) => Err(ending),
                answer = self.with_fault(&call, &wanted, fault) => Ok(answer),
            }
        };
        let answer = match answered.await {
            Ok(answer) => answer?,
            Err(Ending::Answered(_))
                if call.path == EVENT_STREAM && self.cluster().version().takes_streams_over() =>
            {
                stream::answer(self, None, &call, &wanted, None)
            }
            Err(Ending::Answered(reply)) => self.encoded(&reply, &wanted),
            Err(Ending::Closed) => return Err(Broken::Cut),
            Err(Ending::Refused) => return Err(Broken::Refused),
        };
        shared.journal.answered(number, answer.status.as_u16());
        if let Some(slot) = slot
            && answer.body.protocol().is_some()
        {
            // A connection that was taken over is not the agent's any more.
            slot.give_back();
        }
        Ok(answer)
    }

    async fn with_fault(
        &self,
        call: &Call,
        wanted: &Wanted,
        fault: Option<Fault>,
    ) -> Result<Answer, Broken> {
        if let Some(text) = self.other_namespace(call) {
            return Ok(spoil::made_up(400, "text/plain", text));
        }
        match fault {
            None => Ok(self.reply(call, wanted, None).await),
            Some(Fault::Stream(fault)) => Ok(self.reply(call, wanted, Some(fault)).await),
            Some(fault) => spoil::spoilt(fault, self.reply(call, wanted, None)).await,
        }
    }

    fn namespace(&self) -> MutexGuard<'_, Option<String>> {
        let namespace = self.shared.namespace.lock();
        namespace.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with the namespace of a call, where only one is allowed.
    fn other_namespace(&self, call: &Call) -> Option<String> {
        let namespace = self.namespace();
        let allowed = namespace.as_deref()?;
        let named = call.param("namespace").unwrap_or_default();
        (named != allowed).then(|| {
            format!("the request names namespace {named:?}, and only {allowed:?} is allowed here")
        })
    }

    async fn reply(&self, call: &Call, wanted: &Wanted, fault: Option<StreamFault>) -> Answer {
        let api = &self.shared.api;
        let rewound = self.rewound();
        let mut reply = match redirected(&wanted.path) {
            Some(to) => Reply::redirect(&to),
            None => api.answer(&rewound.asked(call)).await,
        };
        // Those that waited meanwhile are told what holds now.
        self.rewound().told(&mut reply);
        match reply.stream.take() {
            None => {}
            Some(Opened::Lines(lines)) => {
                return stream::answer(self, Some(lines), call, wanted, fault);
            }
            Some(Opened::Silence) => return stream::answer(self, None, call, wanted, fault),
            Some(Opened::Refused(error)) => {
                let mut answer = self.encoded(&Reply::error(error), wanted);
                stream::refused(&mut answer, self.cluster().version());
                return answer;
            }
        }
        self.encoded(&reply, wanted)
    }

    fn encoded(&self, reply: &Reply, wanted: &Wanted) -> Answer {
        answer(reply, wanted, self.cluster().now(), self.chunk())
    }

    pub(super) fn chunk(&self) -> usize {
        self.shared.chunk.load(Ordering::Relaxed)
    }
}
