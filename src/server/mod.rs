//! The listener: connections in, requests to [`edge`], and an orderly end.
//!
//! [`run`] is started once for each worker. What workers share is in the snapshot; connections are not shared.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

use crate::gateway::{Gateway, Live};
use crate::metrics::meter::Metered;
use crate::outcome::Refusal;
use crate::rejection::Rejection;
use crate::routes::{self, Served};
use crate::shutdown::{Stage, Underway};
use crate::telemetry::Seldom;
use pace::{NoRoom, Pace};

mod connection;
mod cors;
mod edge;
mod framing;
mod linger;
pub mod listener;
mod pace;
mod pages;
mod record;
mod socket;

pub use pages::run as run_pages;

/// Serves the gateway on `listener` until `stop` resolves; then lets what runs finish within the drain time.
///
/// # Errors
/// If the listener fails for good.
pub async fn run(listener: TcpListener, live: Live, stop: impl Future<Output = ()>) -> io::Result<()> {
    let responder = Responder::new(live.clone());
    let (closing, watcher) = watch::channel(Stage::Serving);
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(connection::serve(stream, peer, responder.clone(), watcher.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: waiting lets some be given back.
                    if UNACCEPTED.is_due("connections") {
                        warn!(%error, "a connection could not be accepted");
                    }
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
        warn!("the drain time is over: what is still under way is cut");
        closing.send_replace(Stage::Over);
        let _ = timeout(CUT_TIME, closing.closed()).await;
    }
    Ok(())
}

/// Share of the drain time that is left for telling clients that their answers will not come in time.
const LAST_PART: u32 = 10;

/// How long cutting connections may take. What outlives its connection is not waited for any longer.
const CUT_TIME: Duration = Duration::from_millis(100);

/// What was said of connections that could not be accepted.
static UNACCEPTED: Seldom = Seldom::new();

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a request comes from.
struct ClientSide {
    peer: Peer,
    /// Keeps the worker from ending, and tells how far that has come. Absent where there is no socket.
    underway: Option<Underway>,
}

/// One connection, as its requests see it.
struct Line {
    peer: Peer,
    underway: Underway,
    pace: Pace,
}

/// The other end of a connection. Every line of the log shows it: it is written once.
#[derive(Clone)]
struct Peer {
    #[cfg(feature = "otlp")]
    address: SocketAddr,
    shown: Arc<str>,
}

impl Peer {
    fn at(address: SocketAddr) -> Self {
        Self {
            #[cfg(feature = "otlp")]
            address,
            shown: address.to_string().into(),
        }
    }

    #[cfg(feature = "otlp")]
    const fn address(&self) -> SocketAddr {
        self.address
    }

    fn shown(&self) -> &str {
        &self.shown
    }
}

/// What answers requests, beneath HTTP.
#[derive(Clone)]
pub struct Responder {
    live: Live,
}

impl Responder {
    /// The gateway without a socket.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live }
    }

    /// Answers one request.
    pub async fn answer(&self, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
        let client = ClientSide { peer: Peer::at(peer), underway: None };
        self.answer_by(self.live.current(), client, Box::new(request)).await
    }

    /// Answers one request by this snapshot, which is the only one it sees.
    async fn answer_by(
        &self,
        gateway: Arc<Gateway>,
        client: ClientSide,
        // Apart: it is handed down through many layers, and each of them would be larger by it.
        request: Box<Request<Body>>,
    ) -> Response<Body> {
        let stopping = client.underway.as_ref().is_some_and(|underway| underway.has_reached(Stage::Draining));
        let upstreams = self.live.upstreams(&gateway);
        edge::handle(&gateway, client, request, |request| async {
            if stopping {
                return Refusal::from(Rejection::Stopping).into_response();
            }
            routes::answer(Served { gateway: Arc::clone(&gateway), upstreams }, request).await
        })
        .await
    }

    /// Answers a request that came over a connection. What is done before it is waited for keeps small what then waits.
    fn answer_over_http<'a>(
        &'a self,
        line: &'a Line,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Metered<Body>>> + 'a {
        let gateway = self.live.current();
        let bytes = &gateway.metrics.requests.bytes;
        let (from_client, to_client) = (bytes.from_clients.clone(), bytes.to_clients.clone());
        let bounds = linger::Bounds::of(&gateway.config.limits);
        let (head, body) = request.into_parts();
        let (body, ended) = linger::lingering(Metered::new(body, from_client), bounds);
        let request = Box::new(Request::from_parts(head, body));
        async move {
            line.pace.turn().await;
            let client = ClientSide { peer: line.peer.clone(), underway: Some(line.underway.clone()) };
            let pause = gateway.config.limits.in_flight.wait;
            let mut response = self.answer_by(gateway, client, request).await;
            if response.extensions().get::<NoRoom>().is_some() {
                line.pace.pause(pause);
            }
            if !ended.is_ended() || line.underway.has_reached(Stage::Draining) {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response.map(|body| Metered::new(body, to_client))
        }
    }
}
