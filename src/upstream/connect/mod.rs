//! Connections of one worker to one upstream, and which of them a request leaves by.
//!
//! Over HTTP/1.1 free calls use kept connections again and again ([`kept`]); a paid call has one that has served
//! nobody and will serve nobody else, opened ahead where that was possible ([`spares`]). Over HTTP/2 all calls share
//! one ([`shared`]).
//!
//! There is one upstream here, and one thread: no keys, and locks that nobody else ever holds.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use rustls::ClientConfig;

mod connection_settings;
mod dial;
mod error;
mod head;
mod http1;
mod http2;
mod idle_pool;
mod preconnect;
mod shared;
mod socket;
#[cfg(test)]
mod tests;
mod transport;

pub(super) use connection_settings::ConnectionSettings;
pub(super) use head::{Asked, Head};
pub use transport::Transport;

use super::headers;
use crate::config::upstreams::Protocol;
use crate::failure::Failure;
use dial::{Dialled, Dialler};
use error::Broken;
use http1::Http1;
use http2::Stream;
use idle_pool::IdlePool;
use preconnect::Preconnect;
use shared::Shared;

/// Whether an HTTP/1.1 connection may serve a second request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Kept and used again.
    Pooled,
    /// For one request. A kept connection may just be closing: what was sent on it is then lost, and nobody can tell
    /// whether it was acted on. A paid call does not take that risk.
    Fresh,
}

/// All connections of one worker to one upstream. They are closed with it.
pub(super) struct Connections {
    dialler: Dialler,
    kept: Arc<IdlePool<Http1>>,
    spares: Arc<Preconnect>,
    shared: Arc<Shared>,
}

/// What a request leaves by.
enum Way {
    Alone(Http1),
    Shared(Stream),
}

/// How often connections are made for a call that others take all the places of.
const ROUNDS: u32 = 8;

impl Connections {
    /// Connects to nobody yet.
    pub(super) fn new(transport: &ConnectionSettings, tls: ClientConfig) -> Arc<Self> {
        Arc::new(Self {
            dialler: Dialler::new(transport, tls),
            kept: IdlePool::new(transport.pool_idle),
            spares: Preconnect::new(transport.spare_connections as usize, transport.spare_age),
            shared: Shared::new(transport.protocol == Protocol::Http2, transport.pool_idle),
        })
    }

    pub(super) fn leaf(self: &Arc<Self>, reuse: Reuse) -> Transport {
        Transport::over(self, reuse)
    }

    /// Sends a request, and yields its answer, with headers that go on to the client alone.
    async fn send(
        &self,
        reuse: Reuse,
        asked: &Asked<'_, impl Head>,
        mut body: Body,
    ) -> Result<Response<Body>, Failure> {
        loop {
            let waiting = self.waiting(reuse);
            let was_waiting = waiting.is_some();
            let way = match waiting {
                Some(way) => way,
                None => Box::pin(self.dialled()).await?,
            };
            if reuse == Reuse::Fresh && matches!(way, Way::Alone(_)) {
                self.spares.open(&self.dialler);
            }
            match self.sent((way, reuse), asked, body).await {
                Ok(answer) => return Ok(answer),
                // It closed while nobody used it. The next may have, too; one that is made now has not.
                Err(Broken::Unsent(unsent, _)) if was_waiting => body = unsent,
                Err(Broken::Unsent(_, failure) | Broken::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// A connection that is there.
    fn waiting(&self, reuse: Reuse) -> Option<Way> {
        if self.shared.is_spoken()
            && let Some(stream) = self.shared.stream()
        {
            return Some(Way::Shared(stream));
        }
        let connection = match reuse {
            Reuse::Pooled => self.kept.take(),
            Reuse::Fresh => self.spares.take(),
        };
        connection.map(Way::Alone)
    }

    /// A connection made for whoever asks.
    async fn dialled(&self) -> Result<Way, Failure> {
        for _ in 0..ROUNDS {
            if !self.shared.is_spoken() {
                return Ok(match self.dialler.dial().await? {
                    Dialled::Http1(connection) => Way::Alone(connection),
                    Dialled::Http2(connection) => Way::Shared(self.shared.adopt(connection)),
                });
            }
            self.shared.dialled(&self.dialler).await?;
            if let Some(stream) = self.shared.stream() {
                return Ok(Way::Shared(stream));
            }
        }
        self.shared.crowded().map(Way::Shared).ok_or(Failure::Unreachable)
    }

    async fn sent<H: Head>(
        &self,
        (way, reuse): (Way, Reuse),
        asked: &Asked<'_, H>,
        body: Body,
    ) -> Result<Response<Body>, Broken> {
        match way {
            Way::Alone(connection) => {
                let home = (reuse == Reuse::Pooled).then(|| Arc::clone(&self.kept));
                connection.send(asked, body, home).await
            }
            Way::Shared(stream) => {
                let request = asked.head.request().map_err(Broken::Failed)?;
                // Apart: it is larger than all the rest of the call.
                let mut answer = Box::pin(stream.send(request.map(|()| body))).await?;
                *answer.headers_mut() = headers::incoming(answer.headers(), asked.wanted);
                Ok(answer)
            }
        }
    }
}
