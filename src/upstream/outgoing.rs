//! A call in the upstream's terms: what every attempt of it sends, and what its layers need to know.

use std::sync::Arc;

use axum::http::{HeaderValue, Method};
use uuid::Uuid;

use super::call::{Call, Kind, Payload};
use super::deadline::Deadline;
use super::heads::{Heads, IDEMPOTENCY_KEY};
use super::presence::Presence;
use super::tally::Tally;
use crate::error::Dialect;
use crate::journey::Journey;
use crate::quota::allowance::Allowance;

/// What all attempts of a call have in common.
pub(super) struct Terms {
    pub(super) kind: Kind,
    /// The call itself.
    pub(super) call: Arc<Call>,
    /// Writes its head, the same on every attempt.
    pub(super) heads: Arc<Heads>,
    /// The name of a call that costs money, where its client gave it none.
    pub(super) key: Option<HeaderValue>,
    /// Whose errors the client reads.
    pub(super) dialect: Dialect,
    pub(super) deadline: Deadline,
    /// What counts attempts, where the upstream has a quota.
    pub(super) allowance: Option<Arc<Allowance>>,
    pub(super) client: Presence,
    pub(super) tally: Tally,
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

/// A create has a name of its own, so that an upstream that knows repeats by it can: the client's, or this new one.
pub(super) fn key_of(call: &Call) -> Option<HeaderValue> {
    let is_named = call.kind != Kind::Submit || call.head.headers.contains_key(IDEMPOTENCY_KEY);
    (!is_named).then(|| HeaderValue::try_from(Uuid::new_v4().to_string()).ok()).flatten()
}
