//! The front on TCP and on Unix sockets: HTTP/1.1 with keep-alive, chunk by chunk as the body arrives.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::serve::{Listener, ListenerExt};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::agent::Agent;
use super::answer::{Body, Broken};
use super::wire::{Peer, Ports, Stream};

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
    fn start<L: Listener>(agent: Agent, listener: L) -> Self
    where
        L::Addr: std::fmt::Debug,
        L::Io: Stream,
    {
        let (stop, stopped) = oneshot::channel();
        let (open, watched) = watch::channel(());
        let app = Router::new()
            .fallback(respond)
            .with_state(agent.clone())
            .into_make_service_with_connect_info::<Peer>();
        let ports = Ports::new(listener, watched);
        let task = tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(ports, app) => {}
                _ = stopped => {}
            }
            // Connections watch this sender and end with it.
            drop(open);
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
    // Answers are written at once, as Go's server does.
    let listener = listener.tap_io(|stream| {
        let _best_effort = stream.set_nodelay(true);
    });
    Ok(Server {
        addr,
        running: Running::start(agent, listener),
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
    let listener = tokio::net::UnixListener::bind(path)?;
    Ok(UnixServer {
        path: path.to_owned(),
        running: Running::start(agent, listener),
    })
}

async fn respond(
    State(agent): State<Agent>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: axum::extract::Request,
) -> Response<axum::body::Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_REQUEST).await else {
        return aborted(&peer);
    };
    match agent.handle(Request::from_parts(parts, body)).await {
        Ok(mut answer) => {
            // The server adds its own framing.
            answer.headers.remove(http::header::TRANSFER_ENCODING);
            let mut response = Response::new(axum::body::Body::new(Wire(answer.body)));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            response
        }
        Err(_) => aborted(&peer),
    }
}

/// A response that is never sent: writing to the connection fails from now on.
fn aborted(peer: &Peer) -> Response<axum::body::Body> {
    peer.abort();
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
