//! What a browser has to be told before a page of another site may send a request, or read its answer.
//!
//! Applied at the edge, so that every answer has it: those of upstreams, refusals, and what streams. No cookies are
//! read, and keys come in headers that a page sets itself: there is no `Access-Control-Allow-Credentials`.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::config::cors::{Cors, Origins};

/// What `Access-Control-Allow-Origin` says to a request; `None` where its origin may not read the answer, or where it
/// comes from no page.
pub(super) fn allowed(cors: &Cors, headers: &HeaderMap) -> Option<HeaderValue> {
    if cors.origins == Origins::None {
        return None;
    }
    let mut sent = headers.get_all(header::ORIGIN).into_iter();
    let (Some(origin), None) = (sent.next(), sent.next()) else { return None };
    match &cors.origins {
        Origins::None => None,
        Origins::Any => Some(ANY),
        Origins::Listed(origins) => origins.iter().find(|listed| *listed == origin).cloned(),
    }
}

/// The answer to a browser that asks whether a page may send a request. It carries no key yet.
pub(super) fn preflight(cors: &Cors, request: &Request) -> Option<Response> {
    let headers = request.headers();
    if request.method() != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(names) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        // A page may send whatever it likes: which headers count, and which go upstream, is decided when they come.
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(cors.max_age.as_secs()));
    Some(response)
}

/// Completes an answer. `allowed`: what [`allowed`] says of its request.
pub(super) fn complete(cors: &Cors, allowed: Option<HeaderValue>, headers: &mut HeaderMap) {
    if matches!(cors.origins, Origins::Listed(_)) && !varies(headers) {
        // Also where no page asked: a cache would give the answer to one that may not read it, or none to one that may.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let Some(origin) = allowed else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if let Some(names) = exposed(headers) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
}

/// Whether an answer says already that it depends on the origin.
fn varies(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::VARY).into_iter().map(HeaderValue::as_bytes);
    let mut names = values.flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
}

/// The headers that a page may read: all that the answer has, since only what is meant for clients comes so far.
fn exposed(headers: &HeaderMap) -> Option<HeaderValue> {
    let names = headers.keys().filter(|name| !needs_no_listing(name)).map(HeaderName::as_str);
    let names = names.collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(names).ok().filter(|names| !names.is_empty())
}

/// Whether a page may read it in any case, or has no use for it.
fn needs_no_listing(name: &HeaderName) -> bool {
    let by_every_browser = matches!(
        name.as_str(),
        "cache-control"
            | "content-language"
            | "content-length"
            | "content-type"
            | "expires"
            | "last-modified"
    );
    by_every_browser || *name == header::VARY || name.as_str().starts_with("access-control-")
}

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
