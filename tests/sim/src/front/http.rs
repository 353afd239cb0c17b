//! The front on TCP: HTTP/1.1 with keep-alive, chunk by chunk as the body arrives.
//!
//! Connections are wrapped so that a handler can reset its own: a reset cannot be told through a
//! response.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::agent::Agent;
use super::answer::{Body, Broken};

/// The most bytes of a request body that are read; registrations are the longest.
const MAX_REQUEST: usize = 64 * 1024 * 1024;

/// A server that listens until it is shut down or dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    agent: Agent,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// `http://127.0.0.1:41234`, as `NOMAD_ADDR` wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The agent: cluster, faults, requests so far.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Stops listening and cuts all connections, open calls included.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // The task may have ended already; either way it is gone afterwards.
            let _gone = stop.send(());
        }
        let _joined = (&mut self.task).await;
    }
}

impl Drop for Server {
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
    let (stop, stopped) = oneshot::channel();
    let (open, closing) = tokio::sync::watch::channel(());
    let app = Router::new()
        .fallback(respond)
        .with_state(agent.clone())
        .into_make_service_with_connect_info::<Peer>();
    let ports = Ports { listener, closing };
    let task = tokio::spawn(async move {
        tokio::select! {
            _ = axum::serve(ports, app) => {}
            _ = stopped => {}
        }
        // Connections watch this sender and end with it.
        drop(open);
    });
    Ok(Server {
        addr,
        agent,
        stop: Some(stop),
        task,
    })
}

async fn respond(
    State(agent): State<Agent>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: axum::extract::Request,
) -> Response<axum::body::Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_REQUEST).await else {
        return peer.reset();
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
        Err(_) => peer.reset(),
    }
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

/// The connection that a request came on.
#[derive(Clone, Debug)]
struct Peer {
    broken: Arc<AtomicBool>,
}

impl Peer {
    /// Makes the connection fail instead of sending anything more.
    fn reset(&self) -> Response<axum::body::Body> {
        self.broken.store(true, Ordering::Release);
        // Never sent: writing to the connection fails from now on.
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        *response.headers_mut() = HeaderMap::new();
        response
    }
}

impl Connected<IncomingStream<'_, Ports>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Ports>) -> Self {
        Self {
            broken: Arc::clone(&stream.io().broken),
        }
    }
}

/// Accepts connections.
struct Ports {
    listener: TcpListener,
    closing: tokio::sync::watch::Receiver<()>,
}

impl Listener for Ports {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        // Answers are written at once, as Go's server does.
        let _best_effort = stream.set_nodelay(true);
        let mut closing = self.closing.clone();
        let connection = Connection {
            stream,
            broken: Arc::new(AtomicBool::new(false)),
            closed: Some(Box::pin(
                async move { while closing.changed().await.is_ok() {} },
            )),
        };
        (connection, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A TCP connection that can be made to fail.
struct Connection {
    stream: TcpStream,
    broken: Arc<AtomicBool>,
    /// Ready when the server shuts down.
    closed: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Connection {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(closed) = &mut self.closed
            && closed.as_mut().poll(context).is_ready()
        {
            self.closed = None;
            self.broken.store(true, Ordering::Release);
        }
        if self.broken.load(Ordering::Acquire) {
            // Closing then sends a reset instead of an orderly end.
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Err(error) = self.check(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
