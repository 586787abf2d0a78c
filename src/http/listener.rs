//! Accepts connections, and sees to it that a client that asks nothing, or stops reading, does not keep
//! one for ever.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::request::Parts;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::HttpConfig;

/// Connections that may wait to be accepted: after a restart all clients come back at once.
const BACKLOG: u32 = 4_096;

/// Opens the listening socket of the settings. Must be called inside the runtime.
///
/// Accepted connections inherit its send buffer. It is kept small, because the system reports
/// room in it only once a third is free: with the megabytes that Linux would otherwise give, a
/// client that slowly takes bytes could not be told from one that takes none.
pub fn bind(config: &HttpConfig) -> io::Result<TcpListener> {
    let socket = match config.listen {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(config.send_buffer)?;
    socket.bind(config.listen)?;
    socket.listen(BACKLOG)
}

/// Serves HTTP/1.1 until `shutdown` is cancelled and the connections open then have ended. Sockets and
/// event streams end with the `drain` token of the router.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    config: &HttpConfig,
    shutdown: CancellationToken,
) -> io::Result<()> {
    // WebSockets give up a stalled client by themselves and then try to say why.
    let patience = config.stall_timeout + config.ws_close_timeout;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout);
    let router = TowerToHyperService::new(router);
    let connections = TaskTracker::new();
    loop {
        // The trait's own `accept` waits and tries again where `TcpListener::accept` fails.
        let (stream, address) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = shutdown.cancelled() => break,
        };
        let stream = PatientStream::new(stream, patience);
        let peer = Peer {
            address: Some(address.ip()),
            taken: stream.taken.clone(),
        };
        let connection = converse(http.clone(), stream, peer, router.clone(), shutdown.clone());
        connections.spawn(connection);
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Answers the requests of one connection until it ends; after `shutdown` no further ones.
async fn converse(
    http: http1::Builder,
    stream: PatientStream,
    peer: Peer,
    router: TowerToHyperService<Router>,
    shutdown: CancellationToken,
) {
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer.clone()));
        router.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection.with_upgrades());
    // How a connection ended is its client's affair.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The other end of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// Unknown only where no connection is, in tests.
    pub(super) address: Option<IpAddr>,
    pub(super) taken: Taken,
}

impl Peer {
    /// Who sent the request. Only a router that [`serve`] does not run knows nobody.
    pub(super) fn of(request: &Parts) -> Self {
        let peer = request.extensions.get::<ConnectInfo<Self>>();
        peer.map_or_else(Self::default, |ConnectInfo(peer)| peer.clone())
    }
}

/// Counts the bytes that the client's connection has taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<AtomicU64>);

impl Taken {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection whose writes fail once the client has taken no byte for `patience`.
struct PatientStream {
    stream: TcpStream,
    taken: Taken,
    /// Runs while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
    patience: Duration,
}

impl PatientStream {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        Self {
            stream,
            taken: Taken::default(),
            stall: None,
            patience,
        }
    }

    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = write {
            self.stall = None;
            if let Ok(bytes) = &result {
                self.taken.0.fetch_add(*bytes as u64, Ordering::Relaxed);
            }
            return Poll::Ready(result);
        }
        let patience = self.patience;
        let stall = self
            .stall
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        stall
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
