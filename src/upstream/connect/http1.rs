//! HTTP/1.1 connections: `reelgate-http1` over the sockets of upstreams, with this gateway's rules for heads.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, Response};
use reelgate_http1::{Call, Connection, ConnectionOptions, Error, HeaderFilter, SendError};

use super::error::Broken;
use super::idle_pool::{IdlePool, Reusable};
use super::socket::Socket;
use super::{Asked, Head};
use crate::failure::Failure;
use crate::upstream::headers;

/// A connection between requests.
pub(super) struct Http1(Connection<Socket, Body>);

/// Which headers of an answer go on to the client. `wanted`: those beside the usual ones.
struct Inbound<'a> {
    wanted: &'a [HeaderName],
}

impl Http1 {
    pub(super) fn over(socket: Socket, host: HeaderValue) -> Self {
        Self(Connection::new(socket, host))
    }

    /// Sends a request, and yields its answer, whose body brings the connection `home` once it is read.
    pub(super) async fn send<H: Head>(
        self,
        asked: &Asked<'_, H>,
        body: Body,
        home: Option<Arc<IdlePool<Http1>>>,
    ) -> Result<Response<Body>, Broken> {
        let refusal = self.0.stream().refusal().clone();
        let home = home.map(|home| move |connection| home.put(Http1(connection)));
        let call = Call { head: asked.head, body, filter: &Inbound { wanted: asked.wanted } };
        let answer = self.0.send(call, home).await;
        // Whether the upstream's TLS refused the connection before it read anything.
        let refused = |failure| if refusal.has_come() { Failure::Tls } else { failure };
        answer.map(|answer| answer.map(Body::new)).map_err(|error| match error {
            SendError::Unsent(body) => Broken::Unsent(body, refused(Failure::Unreachable)),
            SendError::Failed(error) => Broken::Failed(refused(match error {
                Error::Lost => Failure::Lost,
                Error::Stalled => Failure::HeadTimeout,
                Error::Malformed => Failure::Garbled,
            })),
        })
    }
}

impl Reusable for Http1 {
    fn is_usable(&mut self) -> bool {
        self.0.is_usable()
    }
}

impl HeaderFilter for Inbound<'_> {
    fn passes(&self, name: &HeaderName, options: &ConnectionOptions<'_>) -> bool {
        headers::goes_to_client(name, options, self.wanted)
    }
}
