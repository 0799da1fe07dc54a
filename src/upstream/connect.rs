//! Connections to one upstream: TCP, TLS, the pool, and the time all that may take.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::{Authority, Scheme};
use axum::http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt};

use super::untaken;
use crate::config::upstreams::{Protocol, Upstream as Settings};
use crate::failure::Failure;

/// Sends one request and yields the head of its answer: a pooled HTTP client, or what a test puts in its place.
pub type Leaf = BoxCloneSyncService<Request<Body>, Response<Body>, Failure>;

/// The connector, with one bound over name look-up, TCP and TLS together.
#[derive(Clone)]
struct Bounded<C> {
    inner: HttpsConnector<C>,
    limit: Duration,
}

/// Connecting took longer than allowed.
#[derive(Debug)]
struct ConnectTimeout;

impl std::fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connecting took too long")
    }
}

impl Error for ConnectTimeout {}

type AnyError = Box<dyn Error + Send + Sync>;

impl<C> Service<Uri> for Bounded<C>
where
    HttpsConnector<C>: Service<Uri, Error = AnyError>,
    <HttpsConnector<C> as Service<Uri>>::Future: Send + 'static,
{
    type Response = <HttpsConnector<C> as Service<Uri>>::Response;
    type Error = AnyError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| Err(ConnectTimeout.into()))
        })
    }
}

/// All that connections are made by: as long as it stays the same, they can be used on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transport {
    scheme: Scheme,
    authority: Authority,
    protocol: Protocol,
    authorities: Vec<CertificateDer<'static>>,
    connect_timeout: Duration,
    body_idle: Duration,
    pool_idle: Duration,
    tcp_keep_alive: Option<Duration>,
}

impl Transport {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            scheme: settings.base.scheme.clone(),
            authority: settings.base.authority.clone(),
            protocol: settings.protocol,
            authorities: settings.authorities.clone(),
            connect_timeout: settings.connect_timeout,
            body_idle: settings.body_idle,
            pool_idle: settings.pool_idle,
            tcp_keep_alive: settings.tcp_keep_alive,
        }
    }
}

/// What TLS needs; made once, since reading the system's roots takes a while.
pub(super) fn tls(transport: &Transport) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if transport.scheme == Scheme::HTTPS {
        // A single unreadable certificate must not cost the others.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for certificate in &transport.authorities {
        roots.add(certificate.clone()).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
}

/// Bytes of one HTTP/2 stream that may be under way.
const STREAM_WINDOW: u32 = 1 << 20;
/// Bytes of all streams of a connection that may be under way; close to the most the protocol allows.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// How often an HTTP/2 connection in use is asked whether it is still there.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// Whether a connection may serve a second request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Kept and used again.
    Pooled,
    /// Made for one request. A kept connection may just be closing: what was sent on it is then lost, and
    /// nobody can tell whether it was acted on. A paid call does not take that risk.
    Fresh,
}

pub(super) fn leaf(transport: &Transport, tls: ClientConfig, reuse: Reuse) -> Leaf {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    // A long wait for an answer is silent: without it, whatever stands between forgets the connection.
    http.set_keepalive(transport.tcp_keep_alive);
    http.enforce_http(false);
    let body_idle = transport.body_idle;
    // Below TLS, where it can be seen what was taken.
    let http = http.map_response(move |socket| untaken::Bounded::new(socket, body_idle));
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let inner = match transport.protocol {
        Protocol::Auto => https.enable_all_versions().wrap_connector(http),
        Protocol::Http1 => https.enable_http1().wrap_connector(http),
        Protocol::Http2 => https.enable_http2().wrap_connector(http),
    };
    let idle = match reuse {
        Reuse::Pooled => usize::MAX,
        Reuse::Fresh => 0,
    };
    let client = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(transport.pool_idle)
        .pool_max_idle_per_host(idle)
        // A kept connection may close before the first byte of a request: then, and for free calls only, the
        // library asks again. All else is for the layers above to decide.
        .retry_canceled_requests(reuse == Reuse::Pooled)
        // One HTTP/2 connection serves many: a client that does not read its download holds up its own stream,
        // and never the connection.
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(HTTP2_PING)
        .http2_only(transport.protocol == Protocol::Http2)
        .build(Bounded { inner, limit: transport.connect_timeout });
    let leaf = ServiceBuilder::new()
        .map_response(|answer: Response<Incoming>| answer.map(Body::new))
        .map_err(|error| failure_of(&error))
        .service(client);
    Leaf::new(leaf)
}

/// What a client error means for the call. Anything that is not certainly "before the first byte" is lost.
fn failure_of(error: &hyper_util::client::legacy::Error) -> Failure {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    if error.is_connect() {
        return if causes().any(<dyn Error>::is::<ConnectTimeout>) {
            Failure::ConnectTimeout
        } else if causes().any(is_tls) {
            Failure::Tls
        } else {
            Failure::Unreachable
        };
    }
    let parse = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_parse() || error.is_parse_status())
    };
    let timed_out = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    };
    if causes().any(parse) {
        Failure::Garbled
    } else if causes().any(timed_out) {
        // It took nothing of what it was sent.
        Failure::HeadTimeout
    } else {
        Failure::Lost
    }
}

/// rustls reports its errors inside of I/O errors, the connector puts those into others, and the `source` of an
/// I/O error skips what it holds.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || held.is_some_and(|held| is_tls(held))
}
