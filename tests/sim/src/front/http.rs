//! The front on TCP and on Unix sockets: HTTP/1.1 with keep-alive, chunk by chunk as the body arrives.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::serve::Listener;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::agent::Agent;
use super::answer::{Body, Broken};
use super::outage::Outage;
use super::stream;
use super::wire::{Client, Peer, Ports, Stream};

/// The most bytes of a request body that are read; registrations are the longest.
const MAX_REQUEST: usize = 64 * 1024 * 1024;

/// A server on TCP that listens until it is shut down or dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    running: Running,
}

impl Server {
    /// `http://127.0.0.1:41234`, as `NOMAD_ADDR` wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The agent: cluster, faults, requests so far.
    pub fn agent(&self) -> &Agent {
        &self.running.agent
    }

    /// Stops listening and cuts all connections, open calls included.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

/// A server on a Unix socket that listens until it is shut down or dropped.
#[cfg(unix)]
#[derive(Debug)]
pub struct UnixServer {
    /// The socket's file.
    pub path: PathBuf,
    running: Running,
}

#[cfg(unix)]
impl UnixServer {
    /// `unix:///tmp/nomad.sock`, as `NOMAD_ADDR` wants it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The agent: cluster, faults, requests so far.
    pub fn agent(&self) -> &Agent {
        &self.running.agent
    }

    /// Stops listening and cuts all connections, open calls included. The file stays.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

/// The task of a server.
#[derive(Debug)]
struct Running {
    agent: Agent,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Serves on a listener. While the agent is down nobody listens, and `listen` begins anew after that.
    fn start<L, Listen, Listening>(agent: Agent, listener: L, listen: Listen) -> Self
    where
        L: Listener,
        L::Addr: Client,
        L::Io: Stream,
        Listen: Fn() -> Listening + Send + 'static,
        Listening: Future<Output = io::Result<L>> + Send,
    {
        let (stop, mut stopped) = oneshot::channel();
        let served = agent.clone();
        let task = tokio::spawn(async move {
            let mut outages = served.watch_outages();
            let mut listener = Some(listener);
            while let Some(open) = listener.take() {
                let until = async {
                    tokio::select! {
                        _ = outages.wait_for(|outage| *outage == Some(Outage::Down)) => true,
                        _ = &mut stopped => false,
                    }
                };
                if !serve_until(&served, open, until).await {
                    return;
                }
                tokio::select! {
                    _ = outages.wait_for(|outage| *outage != Some(Outage::Down)) => {}
                    _ = &mut stopped => return,
                }
                // The address was free a moment ago; if it is not now, the agent stays away.
                listener = listen().await.ok();
            }
        });
        Self {
            agent,
            stop: Some(stop),
            task,
        }
    }

    async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // The task may have ended already; either way it is gone afterwards.
            let _gone = stop.send(());
        }
        let _joined = (&mut self.task).await;
    }
}

/// Serves until something happens, then stops listening and closes all connections.
async fn serve_until<L>(agent: &Agent, listener: L, until: impl Future<Output = bool>) -> bool
where
    L: Listener,
    L::Addr: Client,
    L::Io: Stream,
{
    // Connections watch this sender and end with it.
    let (_open, watched) = watch::channel(());
    let app = Router::new()
        .fallback(respond)
        .with_state(agent.clone())
        .into_make_service_with_connect_info::<Peer>();
    let ports = Ports::new(agent.clone(), listener, watched);
    tokio::select! {
        _ = axum::serve(ports, app) => false,
        happened = until => happened,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on this address (port 0: any free one) and answers with this agent.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(agent: Agent, addr: SocketAddr) -> io::Result<Server> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let again = move || TcpListener::bind(addr);
    Ok(Server {
        addr,
        running: Running::start(agent, listener, again),
    })
}

/// Listens on a Unix socket, whose file must not exist yet, and answers with this agent.
///
/// # Errors
/// The socket cannot be made.
///
/// # Panics
/// Outside a tokio runtime.
#[cfg(unix)]
pub fn serve_unix(agent: Agent, path: &Path) -> io::Result<UnixServer> {
    let listener = UnixListener::bind(path)?;
    let file = path.to_owned();
    let again = move || {
        let file = file.clone();
        async move {
            std::fs::remove_file(&file)?;
            UnixListener::bind(&file)
        }
    };
    Ok(UnixServer {
        path: path.to_owned(),
        running: Running::start(agent, listener, again),
    })
}

async fn respond(
    State(agent): State<Agent>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: axum::extract::Request,
) -> Response<axum::body::Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_REQUEST).await else {
        return unsent(&peer, Broken::Reset);
    };
    let request = Request::from_parts(parts, body);
    match agent.handle(request, peer.slot()).await {
        Ok(answer) if answer.body.protocol().is_some() => {
            let head = stream::head_on_the_wire(&answer);
            peer.hijack(head, answer.body);
            Response::default()
        }
        Ok(mut answer) => {
            // The server adds its own framing.
            answer.headers.remove(http::header::TRANSFER_ENCODING);
            let mut response = Response::new(axum::body::Body::new(Wire(answer.body)));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            response
        }
        Err(broken) => unsent(&peer, broken),
    }
}

/// A response that is never sent: writing to the connection fails from now on.
fn unsent(peer: &Peer, broken: Broken) -> Response<axum::body::Body> {
    match broken {
        Broken::Cut => peer.close(),
        Broken::Refused | Broken::Reset => peer.abort(),
    }
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// A body as the HTTP server polls it.
struct Wire(Body);

impl http_body::Body for Wire {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let chunk = self.0.poll_chunk(context);
        chunk.map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .length()
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
