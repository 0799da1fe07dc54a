//! What is counted of calls to one upstream.

use std::sync::Arc;

use super::breaker::Position;
use super::call::{Call, Kind};
use super::retry::Reason;
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
            metrics.upstreams.attempts.with_label_values(&[&*self.upstream, kind.name()]).inc();
        }
    }

    pub(super) fn retry(&self, reason: Reason) {
        if let Some(metrics) = &self.metrics {
            metrics.upstreams.retries.with_label_values(&[&*self.upstream, reason.name()]).inc();
        }
    }

    pub(super) fn budget_exhausted(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.upstreams.retry_budget_exhausted.with_label_values(&[&*self.upstream]).inc();
        }
    }

    /// A create is repeated that may have been accepted.
    pub(super) fn possible_duplicate(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.upstreams.possible_duplicates.with_label_values(&[&*self.upstream]).inc();
        }
    }

    pub(super) fn breaker(&self, position: Position) {
        if let Some(metrics) = &self.metrics {
            metrics.upstreams.breaker_state.with_label_values(&[&*self.upstream]).set(position.number());
        }
    }
}
