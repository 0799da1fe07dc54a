//! The listener: connections in, requests to [`edge`], and an orderly end.
//!
//! [`run`] is started once for each worker. What workers share is in the snapshot; connections are not shared.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::gateway::Live;
use crate::routes;
use crate::shutdown::{Stage, Underway};
use crate::upstream::Upstreams;

mod bare;
mod edge;
mod framing;
mod linger;
pub mod listener;
mod pages;

pub use pages::run as run_pages;

/// Serves the gateway on `listener` until `stop` resolves; then lets what runs finish within the drain time.
///
/// # Errors
/// If the listener fails for good.
pub async fn run(
    listener: TcpListener,
    live: Live,
    upstreams: Upstreams,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let responder = Responder::new(live.clone(), upstreams);
    let (closing, watcher) = watch::channel(Stage::Serving);
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(connection(stream, peer, responder.clone(), watcher.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: waiting lets some be given back.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop((listener, watcher));
    let drain = live.current().config.server.drain;
    drop(live);
    closing.send_replace(Stage::Draining);
    let last = drain / LAST_PART;
    if timeout(drain.saturating_sub(last), closing.closed()).await.is_ok() {
        return Ok(());
    }
    closing.send_replace(Stage::Ending);
    if timeout(last, closing.closed()).await.is_err() {
        warn!(connections = closing.receiver_count(), "cut at the end of the drain time");
    }
    Ok(())
}

/// Share of the drain time that is left for telling clients that their answers will not come in time.
const LAST_PART: u32 = 10;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What answers requests, beneath HTTP.
#[derive(Clone)]
pub struct Responder {
    live: Live,
    router: Router,
}

impl Responder {
    /// The gateway over these upstreams, without a socket.
    #[must_use]
    pub fn new(live: Live, upstreams: Upstreams) -> Self {
        Self { live, router: routes::router(upstreams) }
    }

    /// Answers one request.
    pub async fn answer(&self, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
        edge::handle(self.live.current(), peer, request, |request| async {
            match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
        .await
    }

    async fn answer_over_http(
        &self,
        peer: SocketAddr,
        underway: &Underway,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let limits = &self.live.current().config.limits;
        let bounds = linger::Bounds { bytes: limits.linger_bytes, time: limits.linger_time };
        let (mut head, body) = request.into_parts();
        head.extensions.insert(underway.clone());
        let (body, ended) = linger::lingering(body, bounds);
        let mut response = self.answer(peer, Request::from_parts(head, body)).await;
        if !ended.is_ended() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    responder: Responder,
    mut closing: watch::Receiver<Stage>,
) {
    let snapshot = responder.live.current();
    // Answers are small and awaited: nothing is gained by holding them back.
    let _ = stream.set_nodelay(true);
    let underway = Underway::until_dropped(closing.clone());
    let service = service_fn(|request| {
        let (responder, underway) = (&responder, &underway);
        async move { Ok::<_, std::convert::Infallible>(responder.answer_over_http(peer, underway, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(snapshot.config.server.keep_alive)
        .max_buf_size(snapshot.config.limits.head)
        .serve_connection(TokioIo::new(bare::Bare::new(stream, edge::bare)), service);
    drop(snapshot);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended early");
    }
}
