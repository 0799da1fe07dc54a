//! What is counted of calls to one upstream.

use std::sync::Arc;

use tracing::error;

use super::call::{Call, Kind};
use crate::gateway::Gateway;
use crate::metrics::Metrics;

/// Counts under an upstream's name. Without a gateway around, as in benchmarks, nowhere.
#[derive(Clone)]
pub(super) struct Tally {
    metrics: Option<Arc<Metrics>>,
    upstream: Arc<str>,
}

impl Tally {
    pub(super) fn new(call: &Call, upstream: &Arc<str>) -> Self {
        let gateway = call.head.extensions.get::<Arc<Gateway>>();
        let metrics = gateway.map(|gateway| Arc::clone(&gateway.metrics));
        Self { metrics, upstream: Arc::clone(upstream) }
    }

    pub(super) fn attempt(&self, kind: Kind) {
        if let Some(metrics) = &self.metrics {
            metrics.attempts.with_label_values(&[&*self.upstream, kind.name()]).inc();
        }
    }

    pub(super) fn retry(&self, reason: &'static str) {
        if let Some(metrics) = &self.metrics {
            metrics.retries.with_label_values(&[&*self.upstream, reason]).inc();
        }
    }

    pub(super) fn budget_exhausted(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.retry_budget_exhausted.with_label_values(&[&*self.upstream]).inc();
        }
    }

    /// A create is repeated that may have been accepted.
    pub(super) fn possible_duplicate(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.possible_duplicates.with_label_values(&[&*self.upstream]).inc();
        }
    }

    /// It refused the operator's credential: every call will fail until somebody changes that.
    pub(super) fn credential_refused(&self) {
        error!(upstream = &*self.upstream, "the upstream did not accept the gateway's own credential");
        if let Some(metrics) = &self.metrics {
            metrics.upstream_auth_failures.with_label_values(&[&*self.upstream]).inc();
        }
    }

    pub(super) fn breaker(&self, position: i64) {
        if let Some(metrics) = &self.metrics {
            metrics.breaker_state.with_label_values(&[&*self.upstream]).set(position);
        }
    }
}
