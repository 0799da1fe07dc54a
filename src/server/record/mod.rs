//! What is kept of every request: one line in the log, and one in each count. Written once, at the edge.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use http_body::Body as _;
use tokio::time::Instant;

use crate::config::tracing::Tracing;
use crate::error::Dialect;
use crate::gateway::Gateway;
use crate::journey::{Journey, Start, Trace};
use crate::metrics::{Metrics, NO_ROUTE};
use crate::outcome::{Note, Refusal};
use crate::request_id::RequestId;
use crate::shutdown::Stage;
use crate::trace_context::Traceparent;
use crate::upstream::Attempts;

mod count;
mod leaving;
mod log;
#[cfg(feature = "otlp")]
mod span;

pub(super) use count::unreadable as count_unreadable;
pub(super) use log::unreadable as log_unreadable;

use super::{ClientSide, Peer};
use log::Line;

/// What is known of a request before anything is decided.
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) dialect: Dialect,
    pub(super) peer: Peer,
    /// What it comes through from here on.
    pub(super) journey: Journey,
    user_agent: Option<HeaderValue>,
    /// How often the client's SDK has asked before.
    sdk_retries: Option<HeaderValue>,
    /// Length of its body, where it is known.
    bytes_in: Option<u64>,
}

/// Bytes of a path that are kept.
const PATH_MAX: usize = 512;

const SDK_RETRIES: HeaderName = HeaderName::from_static("x-stainless-retry-count");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl Arrival {
    /// That of a request that comes now.
    pub(super) fn of(request: &Request, client: ClientSide, gateway: &Gateway) -> Self {
        let (path, headers) = (request.uri().path(), request.headers());
        let (at, ClientSide { peer, underway }) = (Instant::now(), client);
        let start = Start {
            id: RequestId::random(),
            trace: trace(headers, &gateway.config.tracing),
            underway,
            metrics: Some(Arc::clone(&gateway.metrics)),
        };
        Self {
            at,
            method: request.method().clone(),
            path: path.get(..path.floor_char_boundary(PATH_MAX)).unwrap_or_default().to_owned(),
            dialect: Dialect::of(path, headers),
            peer,
            journey: Journey::begin(at, start),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            sdk_retries: headers.get(SDK_RETRIES).cloned(),
            bytes_in: request.body().size_hint().exact(),
        }
    }

    /// How long it has taken until now, and how much of that is ours.
    fn times(&self) -> (Duration, Duration) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.at);
        (took, took.saturating_sub(self.journey.waited_until(now)))
    }
}

/// The request's place in its trace: beneath the client's span, or at the beginning of a new one, where the client's
/// is not valid or where requests without one begin one.
fn trace(headers: &HeaderMap, tracing: &Tracing) -> Option<Trace> {
    let mut values = headers.get_all(TRACEPARENT).into_iter();
    let begin = || Trace { own: Traceparent::begin(fastrand::f64() < tracing.sample), parent: None };
    match (values.next(), values.next()) {
        (None, _) => tracing.begins().then(begin),
        (Some(value), None) => Some(match Traceparent::parse(value.as_bytes()) {
            Some(parent) => Trace { own: parent.child(), parent: Some(parent.span) },
            None => begin(),
        }),
        (Some(_), Some(_)) => Some(begin()),
    }
}

/// A request that has no answer yet. Where it is dropped, there is nobody left to be answered; that is kept, too.
pub(super) struct Pending(Option<Arrival>);

impl Pending {
    pub(super) fn new(arrival: Arrival) -> Self {
        Self(Some(arrival))
    }

    /// The path of the request, as far as it is kept.
    pub(super) fn path(&self) -> &str {
        self.0.as_ref().map_or("", |arrival| &arrival.path)
    }

    /// Keeps what the request came to, and looks after its answer until that has left.
    pub(super) fn answered(mut self, told: &Told, response: Response, metrics: &Metrics) -> Response {
        let Some(arrival) = self.0.take() else { return response };
        let times = arrival.times();
        count::request(told, response.status(), times, metrics);
        arrival.journey.mark(|marks| {
            log::complete(marks, &told.note);
            keep(&Line::answered((&arrival, marks), told, &response, times));
        });
        leaving::watched(response, arrival)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(arrival) = self.0.take() {
            let underway = arrival.journey.underway();
            let is_over = underway.is_some_and(|underway| underway.has_reached(Stage::Over));
            let times = arrival.times();
            arrival.journey.mark(|marks| keep(&Line::unanswered((&arrival, marks), is_over, times)));
        }
    }
}

/// Tells the log, and whoever gathers spans.
fn keep(line: &Line<'_>) {
    log::write(line);
    #[cfg(feature = "otlp")]
    span::send(line);
}

/// What the lower layers have to say of an answer.
pub(super) struct Told {
    pub(super) route: &'static str,
    pub(super) note: Note,
    pub(super) refusal: Option<Refusal>,
    /// Attempts made at an upstream.
    pub(super) attempts: u32,
    /// The refusal's code; the message is the client's business, and may repeat what it sent.
    pub(super) code: Option<String>,
    /// What may be wrong with the client's `base_url`.
    pub(super) hint: Option<&'static str>,
    /// Whether a browser asked whether it may send a request, and the gateway answered.
    pub(super) preflight: bool,
}

impl Told {
    pub(super) fn take(response: &mut Response, journey: &Journey) -> Self {
        let extensions = response.extensions_mut();
        let refusal: Option<Refusal> = extensions.remove();
        let answered = extensions.remove::<Attempts>().map(|attempts| attempts.made);
        Self {
            route: journey.route().unwrap_or(NO_ROUTE),
            note: extensions.remove().unwrap_or_default(),
            attempts: answered.or(refusal.as_ref().map(Refusal::attempts)).unwrap_or_default(),
            refusal,
            code: None,
            hint: None,
            preflight: false,
        }
    }

    /// Label and log word for what became of the request.
    fn outcome(&self) -> &'static str {
        let answered = if self.preflight { "preflight" } else { "forwarded" };
        self.refusal.as_ref().map_or(answered, Refusal::outcome)
    }
}
