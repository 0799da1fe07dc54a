//! Every route on one screen, and what the handlers of judged operations share.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;

use crate::outcome::{Refusal, Route};
use crate::rejection::Rejection;
use crate::upstream::Upstreams;

mod body;
mod create;
mod fetch;
mod forward;
mod operation;
mod send;
mod target;

/// Routes everything below `/v1`.
pub(crate) fn router(upstreams: Upstreams) -> Router {
    Router::new()
        .route("/v1/videos", labelled("/v1/videos", get(fetch::list).post(create::create), "GET, HEAD, POST"))
        .route("/v1/videos/edits", labelled("/v1/videos/edits", post(operation::edit), "POST"))
        .route("/v1/videos/extensions", labelled("/v1/videos/extensions", post(operation::extend), "POST"))
        .route("/v1/videos/characters", labelled("/v1/videos/characters", post(operation::character), "POST"))
        .route(
            "/v1/videos/characters/{id}",
            labelled("/v1/videos/characters/{id}", get(fetch::one), "GET, HEAD"),
        )
        .route(
            "/v1/videos/{id}",
            labelled(
                "/v1/videos/{id}",
                get(fetch::one).delete(fetch::one).post(target::unknown),
                "GET, HEAD, DELETE",
            ),
        )
        .route(
            "/v1/videos/{id}/content",
            labelled("/v1/videos/{id}/content", get(fetch::content), "GET, HEAD"),
        )
        .route("/v1/videos/{id}/remix", labelled("/v1/videos/{id}/remix", post(operation::remix), "POST"))
        .route("/v1/{*rest}", label("/v1/*", any(forward::forward)))
        .fallback(target::unknown)
        .layer(from_fn(target::check))
        // Inside of the edge, so that a panic is an answer that is logged and counted.
        .layer(CatchPanicLayer::custom(|_| Refusal::Panicked.into_response()))
        .layer(Extension(upstreams))
}

/// Gives the route its label, and an answer to the methods it has not.
fn labelled(route: &'static str, methods: MethodRouter, allow: &'static str) -> MethodRouter {
    let refused = move |method: Method, uri: Uri| async move {
        let (method, path) = (method.to_string(), uri.path().to_owned());
        Refusal::from(Rejection::MethodNotAllowed { method, path, allow })
    };
    label(route, methods.fallback(refused))
}

fn label(route: &'static str, methods: MethodRouter) -> MethodRouter {
    let label = move |request: Request, next: Next| async move {
        let mut response: Response = next.run(request).await;
        response.extensions_mut().insert(Route(route));
        response
    };
    methods.layer(from_fn(label))
}

/// The snapshot a request was given at the edge.
type Snapshot = Extension<Arc<crate::gateway::Gateway>>;
