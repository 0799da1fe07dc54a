//! The log line of a request: everything that answers "what happened to request X", and no body, query, prompt or
//! key. What clients and upstreams wrote is made harmless where lines are made, in [`crate::telemetry`].

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::HeaderName;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use http_body::Body as _;
use tracing::field::{DisplayValue, display};
use tracing::info;

use super::{Arrival, Told};
use crate::fault::Domain;
use crate::journey::{InLine, Marks};
use crate::metrics::NO_ROUTE;
use crate::outcome::{REJECTED, Refusal};
use crate::rejection::Param;
use crate::request_id::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What web servers log for a client that left before its answer. Nobody was ever sent it.
const CLIENT_LEFT: u16 = 499;

/// Bytes of a user agent that say who it is.
const USER_AGENT_MAX: usize = 128;

/// What becomes the line of a request.
pub(super) struct Line<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) marks: Marks,
    pub(super) took: Duration,
    /// How much of that the gateway itself took.
    pub(super) overhead: Duration,
    pub(super) status: u16,
    pub(super) outcome: &'static str,
    /// On whose side it lies that it did not go well.
    pub(super) fault: Domain,
    pub(super) route: &'static str,
    pub(super) attempts: u32,
    pub(super) replayed: bool,
    pub(super) error: Option<&'a str>,
    pub(super) param: Option<&'static str>,
    pub(super) bytes_out: Option<u64>,
    /// What the client holds, where it is not ours.
    pub(super) answer_id: Option<&'a HeaderValue>,
}

impl<'a> Line<'a> {
    /// That of a request with its answer.
    pub(super) fn answered(
        arrival: &'a Arrival,
        told: &'a Told,
        response: &'a Response,
        (took, overhead): (Duration, Duration),
    ) -> Self {
        let Told { route, note, attempts, code, refusal } = told;
        let mut marks = arrival.journey.read();
        // Where both know, they agree; but what comes with the answer is never left out.
        let fill = |mark: &mut Option<Arc<str>>, noted: &Option<Arc<str>>| {
            if mark.is_none() {
                mark.clone_from(noted);
            }
        };
        fill(&mut marks.client, &note.client);
        fill(&mut marks.model, &note.model);
        fill(&mut marks.adjusted, &note.adjusted);
        fill(&mut marks.upstream, &note.upstream);
        fill(&mut marks.ledger_id, &note.ledger_id);
        Self {
            arrival,
            marks,
            took,
            overhead,
            status: response.status().as_u16(),
            outcome: told.outcome(),
            fault: Domain::of(refusal.as_ref(), response.status()),
            route,
            attempts: *attempts,
            replayed: note.replayed,
            error: code.as_deref(),
            // Whatever else a client calls a parameter stays between us and the client: it may be a key.
            param: refusal.as_ref().and_then(Refusal::param).map(Param::name),
            bytes_out: response.body().size_hint().exact(),
            answer_id: response.headers().get(X_REQUEST_ID).filter(|id| *id != arrival.journey.id().value()),
        }
    }

    /// That of a request that never got one. `is_over`: it is we who ended it.
    pub(super) fn unanswered(
        arrival: &'a Arrival,
        is_over: bool,
        (took, overhead): (Duration, Duration),
    ) -> Self {
        let marks = arrival.journey.read();
        Self {
            arrival,
            took,
            overhead,
            status: CLIENT_LEFT,
            outcome: if is_over { "stopped" } else { "client_left" },
            fault: if is_over { Domain::Gateway } else { Domain::Client },
            route: marks.route.unwrap_or(NO_ROUTE),
            attempts: marks.attempts,
            replayed: false,
            error: None,
            param: None,
            bytes_out: None,
            answer_id: None,
            marks,
        }
    }
}

/// Writes the line.
pub(super) fn write(line: &Line<'_>) {
    let Line { arrival, marks, .. } = line;
    let trace = arrival.journey.trace();
    let user_agent = arrival.user_agent.as_ref().map(|agent| text(agent, USER_AGENT_MAX));
    let sdk_retries = arrival.sdk_retries.as_ref().map(|count| text(count, USER_AGENT_MAX));
    let answer_id = line.answer_id.map(|id| text(id, usize::MAX));
    info!(
        status = line.status,
        outcome = line.outcome,
        fault = Some(line.fault).filter(|fault| *fault != Domain::None).map(Domain::name),
        method = arrival.method.as_str(),
        path = arrival.path,
        route = line.route,
        model_asked = marks.asked.as_deref(),
        model = marks.model.as_deref(),
        adjusted = marks.adjusted.as_deref(),
        upstream = marks.upstream.as_deref(),
        attempts = line.attempts,
        retries = list(&marks.retries),
        waits = (!marks.waits.is_empty()).then(|| display(InLine(&marks.waits))),
        duration_us = micros(line.took),
        overhead_us = micros(line.overhead),
        bytes_in = arrival.bytes_in,
        bytes_out = line.bytes_out,
        error = line.error,
        param = line.param,
        ledger_id = marks.ledger_id.as_deref(),
        job_id = marks.job.as_deref(),
        replayed = line.replayed.then_some(true),
        client = marks.client.as_deref(),
        peer = arrival.peer.shown(),
        user_agent = user_agent.as_deref(),
        sdk_retries = sdk_retries.as_deref(),
        request_id = arrival.journey.id().as_str(),
        answer_id = answer_id.as_deref(),
        trace_id = trace.map(|trace| display(trace.own.trace)),
        parent_id = trace.and_then(|trace| trace.parent).map(display),
        span_ids = list(&marks.spans),
        "{} {} -> {}",
        arrival.method,
        arrival.path,
        line.status,
    );
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Several values as one, where there is any.
fn list<T: std::fmt::Display>(values: &[T]) -> Option<DisplayValue<List<'_, T>>> {
    (!values.is_empty()).then(|| display(List(values)))
}

struct List<'v, T>(&'v [T]);

impl<T: std::fmt::Display> std::fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{value}")?;
        }
        Ok(())
    }
}

/// What a header says, to people; at most `max` bytes of it.
fn text(value: &HeaderValue, max: usize) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    String::from_utf8_lossy(bytes.get(..bytes.len().min(max)).unwrap_or_default())
}

/// Writes the line of a request whose head could not be read.
pub(in crate::server) fn unreadable(status: StatusCode, id: &RequestId, peer: SocketAddr) {
    let (status, request_id) = (status.as_u16(), id.as_str());
    info!(status, outcome = REJECTED, request_id, %peer, "unreadable head -> {status}");
}
