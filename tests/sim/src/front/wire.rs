//! Connections of the HTTP front: TCP or a Unix socket, wrapped so that a handler can make its own one
//! fail. A reset cannot be told through a response.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::sync::watch;

/// What a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Lets closing send a reset instead of an orderly end, where there is such a thing.
    fn abort_on_close(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn abort_on_close(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn abort_on_close(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The connection that a request came on.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    broken: Arc<AtomicBool>,
}

impl Peer {
    /// Makes the connection fail: nothing more is read from it or written to it.
    pub(super) fn abort(&self) {
        self.broken.store(true, Ordering::Release);
    }
}

impl<L: Listener> Connected<IncomingStream<'_, Ports<L>>> for Peer
where
    L::Io: Stream,
{
    fn connect_info(stream: IncomingStream<'_, Ports<L>>) -> Self {
        Self {
            broken: Arc::clone(&stream.io().broken),
        }
    }
}

/// Accepts connections and wraps them.
pub(super) struct Ports<L> {
    listener: L,
    /// Closed when the server shuts down.
    open: watch::Receiver<()>,
}

impl<L> Ports<L> {
    pub(super) fn new(listener: L, open: watch::Receiver<()>) -> Self {
        Self { listener, open }
    }
}

impl<L: Listener> Listener for Ports<L>
where
    L::Io: Stream,
{
    type Io = Connection<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, L::Addr) {
        let (stream, addr) = self.listener.accept().await;
        let mut open = self.open.clone();
        let connection = Connection {
            stream,
            broken: Arc::new(AtomicBool::new(false)),
            closed: Some(Box::pin(
                async move { while open.changed().await.is_ok() {} },
            )),
        };
        (connection, addr)
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that can be made to fail.
pub(super) struct Connection<S> {
    stream: S,
    broken: Arc<AtomicBool>,
    /// Ready when the server shuts down.
    closed: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S: Stream> Connection<S> {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(closed) = &mut self.closed
            && closed.as_mut().poll(context).is_ready()
        {
            self.closed = None;
            self.broken.store(true, Ordering::Release);
        }
        if self.broken.load(Ordering::Acquire) {
            self.stream.abort_on_close()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl<S: Stream> AsyncRead for Connection<S> {
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

impl<S: Stream> AsyncWrite for Connection<S> {
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
