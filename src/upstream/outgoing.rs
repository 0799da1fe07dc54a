//! A call in the upstream's terms: what every attempt of it sends, and what its layers need to know.

use std::sync::Arc;

use axum::http::{HeaderValue, Method};
use uuid::Uuid;

use super::call::{Call, Kind, Payload};
use super::deadline::Deadline;
use super::derived;
use super::header_policy::{IDEMPOTENCY_KEY, RequestHeaderPolicy};
use super::presence::Presence;
use super::upstream_metrics::UpstreamMetrics;
use crate::config::upstreams::Credential;
use crate::error::Dialect;
use crate::journey::Journey;
use crate::quota::rate_limiter::RateLimiter;

/// What all attempts of a call have in common.
pub(super) struct Terms {
    pub(super) kind: Kind,
    /// The call itself.
    pub(super) call: Arc<Call>,
    /// Writes its head, the same on every attempt.
    pub(super) heads: Arc<RequestHeaderPolicy>,
    /// Its idempotency key, where that is not the client's own.
    pub(super) key: Option<HeaderValue>,
    /// Whose errors the client reads.
    pub(super) dialect: Dialect,
    pub(super) deadline: Deadline,
    /// What counts attempts, where the upstream has a quota.
    pub(super) allowance: Option<Arc<RateLimiter>>,
    pub(super) client: Presence,
    pub(super) tally: UpstreamMetrics,
    /// What the call is part of: where waits for the upstream count, and its way is written down.
    pub(super) journey: Journey,
}

impl Terms {
    pub(super) fn method(&self) -> &Method {
        &self.call.head.method
    }
}

/// One call, or one attempt of it, on its way down the layers.
pub(super) struct Outgoing {
    pub(super) terms: Arc<Terms>,
    pub(super) payload: Payload,
}

/// The idempotency key of every attempt, where the client's own does not go on verbatim: one derived from it where the
/// client has a key of ours, and so shares the upstream's account with others; a new one for a call that costs money and
/// has none, so that an upstream that knows repeats by it can.
pub(super) fn key_of(call: &Call, heads: &RequestHeaderPolicy) -> Option<HeaderValue> {
    let own: Vec<&HeaderValue> = call.head.headers.get_all(IDEMPOTENCY_KEY).iter().collect();
    let derived = match (&call.owner, &heads.settings.credential) {
        (Some(owner), Credential::Operator(secret)) => derived::key(secret.expose(), owner, &own),
        // With keys of ours, the configuration wants a credential of the operator's at every upstream.
        (Some(_), Credential::Client) | (None, Credential::Client | Credential::Operator(_)) => None,
    };
    let goes_on = call.owner.is_none() && !own.is_empty();
    let is_new = call.kind == Kind::Submit && derived.is_none() && !goes_on;
    derived.or_else(|| is_new.then(|| HeaderValue::try_from(Uuid::new_v4().to_string()).ok()).flatten())
}
