//! One upstream as one worker sees it: how calls are made there, in two stacks.

use std::io;
use std::sync::Arc;

use axum::http::header::HeaderName;
use axum::response::Response as Answer;
use tower::{ServiceBuilder, ServiceExt};

use super::attempt::{Attempt, Rules, Times};
use super::breaker::{BreakerLayer, Guarded};
use super::call::{Call, Kind, Payload, Unanswered};
use super::connect::{ConnectionSettings, Transport};
use super::deadline::Deadline;
use super::header_policy::RequestHeaderPolicy;
use super::health::UpstreamHealth;
use super::outgoing::{Outgoing, Terms, key_of};
use super::retry::{Retry, RetryLayer};
use super::upstream_metrics::UpstreamMetrics;
use crate::config::upstreams::Upstream as Settings;
use crate::error::Dialect;
use crate::quota::rate_limiter::RateLimiter;

/// What a call passes, from top to bottom.
type Stack = Retry<Guarded<Attempt>>;

/// What requests leave by.
#[derive(Clone)]
pub(super) struct Leaves {
    /// For calls that cost money: a connection each.
    pub(super) fresh: Transport,
    /// For all others.
    pub(super) pooled: Transport,
}

/// See [`Upstreams`](super::Upstreams).
pub(super) struct Upstream {
    pub(super) name: Arc<str>,
    heads: Arc<RequestHeaderPolicy>,
    pub(super) deadlines: Times,
    vitals: Arc<UpstreamHealth>,
    /// How its leaves were made, for whoever wants to use them on.
    pub(super) transport: ConnectionSettings,
    pub(super) leaves: Leaves,
    // Polls are cheap and frequent, creates dear and rare: they share an upstream's health, but no connection.
    submit: Stack,
    fetch: Stack,
}

impl Upstream {
    pub(super) fn new(
        settings: &Settings,
        vitals: &Arc<UpstreamHealth>,
        (transport, leaves): (ConnectionSettings, Leaves),
        answer_headers: &Arc<[HeaderName]>,
    ) -> io::Result<Self> {
        let heads = Arc::new(RequestHeaderPolicy::new(settings)?);
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
        let stack = |leaf: &Transport| {
            ServiceBuilder::new()
                // Sees every attempt, so it may ask for another; keeps all of them within the deadline.
                .layer(RetryLayer::new(settings, Arc::clone(vitals), fastrand::f64))
                // Inside of retry: each attempt tells of the upstream's health, and none is made while it is poor.
                .layer(BreakerLayer(Arc::clone(&vitals.breaker)))
                // One request, one answer, in the time that is left.
                .service(Attempt { leaf: leaf.clone(), rules: Arc::clone(&rules) })
        };
        Ok(Self {
            name: Arc::clone(&settings.name),
            vitals: Arc::clone(vitals),
            heads,
            deadlines: Times {
                submit: settings.submit_deadline,
                fetch: settings.fetch_deadline,
                other: settings.other_deadline,
            },
            submit: stack(&leaves.fresh),
            fetch: stack(&leaves.pooled),
            transport,
            leaves,
        })
    }

    /// What counts the attempts of such calls.
    fn allowance(&self, call: &Call) -> Option<Arc<RateLimiter>> {
        call.quotas.as_ref()?.upstream(&self.name, call.kind.into())
    }

    pub(super) async fn send(&self, call: &Arc<Call>, payload: Payload) -> Result<Answer, Unanswered> {
        let deadline = Deadline::new(self.deadlines.of(call.kind), &call.head.headers);
        let terms = Arc::new(Terms {
            kind: call.kind,
            call: Arc::clone(call),
            heads: Arc::clone(&self.heads),
            key: key_of(call, &self.heads),
            dialect: Dialect::of(call.head.uri.path(), &call.head.headers),
            deadline: if call.outlives_client { deadline.outliving() } else { deadline },
            allowance: self.allowance(call),
            client: call.client.clone(),
            tally: UpstreamMetrics::new(call.journey.metrics(), &self.vitals.counts, &self.name),
            journey: call.journey.clone(),
        });
        terms.journey.mark(|marks| marks.upstream = Some(Arc::clone(&self.name)));
        let stack = match call.kind {
            Kind::Submit => &self.submit,
            Kind::Fetch | Kind::Other => &self.fetch,
        };
        stack.clone().oneshot(Outgoing { terms, payload }).await
    }
}
