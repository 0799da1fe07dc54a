//! Talking to the servers behind the gateway. Knows nothing of models, seconds or sizes.
//!
//! A call becomes attempts: [`retry`] asks, and asks again where that is safe; [`breaker`] leaves alone what fails;
//! [`attempt`] sends one request and takes one answer. Every call ends in an answer or in an [`Unanswered`], within
//! the [`deadline`] the configuration sets.
//!
//! [`Upstreams`] belongs to one worker: its connections are never shared between threads. What workers know of an
//! upstream's health they share, in `vitals`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use axum::response::Response as Answer;
use rustls::ClientConfig;
use tower::{ServiceBuilder, ServiceExt};

use crate::config::Config;
use crate::config::upstreams::Upstream as Settings;
use crate::error::Dialect;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::quota::limit::Limit;
use crate::shutdown::Underway;

mod answer;
mod attempt;
mod breaker;
mod call;
mod connect;
mod deadline;
mod headers;
mod outgoing;
mod presence;
mod resume;
mod retry;
mod said;
mod scrub;
mod send;
mod sse;
mod stream;
mod streamed;
mod tally;
#[cfg(test)]
mod tests;
mod untaken;
mod vitals;
mod window;

pub(crate) use answer::is_json;
pub use call::{Attempts, Call, Kind, Payload, Unanswered, Why};
pub use connect::Leaf;
pub use presence::{Presence, Waiting};

use attempt::{Attempt, Rules, Times};
use breaker::{BreakerLayer, Guarded};
use connect::Reuse;
use deadline::Deadline;
use outgoing::{Heads, Outgoing, Terms};
use retry::{Retry, RetryLayer};
use tally::Tally;
use vitals::Vitals;

/// The connections of one worker to every upstream.
#[derive(Clone)]
pub struct Upstreams(Arc<[Upstream]>);

/// What a call passes, from top to bottom.
type Stack = Retry<Guarded<Attempt>>;

struct Upstream {
    name: Arc<str>,
    heads: Heads,
    deadlines: Times,
    // Polls are cheap and frequent, creates dear and rare: they share an upstream's health, but no connection.
    submit: Stack,
    fetch: Stack,
}

impl Upstreams {
    /// Prepares clients of every upstream for each of `workers`; connects to none of them.
    ///
    /// # Errors
    /// If a certificate file cannot be read.
    pub fn for_workers(config: &Config, workers: usize) -> io::Result<Vec<Self>> {
        // Reading the system's certificates takes longer than all else at start: once is enough.
        let tls: io::Result<Vec<ClientConfig>> = config.upstreams.iter().map(tls).collect();
        let tls = tls?;
        let leaves = |index: usize, settings: &Settings| {
            let tls = tls.get(index).ok_or(io::ErrorKind::NotFound)?;
            let leaf = |reuse| connect::leaf(settings, tls.clone(), reuse);
            Ok((leaf(Reuse::Fresh), leaf(Reuse::Pooled)))
        };
        let vitals = vitals(config);
        (0..workers).map(|_| Self::with(config, &vitals, leaves)).collect()
    }

