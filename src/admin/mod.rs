//! The admin listener's pages: for probes, Prometheus and people, never for clients.
//!
//! ```text
//! /          the status as a page          /livez, /healthz   the process lives
//! /status    the status as JSON            /readyz            it takes requests
//! /metrics   what Prometheus scrapes
//! ```
//!
//! A gateway whose ledger cannot be written stays ready: it refuses paid calls by itself and serves everything else,
//! polls and downloads of jobs above all, which another process may not know. `reelgate_ledger_operations_total`
//! tells of it. Two are not ready: a process that was told to stop, and one whose ledger is lost. No time heals the
//! latter, and every paid call is better sent to another process until somebody restarts it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use crate::gateway::Live;
use crate::plain::plain;
use crate::shutdown::Stop;

mod overview;
mod scrape;
mod status;

use status::Status;

/// What the pages tell of.
#[derive(Clone)]
struct Admin {
    live: Live,
    stop: Stop,
    started: Arc<Started>,
}

/// When the process started, by both clocks.
struct Started {
    at: SystemTime,
    since: Instant,
}

/// Routes every page.
pub(crate) fn router(live: Live, stop: Stop) -> Router {
    let started = Started { at: SystemTime::now(), since: Instant::now() };
    Router::new()
        .route("/", get(overview))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .fallback(|| async { (StatusCode::NOT_FOUND, PAGES) })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n") })
        // Whoever asks for a page that panics is told so, and the next page is made all the same.
        .layer(CatchPanicLayer::new())
        .layer(from_fn(guarded))
        .with_state(Admin { live, stop, started: Arc::new(started) })
}

/// What is said of a page that there is not.
const PAGES: &str = "no such page; there are: / /livez /readyz /healthz /metrics /status\n";

/// Says what may be asked, and lets no page be kept or load anything from elsewhere.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let refused = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if refused {
        headers.insert(header::ALLOW, ALLOW);
    }
    response
}

const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// Headers of every page.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Fails as soon as the process is told to stop, so that nothing new is sent its way; and while its ledger is lost.
async fn ready(State(admin): State<Admin>) -> (StatusCode, Cow<'static, str>) {
    if admin.stop.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".into());
    }
    match admin.live.current().ledger.lost() {
        Some(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the ledger is lost: {}\n", plain(&reason)).into())
        }
        None => (StatusCode::OK, "ok\n".into()),
    }
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], admin.live.current().page())
}

async fn status(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], admin.status().to_json())
}

async fn overview(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], overview::page(&admin.status()))
}

impl Admin {
    fn status(&self) -> Status {
        let stage = if self.stop.is_stopping() { "draining" } else { "serving" };
        Status::of(&self.live.current(), stage, &self.started)
    }
}
