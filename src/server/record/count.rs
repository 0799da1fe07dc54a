//! The counts of a request.

use std::time::Duration;

use axum::http::StatusCode;

use super::Told;
use crate::metrics::{Metrics, NO_MODEL};
use crate::outcome::{NO_ROUTE, REJECTED, Refusal};

/// Label of a rejection whose answer has no code.
const NO_CODE: &str = "none";

/// Counts a request that was answered.
pub(super) fn request(told: &Told, status: StatusCode, took: Duration, metrics: &Metrics) {
    let Told { route, note, refusal, code, .. } = told;
    let model = note.model.as_deref().unwrap_or(NO_MODEL);
    metrics.requests.with_label_values(&[route, model, status.as_str(), told.outcome()]).inc();
    metrics.duration.with_label_values(&[route]).observe(took.as_secs_f64());
    if let Some(Refusal::Rejected(_)) = refusal {
        metrics.rejections.with_label_values(&[*route, code.as_deref().unwrap_or(NO_CODE)]).inc();
    }
    for field in &note.adjusted_fields {
        metrics.adjustments.with_label_values(&[model, field]).inc();
    }
}

/// Counts a request whose head could not be read.
pub(in crate::server) fn unreadable(status: StatusCode, metrics: &Metrics) {
    metrics.requests.with_label_values(&[NO_ROUTE, NO_MODEL, status.as_str(), REJECTED]).inc();
    metrics.rejections.with_label_values(&[NO_ROUTE, NO_CODE]).inc();
}