    /// As [`Self::for_workers`], for a single one.
    ///
    /// # Errors
    /// As there.
    pub fn new(config: &Config) -> io::Result<Self> {
        Self::for_workers(config, 1)?.pop().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The same over a leaf of the caller's, in place of connections.
    ///
    /// # Errors
    /// If an operator's credential makes no header value.
    pub fn over(config: &Config, leaf: &Leaf) -> io::Result<Self> {
        Self::with(config, &vitals(config), |_, _| Ok((leaf.clone(), leaf.clone())))
    }

    fn with(
        config: &Config,
        vitals: &[Arc<Vitals>],
        leaves: impl Fn(usize, &Settings) -> io::Result<(Leaf, Leaf)>,
    ) -> io::Result<Self> {
        let answer_headers: Arc<[HeaderName]> = config.routes.answer_headers.as_slice().into();
        let upstreams = config.upstreams.iter().zip(vitals).enumerate();
        let upstreams = upstreams.map(|(index, (settings, vitals))| {
            Upstream::new(settings, vitals, leaves(index, settings)?, &answer_headers)
        });
        let all: io::Result<Arc<[Upstream]>> = upstreams.collect();
        Ok(Self(all?))
    }

    /// How long a paid call with these headers may take at the upstream of that name.
    #[must_use]
    pub fn time_for(&self, name: &str, headers: &HeaderMap) -> Duration {
        let upstream = self.0.iter().find(|upstream| *upstream.name == *name);
        upstream.map_or(Duration::ZERO, |upstream| Deadline::new(upstream.deadlines.submit, headers).limit())
    }

    /// Makes the call at the upstream of that name.
    ///
    /// # Errors
    /// Without an answer; see [`Unanswered`].
    pub async fn send(&self, name: &str, call: &Call, payload: Payload) -> Result<Answer, Unanswered> {
        match self.0.iter().find(|upstream| *upstream.name == *name) {
            Some(upstream) => upstream.send(call, payload).await,
            // The configuration was checked: a name that is missing here was removed from under us.
            None => Err(never_sent(Failure::Unreachable)),
        }
    }
}

impl Upstream {
    fn new(
        settings: &Settings,
        vitals: &Arc<Vitals>,
        (submit, fetch): (Leaf, Leaf),
        answer_headers: &Arc<[HeaderName]>,
    ) -> io::Result<Self> {
        let heads = Heads::new(settings)?;
        let rules = Arc::new(Rules {
            times: Times {
                submit: settings.submit_timeout,
                fetch: settings.fetch_timeout,
                other: settings.other_timeout,
            },
            body_idle: settings.body_idle,
            sse_idle: settings.sse_idle,
            event_max: settings.event_max,
            resume_attempts: settings.resume_attempts,
            unwrap: settings.unwrap_errors,
            own_credential: heads.has_credential(),
            secret: heads.secret(),
            answer_headers: Arc::clone(answer_headers),
        });
        let stack = |leaf| {
            ServiceBuilder::new()
                // Sees every attempt, so it may ask for another; keeps all of them within the deadline.
                .layer(RetryLayer::new(settings, Arc::clone(vitals), fastrand::f64))
                // Inside of retry: each attempt tells of the upstream's health, and none is made while it is poor.
                .layer(BreakerLayer(Arc::clone(&vitals.breaker)))
                // One request, one answer, in the time that is left.
                .service(Attempt { leaf, rules: Arc::clone(&rules) })
        };
        Ok(Self {
            name: Arc::clone(&settings.name),
            heads,
            deadlines: Times {
                submit: settings.submit_deadline,
                fetch: settings.fetch_deadline,
                other: settings.other_deadline,
            },
            submit: stack(submit),
            fetch: stack(fetch),
        })
    }

    /// What counts the attempts of such calls. Without a gateway around, as in benchmarks, nothing does.
    fn limit(&self, call: &Call) -> Option<Arc<Limit>> {
        let gateway = call.head.extensions.get::<Arc<Gateway>>()?;
        gateway.quotas.upstream(&self.name, call.kind.into())
    }

    async fn send(&self, call: &Call, payload: Payload) -> Result<Answer, Unanswered> {
        let deadline = Deadline::new(self.deadlines.of(call.kind), &call.head.headers);
        let terms = Arc::new(Terms {
            kind: call.kind,
            head: self.heads.of(call).map_err(never_sent)?,
            dialect: Dialect::of(call.head.uri.path(), &call.head.headers),
            deadline: if call.outlives_client { deadline.outliving() } else { deadline },
            limit: self.limit(call),
            client: call.client.clone(),
            underway: call.head.extensions.get::<Underway>().cloned(),
            tally: Tally::new(call, &self.name),
        });
        let stack = match call.kind {
            Kind::Submit => &self.submit,
            Kind::Fetch | Kind::Other => &self.fetch,
        };
        stack.clone().oneshot(Outgoing { terms, payload }).await
    }
}

fn never_sent(failure: Failure) -> Unanswered {
    Unanswered { why: failure.into(), attempts: Attempts { made: 0, doubtful: false }, spent: false }
}

fn vitals(config: &Config) -> Vec<Arc<Vitals>> {
    config.upstreams.iter().map(|settings| Arc::new(Vitals::new(settings))).collect()
}

fn tls(settings: &Settings) -> io::Result<ClientConfig> {
    connect::tls(settings).map_err(|error| {
        let path = settings.ca_file.as_deref().unwrap_or(Path::new("")).display();
        io::Error::new(error.kind(), format!("upstreams.{}.ca_file: {path}: {error}", settings.name))
    })
}

/// Longest a JSON answer may be to be read whole before its head is sent on, in bytes.
pub(crate) const WHOLE_MAX: usize = 1 << 20;
