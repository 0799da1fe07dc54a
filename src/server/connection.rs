//! One client's connection, from its acceptance to its end.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Version};
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1::{self, Connection, Parts};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info};

use super::pace::Pace;
use super::socket::Socket;
use super::socket::bare::Bare;
use super::socket::head_time::{HeadTime, HeadTimer, Heads};
use super::socket::write_idle::WriteIdle;
use super::{Line, Peer, Responder, edge, linger};
use crate::config::Config;
use crate::config::server::Server;
use crate::metrics::GaugeGuard;
use crate::shutdown::{Stage, Underway};

/// Serves a connection until either side ends it, or the worker cuts it.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    responder: Responder,
    mut closing: watch::Receiver<Stage>,
) {
    let gateway = responder.live.current();
    let _connected = GaugeGuard::by_one(&gateway.metrics.requests.connections);
    if let Err(error) = prepare(&stream, &gateway.config.server) {
        debug!(%peer, %error, "a socket option could not be set");
    }
    let bounds = linger::Bounds::of(&gateway.config.limits);
    let heads = Arc::new(Heads::default());
    let protocol = protocol(&gateway.config, &heads);
    let mut socket = Socket {
        inner: stream,
        heads: Arc::clone(&heads),
        bare: Bare::new(|status| edge::unreadable(status, peer, &responder.live.current().metrics)),
        write_idle: WriteIdle::new(gateway.config.server.write_idle),
        ahead: Bytes::new(),
    };
    drop(gateway);

    let close_framed = AtomicBool::new(false);
    let line = Line {
        peer: Peer::at(peer),
        underway: Underway::until_dropped(closing.clone()),
        pace: Pace::default(),
    };
    let answer = |request: Request<Incoming>| {
        close_framed.store(request.version() < Version::HTTP_11, Ordering::Relaxed);
        let (responder, line) = (&responder, &line);
        async move { Ok::<_, Infallible>(responder.answer_over_http(line, request).await) }
    };
    let end = loop {
        let connection = protocol.serve_connection(TokioIo::new(socket), service_fn(answer));
        // Apart: while it rests, a connection needs no buffers, and nothing else of all this.
        let (how, parts) = Box::pin(driven(connection, &heads, &mut closing)).await;
        socket = parts.io.into_inner();
        let until = match how {
            How::Ended(ended) => break End::of(ended, &socket, close_framed.load(Ordering::Relaxed)),
            How::Resting(until) => until,
        };
        socket.ahead = parts.read_buf;
        if !rested(&socket.inner, until, &mut closing).await {
            break End::Well;
        }
    };
    end.put(socket.inner, peer, bounds).await;
}

/// How it comes that a connection is not driven any more.
enum How {
    /// It is at its end; `None`: the worker is.
    Ended(Option<hyper::Result<()>>),
    /// There is nothing to do, and there need not be until then.
    Resting(Instant),
}

/// How often it is looked whether a connection rests.
const LOOK: Duration = Duration::from_secs(1);

/// Drives a connection as long as there is something to do.
async fn driven<I, S, B>(
    mut connection: Connection<I, S>,
    heads: &Heads,
    closing: &mut watch::Receiver<Stage>,
) -> (How, Parts<I, S>)
where
    I: Read + Write + Unpin,
    S: HttpService<Incoming, ResBody = B, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let mut look = pin!(sleep(LOOK));
    let how = loop {
        tokio::select! {
            // What has come is looked at before it is turned away.
            biased;
            ended = &mut connection => break How::Ended(Some(ended)),
            stage = next(closing) => match stage {
                Stage::Serving => {}
                Stage::Draining | Stage::Ending => {
                    heads.stopping();
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
                Stage::Over => break How::Ended(None),
            },
            () = &mut look => {
                if let Some(until) = heads.rests_until() {
                    break How::Resting(until);
                }
                look.as_mut().reset(Instant::now() + LOOK);
            }
        }
    };
    (how, connection.into_parts())
}

/// Waits until something comes; whether it does before the rest is over, and the worker's service.
async fn rested(stream: &TcpStream, until: Instant, closing: &mut watch::Receiver<Stage>) -> bool {
    tokio::select! {
        // What has come is looked at before it is turned away.
        biased;
        // Also if that is its end.
        _ = stream.readable() => true,
        _ = closing.wait_for(|stage| *stage > Stage::Serving) => false,
        () = sleep_until(until) => false,
    }
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

/// Bytes of a body that are read at a time, at most.
const READ_MAX: usize = 128 << 10;

fn protocol(config: &Config, heads: &Arc<Heads>) -> http1::Builder {
    let time = HeadTime { whole: config.server.head_timeout, idle: config.server.keep_alive };
    let mut builder = http1::Builder::new();
    builder
        .timer(HeadTimer { time, heads: Arc::clone(heads) })
        .header_read_timeout(time.idle)
        .max_buf_size(config.limits.head.max(READ_MAX))
        // Of a buffer, a head may have so much.
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
