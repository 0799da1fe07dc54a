//! The log line of a request: everything that answers "what happened to request X", and no body, query, prompt or
//! key. What clients and upstreams wrote is made harmless where lines are made, in [`crate::telemetry`].

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::HeaderName;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use http_body::Body as _;
use tracing::{Level, enabled, info};

use super::{Arrival, Told};
use crate::fault::Domain;
use crate::journey::{InLine, Marks};
use crate::metrics::NO_ROUTE;
use crate::outcome::{Note, REJECTED, Refusal};
use crate::rejection::Param;
use crate::request_id::RequestId;
use crate::telemetry::{self, Fields};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What web servers log for a client that left before its answer. Nobody was ever sent it.
const CLIENT_LEFT: u16 = 499;

/// Bytes of a user agent that say who it is.
const USER_AGENT_MAX: usize = 128;

/// What becomes the line of a request.
pub(super) struct Line<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) marks: &'a Marks,
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
    /// What may be wrong with the client's `base_url`.
    pub(super) hint: Option<&'static str>,
    pub(super) bytes_out: Option<u64>,
    /// What the client holds, where it is not ours.
    pub(super) answer_id: Option<&'a HeaderValue>,
}

impl<'a> Line<'a> {
    /// That of a request with its answer.
    pub(super) fn answered(
        (arrival, marks): (&'a Arrival, &'a Marks),
        told: &'a Told,
        response: &'a Response,
        (took, overhead): (Duration, Duration),
    ) -> Self {
        let Told { route, note, attempts, code, refusal, hint, preflight: _ } = told;
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
            hint: *hint,
            bytes_out: response.body().size_hint().exact(),
            answer_id: response.headers().get(X_REQUEST_ID).filter(|id| *id != arrival.journey.id().value()),
        }
    }

    /// That of a request that never got one. `is_over`: it is we who ended it.
    pub(super) fn unanswered(
        (arrival, marks): (&'a Arrival, &'a Marks),
        is_over: bool,
        (took, overhead): (Duration, Duration),
    ) -> Self {
        Self {
            arrival,
            marks,
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
            hint: None,
            bytes_out: None,
            answer_id: None,
        }
    }
}

/// What comes with the answer is never left out. Where both know, they agree.
pub(super) fn complete(marks: &mut Marks, note: &Note) {
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
}

/// Writes the line.
pub(super) fn write(line: &Line<'_>) {
    if enabled!(Level::INFO) {
        telemetry::write(Level::INFO, |fields| line.say(fields));
    }
}

impl Line<'_> {
    /// Says it all, in the order in which it is read.
    fn say(&self, fields: &mut Fields<'_>) {
        let Self { arrival, marks, .. } = self;
        let mut status = itoa::Buffer::new();
        fields.sentence(&[arrival.method.as_str(), " ", &arrival.path, " -> ", status.format(self.status)]);
        fields.number("status", u64::from(self.status));
        fields.text("outcome", self.outcome);
        fields.text("fault", Some(self.fault).filter(|fault| *fault != Domain::None).map(Domain::name));
        fields.text("method", arrival.method.as_str());
        fields.text("path", &*arrival.path);
        fields.text("route", self.route);
        fields.text("model_asked", marks.asked.as_deref());
        fields.text("model", marks.model.as_deref());
        fields.text("adjusted", marks.adjusted.as_deref());
        fields.text("upstream", marks.upstream.as_deref());
        fields.number("attempts", u64::from(self.attempts));
        fields.shown("retries", list(&marks.retries));
        fields.shown("waits", (!marks.waits.is_empty()).then(|| InLine(&marks.waits)));
        fields.number("duration_us", micros(self.took));
        fields.number("overhead_us", micros(self.overhead));
        fields.number("bytes_in", arrival.bytes_in);
        fields.number("bytes_out", self.bytes_out);
        fields.text("error", self.error);
        fields.text("param", self.param);
        fields.text("hint", self.hint);
        fields.text("ledger_id", marks.ledger_id.as_deref());
        fields.text("job_id", marks.job.as_deref());
        fields.flag("replayed", self.replayed);
        fields.text("client", marks.client.as_deref());
        self.say_who(fields);
    }

    /// Who asked, and under which ids it is found again.
    fn say_who(&self, fields: &mut Fields<'_>) {
        let Self { arrival, marks, .. } = self;
        let trace = arrival.journey.trace();
        fields.text("peer", arrival.peer.shown());
        fields.text("user_agent", text(arrival.user_agent.as_ref(), USER_AGENT_MAX).as_deref());
        fields.text("sdk_retries", text(arrival.sdk_retries.as_ref(), USER_AGENT_MAX).as_deref());
        fields.text("request_id", arrival.journey.id().as_str());
        fields.text("answer_id", text(self.answer_id, usize::MAX).as_deref());
        fields.shown("trace_id", trace.map(|trace| trace.own.trace));
        fields.shown("parent_id", trace.and_then(|trace| trace.parent));
        fields.shown("span_ids", list(&marks.spans));
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Several values as one, where there is any.
fn list<T: Display>(values: &[T]) -> Option<List<'_, T>> {
    (!values.is_empty()).then_some(List(values))
}

struct List<'v, T>(&'v [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{value}")?;
        }
        Ok(())
    }
}

/// What a header says, to people; at most `max` bytes of it.
fn text(value: Option<&HeaderValue>, max: usize) -> Option<Cow<'_, str>> {
    let bytes = value?.as_bytes();
    let bytes = bytes.get(..max).unwrap_or(bytes);
    Some(str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed))
}

/// Writes the line of a request whose head could not be read.
pub(in crate::server) fn unreadable(status: StatusCode, id: &RequestId, peer: SocketAddr) {
    let (status, request_id) = (status.as_u16(), id.as_str());
    info!(status, outcome = REJECTED, request_id, %peer, "unreadable head -> {status}");
}

#[cfg(test)]
mod tests;
