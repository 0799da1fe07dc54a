//! One client's connection, from its acceptance to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::{debug, info};

use super::socket::Socket;
use super::socket::bare::Bare;
use super::socket::head_time::{HeadTime, HeadTimer, Heads};
use super::socket::write_idle::WriteIdle;
use super::{Peer, Responder, edge, linger};
use crate::config::Config;
use crate::config::server::Server;
use crate::metrics::Raised;
use crate::shutdown::{Stage, Underway};

/// Serves a connection until either side ends it, or the worker cuts it.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    responder: Responder,
    mut closing: watch::Receiver<Stage>,
) {
    let gateway = responder.live.current();
    let _connected = Raised::by_one(&gateway.metrics.requests.connections);
    if let Err(error) = prepare(&stream, &gateway.config.server) {
        debug!(%peer, %error, "a socket option could not be set");
    }
    let bounds = linger::Bounds::of(&gateway.config.limits);
    let heads = Arc::new(Heads::default());
    let protocol = protocol(&gateway.config, &heads);
    let socket = Socket {
        inner: stream,
        heads: Arc::clone(&heads),
        bare: Bare::new(|status| edge::unreadable(status, peer, &responder.live.current().metrics)),
        write_idle: WriteIdle::new(gateway.config.server.write_idle),
    };
    drop(gateway);

    let underway = Underway::until_dropped(closing.clone());
    let close_framed = AtomicBool::new(false);
    let from = Peer::at(peer);
    let service = service_fn(|request: Request<Incoming>| {
        close_framed.store(request.version() < Version::HTTP_11, Ordering::Relaxed);
        let (responder, from, underway) = (&responder, &from, &underway);
        async move { Ok::<_, std::convert::Infallible>(responder.answer_over_http(from, underway, request).await) }
    });
    let mut connection = protocol.serve_connection(TokioIo::new(socket), service);
    let ended = loop {
        tokio::select! {
            // What has come is looked at before it is turned away.
            biased;
            ended = &mut connection => break Some(ended),
            stage = next(&mut closing) => match stage {
                Stage::Serving => {}
                Stage::Draining | Stage::Ending => {
                    heads.stopping();
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
                Stage::Over => break None,
            }
        }
    };
    let socket = connection.into_parts().io.into_inner();
    let end = End::of(ended, &socket, close_framed.into_inner());
    end.put(socket.inner, peer, bounds).await;
}

/// The worker's next stage. A worker that is gone is over.
async fn next(closing: &mut watch::Receiver<Stage>) -> Stage {
    match closing.changed().await {
        Ok(()) => *closing.borrow_and_update(),
        Err(_) => Stage::Over,
    }
}

fn prepare(stream: &TcpStream, settings: &Server) -> io::Result<()> {
    // Answers are small and awaited: nothing is gained by holding them back.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    // The kernel would take megabytes for a client that is slow, and then find it moving only once in a while.
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
    match settings.tcp_keep_alive {
        Some(after) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after)),
        None => Ok(()),
    }
}

/// Bytes of an answer that wait in the kernel before any more are taken from the upstream.
#[cfg(target_os = "linux")]
const UNSENT_MAX: u32 = 128 << 10;

fn protocol(config: &Config, heads: &Arc<Heads>) -> http1::Builder {
    let time = HeadTime { whole: config.server.head_timeout, idle: config.server.keep_alive };
    let mut builder = http1::Builder::new();
    builder
        .timer(HeadTimer { time, heads: Arc::clone(heads) })
        .header_read_timeout(time.idle)
        .max_buf_size(config.limits.head)
        // A buffer may turn out larger than it was asked to be.
        .max_header_size(config.limits.head);
    builder
}

/// How a connection ends.
enum End {
    /// Nothing is left to say.
    Well,
    /// The last answer may not have been read: the client may still be sending.
    Refused,
    /// Nothing tells the client that an answer is not whole, but a reset.
    Cut(&'static str),
}

impl End {
    fn of<S, W>(ended: Option<hyper::Result<()>>, socket: &Socket<S, W>, close_framed: bool) -> Self {
        let Some(ended) = ended else { return Self::Cut("the drain time is over") };
        if socket.write_idle.is_expired() {
            return Self::Cut("the client did not take its answer");
        }
        if socket.bare.has_answered() {
            return Self::Refused;
        }
        match ended {
            Err(error) if close_framed && !error.is_timeout() => {
                Self::Cut("an answer without a length broke off")
            }
            Err(_) | Ok(()) => Self::Well,
        }
    }

    async fn put(self, stream: TcpStream, peer: SocketAddr, bounds: linger::Bounds) {
        match self {
            Self::Well => {}
            Self::Refused => linger::read_on_from(&stream, bounds).await,
            Self::Cut(reason) => {
                info!(%peer, reason, "connection cut");
                // Closing it then resets it. Where even that fails, it was gone already.
                let _ = stream.set_zero_linger();
            }
        }
    }
}
