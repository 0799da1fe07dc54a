//! The outermost layer: gives every request its id and its snapshot, words every refusal, and has it recorded once.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::pace::NoRoom;
use super::record::{self, Arrival, Pending, Told};
use super::{ClientSide, cors, framing};
use crate::error::{ApiError, Dialect, WAIT_MAX, Wording, anthropic, hint, openai};
use crate::gateway::Gateway;
use crate::metrics::{GaugeGuard, Metrics};
use crate::outcome::{Note, Refusal};
use crate::rejection::Rejection;
use crate::request_id::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-reelgate-attempts");
const ADJUSTED: HeaderName = HeaderName::from_static("x-reelgate-adjusted");
const LEDGER_ID: HeaderName = HeaderName::from_static("x-reelgate-ledger-id");
const REPLAYED: HeaderName = HeaderName::from_static("x-reelgate-replayed");
/// What the path of a request that found nothing says of the client's `base_url`.
const HINT: HeaderName = HeaderName::from_static("x-reelgate-hint");
/// What Stripe calls it, and after it many others.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Handles one request from its head to its answer's head.
pub(super) async fn handle<F>(
    gateway: &Gateway,
    client: ClientSide,
    mut request: Box<Request>,
    inner: impl FnOnce(Box<Request>) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let arrival = Arrival::of(&request, client, gateway);
    let (dialect, journey) = (arrival.dialect, arrival.journey.clone());
    let pending = Pending::new(arrival);
    let _in_flight = GaugeGuard::by_one(&gateway.metrics.requests.in_flight);
    let rules = &gateway.config.cors;
    let origin = cors::allowed(rules, request.headers());
    let (mut distrusted, mut preflight) = (false, false);
    let mut response = match framing::check(&request, gateway.config.limits.target) {
        Ok(()) => match origin.as_ref().and_then(|_| cors::preflight(rules, &request)) {
            Some(answer) => {
                preflight = true;
                answer
            }
            None => {
                request.extensions_mut().insert(journey.clone());
                inner(request).await
            }
        },
        Err(reason) => {
            // Where it is not certain how the head is to be read, nothing behind it can be.
            distrusted = true;
            Refusal::from(reason).into_response()
        }
    };
    let id = journey.id();
    let mut told = Told::take(&mut response, &journey);
    told.preflight = preflight;
    if let Some(refusal) = &told.refusal {
        let error = refusal.error(&gateway.config.wording);
        response = render(&error, dialect, id, &gateway.config.wording);
        told.code = error.code;
    }
    if matches!(told.refusal, Some(Refusal::Rejected(Rejection::Overloaded))) {
        response.extensions_mut().insert(NoRoom);
    }
    identify(response.headers_mut(), dialect, id);
    tell_note(response.headers_mut(), &told.note);
    tell_attempts(response.headers_mut(), told.attempts);
    if response.status() == StatusCode::NOT_FOUND {
        told.hint = hint::of(pending.path());
        if let Some(hint) = told.hint {
            response.headers_mut().insert(HINT, HeaderValue::from_static(hint));
        }
    }
    cors::complete(rules, origin, response.headers_mut());
    if distrusted {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    pending.answered(&told, response, &gateway.metrics)
}

/// How many headers our answers have, mostly: a map that grows is copied.
const TOLD: usize = 10;

/// An error answer, whole.
fn render(error: &ApiError, dialect: Dialect, id: &RequestId, wording: &Wording) -> Response {
    let form = wording.form(error.class);
    let (body, content_type) = match dialect {
        Dialect::OpenAi => (openai::body(error, form), openai::content_type(form)),
        Dialect::Anthropic => (anthropic::body(error, id.as_str()), "application/json"),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = error.status;
    let headers = response.headers_mut();
    headers.reserve(TOLD);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if dialect == Dialect::OpenAi && form == crate::error::Form::FrontDoor {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(allow) = error.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(retry) = error.should_retry {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(if retry { "true" } else { "false" }));
    }
    if let Some(wait) = error.retry_after {
        tell_wait(headers, wait);
    }
    response
}

/// Both spellings of a wait: whole seconds, rounded up, and milliseconds, which SDKs prefer.
fn tell_wait(headers: &mut HeaderMap, wait: Duration) {
    let millis = wait.min(WAIT_MAX).as_nanos().div_ceil(1_000_000);
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    headers.insert(header::RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000)));
    headers.insert(RETRY_AFTER_MS, HeaderValue::from(millis));
}

/// Every answer carries the id under which it can be asked about: the upstream's where it sent one.
fn identify(headers: &mut HeaderMap, dialect: Dialect, own: &RequestId) {
    if dialect == Dialect::OpenAi && headers.contains_key(X_REQUEST_ID) {
        return;
    }
    let sent = headers.get(X_REQUEST_ID).or_else(|| headers.get(REQUEST_ID));
    let id = sent.unwrap_or(own.value()).clone();
    if dialect == Dialect::Anthropic {
        headers.entry(REQUEST_ID).or_insert_with(|| id.clone());
    }
    headers.entry(X_REQUEST_ID).or_insert(id);
}

/// Whatever was done on the client's behalf, the client is told, also where the call then failed.
fn tell_note(headers: &mut HeaderMap, note: &Note) {
    let mut tell = |name: HeaderName, text: Option<&str>| {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    };
    tell(ADJUSTED, note.adjusted.as_deref());
    tell(LEDGER_ID, note.ledger_id.as_deref());
    if note.replayed {
        tell(REPLAYED, Some("true"));
        tell(IDEMPOTENT_REPLAYED, Some("true"));
    }
    if let Some(standing) = &note.standing {
        standing.tell(headers);
    }
}

/// How often the upstream was asked for this answer.
fn tell_attempts(headers: &mut HeaderMap, attempts: u32) {
    let value = match attempts {
        0 => return,
        // Nearly all.
        1 => HeaderValue::from_static("1"),
        more => HeaderValue::from(more),
    };
    headers.insert(ATTEMPTS, value);
}

/// The whole answer, as bytes, to a request whose head hyper could not read; counted and logged as any other.
pub(super) fn unreadable(status: u16, peer: SocketAddr, metrics: &Metrics) -> Vec<u8> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let id = RequestId::random();
    record::count_unreadable(status, metrics);
    record::log_unreadable(status, &id, peer);
    let body = openai::body(&ApiError::unreadable(status), crate::error::Form::Service);
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len(),
        id.as_str(),
    )
    .into_bytes()
}
