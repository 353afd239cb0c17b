//! Connections of the HTTP front: TCP or a Unix socket, counted by client, and wrapped so that a handler
//! can make its own one fail. A reset cannot be told through a response.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::agent::Agent;
use super::answer::Body;
use super::limiter::{Admission, Slot, TOO_MANY};
use super::stream::PATIENCE;

/// What a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Lets answers be written at once, as Go's server does.
    fn without_delay(&self);

    /// Lets closing send a reset instead of an orderly end, where there is such a thing.
    fn abort_on_close(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn without_delay(&self) {
        let _best_effort = self.set_nodelay(true);
    }

    fn abort_on_close(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn without_delay(&self) {}

    fn abort_on_close(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The other end's address.
pub(super) trait Client: std::fmt::Debug + Send {
    /// By which its connections are counted, if they are.
    fn ip(&self) -> Option<IpAddr>;
}

impl Client for SocketAddr {
    fn ip(&self) -> Option<IpAddr> {
        Some(Self::ip(self))
    }
}

#[cfg(unix)]
impl Client for tokio::net::unix::SocketAddr {
    fn ip(&self) -> Option<IpAddr> {
        None
    }
}

const OPEN: u8 = 0;
/// To be closed in order.
const CLOSED: u8 = 1;
/// To be reset.
const ABORTED: u8 = 2;

/// A stream that can be taken away from its connection.
pub(super) struct Socket<S>(Mutex<Option<S>>);

impl<S> Socket<S> {
    fn lock(&self) -> MutexGuard<'_, Option<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`Socket`], whatever its stream is made of.
trait Hijack: Send + Sync {
    fn take(&self) -> Option<Box<dyn Stream>>;
}

impl<S: Stream> Hijack for Socket<S> {
    fn take(&self) -> Option<Box<dyn Stream>> {
        let stream = self.lock().take()?;
        Some(Box::new(stream))
    }
}

fn socket<S: Stream>(connection: &Connection<S>) -> Weak<dyn Hijack> {
    let socket: Arc<dyn Hijack> = Arc::clone(&connection.socket) as _;
    Arc::downgrade(&socket)
}

/// Writes an answer to a connection of its own, until its end, the client's, or the server's.
async fn relay(
    mut stream: Box<dyn Stream>,
    head: Bytes,
    mut body: Body,
    mut open: watch::Receiver<()>,
) {
    let mut next = Some(head);
    while let Some(bytes) = next.take() {
        let written = tokio::select! {
            written = timeout(PATIENCE, stream.write_all(&bytes)) => written,
            _ = open.changed() => return,
        };
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
        // Nothing is expected of the client but that it goes away.
        let mut told = [0; 512];
        let chunk = loop {
            tokio::select! {
                chunk = body.chunk() => break chunk,
                read = stream.read(&mut told) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                },
                _ = open.changed() => return,
            }
        };
        let Ok(chunk) = chunk else {
            let _best_effort = stream.abort_on_close();
            return;
        };
        next = chunk;
    }
    let _best_effort = stream.shutdown().await;
}

/// The connection that a request came on.
#[derive(Clone)]
pub(super) struct Peer {
    state: Arc<AtomicU8>,
    slot: Option<Slot>,
    /// Gone with the connection.
    socket: Weak<dyn Hijack>,
    open: watch::Receiver<()>,
}

impl Peer {
    /// Resets the connection: nothing more is read from it or written to it.
    pub(super) fn abort(&self) {
        self.state.store(ABORTED, Ordering::Release);
    }

    /// Closes the connection without another byte.
    pub(super) fn close(&self) {
        self.state.store(CLOSED, Ordering::Release);
    }

    /// Takes the connection away from the HTTP server and leaves it to this answer: its head as it is
    /// on the wire, then the body, whose end is the end of the connection.
    pub(super) fn hijack(&self, head: Bytes, body: Body) {
        if let Some(stream) = self.socket.upgrade().and_then(|socket| socket.take()) {
            tokio::spawn(relay(stream, head, body, self.open.clone()));
        }
        self.close();
    }

    /// The connection's place among those of its client.
    pub(super) fn slot(&self) -> Option<Slot> {
        self.slot.clone()
    }
}

impl<L: Listener> Connected<IncomingStream<'_, Ports<L>>> for Peer
where
    L::Addr: Client,
    L::Io: Stream,
{
    fn connect_info(stream: IncomingStream<'_, Ports<L>>) -> Self {
        Self {
            state: Arc::clone(&stream.io().state),
            slot: stream.io().slot.clone(),
            socket: socket(stream.io()),
            open: stream.io().open.clone(),
        }
    }
}

/// Accepts connections and wraps them.
pub(super) struct Ports<L> {
    agent: Agent,
    listener: L,
    /// Closed when the server shuts down.
    open: watch::Receiver<()>,
}

impl<L> Ports<L> {
    pub(super) fn new(agent: Agent, listener: L, open: watch::Receiver<()>) -> Self {
        Self {
            agent,
            listener,
            open,
        }
    }
}

impl<L: Listener> Listener for Ports<L>
where
    L::Addr: Client,
    L::Io: Stream,
{
    type Io = Connection<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, L::Addr) {
        let (stream, addr, slot) = loop {
            let (stream, addr) = self.listener.accept().await;
            stream.without_delay();
            match addr.ip().map(|client| self.agent.admit(client)) {
                None => break (stream, addr, None),
                Some(Admission::Open(slot)) => break (stream, addr, Some(slot)),
                Some(Admission::Told) => {
                    tokio::spawn(turn_away(stream));
                }
                Some(Admission::Closed) => drop(stream),
            }
        };
        let mut open = self.open.clone();
        let connection = Connection {
            socket: Arc::new(Socket(Mutex::new(Some(stream)))),
            open: self.open.clone(),
            state: Arc::new(AtomicU8::new(OPEN)),
            closed: Some(Box::pin(
                async move { while open.changed().await.is_ok() {} },
            )),
            slot,
        };
        (connection, addr)
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

/// Tells a client that it has too many connections, without reading what it wants.
async fn turn_away(mut stream: impl Stream) {
    let length = TOO_MANY.len();
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{TOO_MANY}"
    );
    // Nobody waits for it if that fails.
    let _best_effort = stream.write_all(answer.as_bytes()).await;
}

/// A connection that can be made to fail.
pub(super) struct Connection<S> {
    socket: Arc<Socket<S>>,
    open: watch::Receiver<()>,
    state: Arc<AtomicU8>,
    /// Ready when the server shuts down.
    closed: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    slot: Option<Slot>,
}

impl<S: Stream> Connection<S> {
    /// Does something with the stream, as long as the connection has it.
    fn with<T>(
        &mut self,
        context: &mut Context<'_>,
        f: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Err(error) = self.check(context) {
            return Poll::Ready(Err(error));
        }
        match self.socket.lock().as_mut() {
            Some(stream) => f(Pin::new(stream), context),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(closed) = &mut self.closed
            && closed.as_mut().poll(context).is_ready()
        {
            self.closed = None;
            self.state.store(CLOSED, Ordering::Release);
        }
        match self.state.load(Ordering::Acquire) {
            OPEN => Ok(()),
            CLOSED => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => {
                if let Some(stream) = self.socket.lock().as_ref() {
                    stream.abort_on_close()?;
                }
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
    }
}

impl<S: Stream> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(context, |stream, context| stream.poll_read(context, buffer))
    }
}

impl<S: Stream> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket.lock().as_mut() {
            Some(stream) => Pin::new(stream).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket.lock().as_mut() {
            Some(stream) => Pin::new(stream).poll_shutdown(context),
            // It goes on without this connection.
            None => Poll::Ready(Ok(())),
        }
    }
}
