//! What is kept of every request: one line in the log, and one in each count. Written once, at the edge.

use std::net::SocketAddr;

use axum::http::Method;
use axum::response::Response;
use tokio::time::Instant;

use crate::error::Dialect;
use crate::metrics::Metrics;
use crate::outcome::{NO_ROUTE, Note, Refusal, Route};
use crate::request_id::RequestId;
use crate::upstream::Attempts;
use crate::waits::Waits;

mod count;
mod log;

/// What is known of a request before anything is decided.
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) dialect: Dialect,
    pub(super) id: RequestId,
    pub(super) peer: SocketAddr,
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
}

impl Told {
    pub(super) fn take(response: &mut Response) -> Self {
        let extensions = response.extensions_mut();
        let refusal: Option<Refusal> = extensions.remove();
        let answered = extensions.remove::<Attempts>().map(|attempts| attempts.made);
        Self {
            route: extensions.remove::<Route>().map_or(NO_ROUTE, |route| route.0),
            note: extensions.remove().unwrap_or_default(),
            attempts: answered.or(refusal.as_ref().map(Refusal::attempts)).unwrap_or_default(),
            refusal,
            code: None,
        }
    }

    /// Label and log word for what became of the request.
    fn outcome(&self) -> &'static str {
        self.refusal.as_ref().map_or("forwarded", Refusal::outcome)
    }
}

/// Keeps what a request came to.
pub(super) fn record(
    (arrival, waits): (&Arrival, &Waits),
    told: &Told,
    response: &Response,
    metrics: &Metrics,
) {
    let now = Instant::now();
    let took = now.saturating_duration_since(arrival.at);
    let overhead = took.saturating_sub(waits.until(now));
    count::request(told, response.status(), (took, overhead), metrics);
    log::request(arrival, told, response, took);
}

pub(super) use count::unreadable as count_unreadable;
pub(super) use log::unreadable as log_unreadable;
