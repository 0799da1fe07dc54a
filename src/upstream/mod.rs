//! Talking to the servers behind the gateway. Knows nothing of models, seconds or sizes.
//!
//! A call becomes attempts: [`retry`] asks, and asks again where that is safe; [`breaker`] leaves alone what fails;
//! [`attempt`] sends one request and takes one answer. Every call ends in an answer or in an [`Unanswered`], within
//! the [`deadline`] the configuration sets.
//!
//! [`Upstreams`] belongs to one worker: its connections are never shared between threads. What workers know of an
//! upstream's health they share, in `vitals`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use axum::response::Response as Answer;
use rustls::ClientConfig;

use crate::config::Config;
use crate::config::upstreams::Upstream as Settings;
use crate::failure::Failure;

mod answer;
mod attempt;
mod breaker;
mod call;
pub(crate) mod coding;
mod connect;
mod deadline;
mod derived;
mod head;
mod header_policy;
mod headers;
pub(crate) mod health;
mod masked;
pub(crate) mod measured;
mod outgoing;
mod paid;
mod presence;
mod response_class;
mod resume;
mod retry;
mod scrub;
mod send;
#[cfg(feature = "otlp")]
mod span;
mod spelling;
mod sse;
mod stacks;
mod stream;
mod streamed;
#[cfg(test)]
mod tests;
mod traced;
mod upstream_metrics;
mod window;
mod write_timeout;

pub(crate) use answer::is_json;
pub use call::{Attempts, Call, Kind, Payload, Unanswered, Why};
pub use connect::Transport;
pub(crate) use headers::ACCOUNT;
pub(crate) use paid::UnderSuccess;
pub use presence::{Presence, Waiting};

use connect::{ConnectionSettings, Connections, Reuse};
use deadline::Deadline;
use health::AllUpstreamHealth;
use stacks::{Leaves, Upstream};

/// The connections of one worker to every upstream.
#[derive(Clone, Default)]
pub struct Upstreams(Arc<[Upstream]>);

/// Names alone: heads hold credentials.
impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|upstream| &upstream.name)).finish()
    }
}

impl Upstreams {
    /// Whether clients of these upstreams could be made. Connects to none of them.
    ///
    /// # Errors
    /// If a certificate authority cannot be used.
    pub(crate) fn check(config: &Config) -> io::Result<()> {
        let vitals = health::next(config, &AllUpstreamHealth::new());
        Self::next(config, &vitals, &[Self::default()]).map(drop)
    }

    /// Clients of every upstream for those who have `old` ones: their connections are used on where nothing changes
    /// in how they are made. Connects to nobody.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) fn next(config: &Config, vitals: &AllUpstreamHealth, old: &[Self]) -> io::Result<Vec<Self>> {
        let mut tls = HashMap::new();
        let mut leaves = |old: &Self, settings: &Settings, transport: &ConnectionSettings| {
            let kept = old.find(&settings.name).filter(|old| old.transport == *transport);
            if let Some(kept) = kept {
                return Ok(kept.leaves.clone());
            }
            // Reading the system's certificates takes longer than all else: once for all workers is enough.
            let tls = match tls.entry(Arc::clone(&settings.name)) {
                Entry::Occupied(made) => made.into_mut(),
                Entry::Vacant(place) => place.insert(tls_of(settings, transport)?),
            };
            let connections = Connections::new(transport, tls.clone());
            Ok(Leaves { fresh: connections.leaf(Reuse::Fresh), pooled: connections.leaf(Reuse::Pooled) })
        };
        old.iter()
            .map(|old| Self::with(config, vitals, |settings, transport| leaves(old, settings, transport)))
            .collect()
    }

    /// Clients of every upstream, over a leaf of the caller's in place of connections.
    ///
    /// # Errors
    /// If an operator's credential makes no header value.
    pub(crate) fn over(config: &Config, vitals: &AllUpstreamHealth, leaf: &Transport) -> io::Result<Self> {
        Self::with(config, vitals, |_, _| Ok(Leaves { fresh: leaf.clone(), pooled: leaf.clone() }))
    }

    fn with(
        config: &Config,
        vitals: &AllUpstreamHealth,
        mut leaves: impl FnMut(&Settings, &ConnectionSettings) -> io::Result<Leaves>,
    ) -> io::Result<Self> {
        let answer_headers: Arc<[HeaderName]> = config.routes.answer_headers.as_slice().into();
        let upstream = |settings: &Settings| {
            let transport = ConnectionSettings::of(settings);
            let leaves = leaves(settings, &transport)?;
            let vitals = vitals.get(&settings.name).ok_or(io::ErrorKind::NotFound)?;
            Upstream::new(settings, vitals, (transport, leaves), &answer_headers)
        };
        let all: io::Result<Arc<[Upstream]>> = config.upstreams.iter().map(upstream).collect();
        Ok(Self(all?))
    }

    /// How long a paid call with these headers may take at the upstream of that name.
    #[must_use]
    pub fn time_for(&self, name: &str, headers: &HeaderMap) -> Duration {
        let limit = |upstream: &Upstream| Deadline::new(upstream.deadlines.submit, headers).limit();
        self.find(name).map_or(Duration::ZERO, limit)
    }

    /// Makes the call at the upstream of that name.
    ///
    /// # Errors
    /// Without an answer; see [`Unanswered`].
    pub async fn send(&self, name: &str, call: &Arc<Call>, payload: Payload) -> Result<Answer, Unanswered> {
        match self.find(name) {
            Some(upstream) => upstream.send(call, payload).await,
            // The configuration was checked: a name that is missing here is one that it does not have any more.
            None => Err(Unanswered::never_sent(Failure::Unreachable)),
        }
    }

    fn find(&self, name: &str) -> Option<&Upstream> {
        self.0.iter().find(|upstream| *upstream.name == *name)
    }
}

fn tls_of(settings: &Settings, transport: &ConnectionSettings) -> io::Result<ClientConfig> {
    transport
        .tls()
        .map_err(|error| io::Error::new(error.kind(), format!("upstreams.{}.{error}", settings.name)))
}

/// Longest a JSON answer may be to be read whole before its head is sent on, in bytes.
pub(crate) const WHOLE_MAX: usize = 1 << 20;
