//! The admin listener's pages: for probes and Prometheus, never for clients.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::gateway::Live;
use crate::shutdown::Stop;

mod scrape;

#[derive(Clone)]
struct Admin {
    live: Live,
    stop: Stop,
}

/// `/livez`, `/readyz` and `/metrics`.
pub(crate) fn router(live: Live, stop: Stop) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(page))
        .with_state(Admin { live, stop })
}

/// Fails as soon as the process is told to stop, so that nothing new is sent its way.
async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    if admin.stop.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn page(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], admin.live.current().page())
}
