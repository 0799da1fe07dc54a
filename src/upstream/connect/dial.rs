//! New connections: name look-up, TCP, TLS, and which protocol is spoken.

use std::time::Duration;

use axum::http::uri::Scheme;
use axum::http::{HeaderValue, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use super::connection_settings::ConnectionSettings;
use super::error::{self, AnyError};
use super::http1::Http1;
use super::http2::Http2;
use super::socket::{Stream, Watched};
use crate::config::upstreams::Protocol;
use crate::failure::Failure;
use crate::upstream::write_timeout;

/// A connection that has served nobody yet.
pub(super) enum Dialled {
    Http1(Http1),
    Http2(Http2),
}

/// Makes connections to one upstream.
#[derive(Clone)]
pub(super) struct Dialler {
    connector: BoxCloneSyncService<Uri, Stream, AnyError>,
    target: Uri,
    /// What `Host` says.
    host: HeaderValue,
    /// Bounds name look-up, TCP and TLS together.
    limit: Duration,
    /// Without being asked by TLS.
    http2: bool,
}

impl Dialler {
    pub(super) fn new(transport: &ConnectionSettings, tls: ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        // A long wait for an answer is silent: without it, whatever stands between forgets the connection.
        http.set_keepalive(transport.tcp_keep_alive);
        http.enforce_http(false);
        let body_idle = transport.body_idle;
        // Below TLS, where it can be seen what was taken.
        let http = http.map_response(move |socket| write_timeout::WriteTimeout::new(socket, body_idle));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = match transport.protocol {
            Protocol::Auto => https.enable_all_versions().wrap_connector(http),
            Protocol::Http1 => https.enable_http1().wrap_connector(http),
            Protocol::Http2 => https.enable_http2().wrap_connector(http),
        };
        Self {
            connector: BoxCloneSyncService::new(connector),
            target: root(&transport.scheme, transport),
            host: transport.host(),
            limit: transport.connect_timeout,
            http2: transport.protocol == Protocol::Http2,
        }
    }

    /// A new connection.
    ///
    /// # Errors
    /// Without one. Nothing of a request was sent then.
    pub(super) async fn dial(&self) -> Result<Dialled, Failure> {
        let connecting = timeout(self.limit, self.connector.clone().oneshot(self.target.clone()));
        let stream = connecting.await.map_err(|_| Failure::ConnectTimeout)?;
        let stream = stream.map_err(|error| error::of_connecting(&*error))?;
        let is_http2 = self.http2 || stream.connected().is_negotiated_h2();
        let socket = Watched::new(TokioIo::new(stream));
        if is_http2 {
            Http2::over(socket).await.map(Dialled::Http2)
        } else {
            Ok(Dialled::Http1(Http1::over(socket, self.host.clone())))
        }
    }
}

fn root(scheme: &Scheme, transport: &ConnectionSettings) -> Uri {
    let uri = Uri::builder().scheme(scheme.clone()).authority(transport.authority.clone());
    // A scheme, an authority and a path always make one.
    uri.path_and_query("/").build().unwrap_or_default()
}
