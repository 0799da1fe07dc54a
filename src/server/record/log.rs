//! The log line of a request: everything that answers "what happened to request X", and no body, prompt or key.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::HeaderName;
use axum::response::Response;
use tracing::info;

use super::{Arrival, Told};
use crate::metrics::NO_MODEL;
use crate::outcome::REJECTED;
use crate::request_id::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Writes the line of a request that was answered.
pub(super) fn request(arrival: &Arrival, told: &Told, response: &Response, took: Duration) {
    let status = response.status();
    let Told { route, note, attempts, code: error, .. } = told;
    // What the client holds, where it is not ours.
    let answer_id = response.headers().get(X_REQUEST_ID).filter(|id| *id != arrival.id.value());
    // `Debug` escapes what a path may carry: a log line is one line.
    info!(
        status = status.as_u16(),
        outcome = told.outcome(),
        route,
        model = note.model.as_deref().unwrap_or(NO_MODEL),
        upstream = note.upstream.as_deref(),
        client = note.client.as_deref(),
        ledger_id = note.ledger_id.as_deref(),
        replayed = note.replayed.then_some(true),
        attempts,
        adjusted = note.adjusted.as_deref(),
        error = error.as_deref(),
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id = arrival.id.as_str(),
        answer_id = answer_id.map(tracing::field::debug),
        peer = %arrival.peer,
        "{} {:?} → {}",
        arrival.method,
        arrival.path,
        status.as_str(),
    );
}

/// Writes the line of a request whose head could not be read.
pub(in crate::server) fn unreadable(status: StatusCode, id: &RequestId, peer: SocketAddr) {
    let request_id = id.as_str();
    info!(status = status.as_u16(), outcome = REJECTED, request_id, %peer, "request head could not be read");
}
