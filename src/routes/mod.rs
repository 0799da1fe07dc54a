//! Every route on one screen.

use std::future::{Ready, ready};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;

use crate::capability::operations::Operation;
use crate::outcome::{Refusal, Route};
use crate::rejection::Rejection;
use crate::trail::Trail;
use crate::upstream::Upstreams;

mod admission;
mod body;
mod create;
mod detached;
mod fetch;
mod forward;
mod home;
pub(crate) mod observe;
mod operation;
mod order;
mod paid;
mod send;
mod target;

/// Routes everything below `/v1`. Each request brings its snapshot, and its worker's connections in it.
pub(crate) fn router() -> Router {
    // Path, methods, and what `Allow` says to all others.
    let routes = [
        ("/v1/videos", get(fetch::list).post(create::create), "GET, HEAD, POST"),
        // Literal segments win over ids.
        ("/v1/videos/edits", judged(Operation::Edit), "POST"),
        ("/v1/videos/extensions", judged(Operation::Extend), "POST"),
        ("/v1/videos/characters", judged(Operation::Character), "POST"),
        ("/v1/videos/characters/{id}", get(fetch::one), "GET, HEAD"),
        ("/v1/videos/{id}", get(fetch::one).delete(fetch::one).post(target::unknown), "GET, HEAD, DELETE"),
        ("/v1/videos/{id}/content", get(fetch::content), "GET, HEAD"),
        ("/v1/videos/{id}/remix", judged(Operation::Remix), "POST"),
    ];
    let videos = routes.into_iter().fold(Router::new(), |router, (path, methods, allow)| {
        router.route(path, label(path, methods.fallback(not_allowed(allow))))
    });
    videos
        .route("/v1/{*rest}", label("/v1/*", any(forward::forward)))
        .fallback(target::unknown)
        .layer(from_fn(target::check))
        // Inside of the edge, so that a panic is an answer that is logged and counted.
        .layer(CatchPanicLayer::custom(|_| Refusal::Panicked.into_response()))
}

/// The POST of one operation.
fn judged(operation: Operation) -> MethodRouter {
    post(move |snapshot: Snapshot, upstreams: Extension<Upstreams>, request: Request| {
        operation::submit(operation, snapshot, upstreams, request)
    })
}

/// Answers the methods that a path has not.
fn not_allowed(allow: &'static str) -> impl Fn(Method, Uri) -> Ready<Refusal> + Clone {
    move |method, uri| {
        let (method, path) = (method.to_string(), uri.path().to_owned());
        ready(Rejection::MethodNotAllowed { method, path, allow }.into())
    }
}

/// Tells the edge which route took a request.
fn label(route: &'static str, methods: MethodRouter) -> MethodRouter {
    let label = move |request: Request, next: Next| async move {
        Trail::of(request.extensions()).mark(|marks| marks.route = Some(route));
        let mut response: Response = next.run(request).await;
        response.extensions_mut().insert(Route(route));
        response
    };
    methods.layer(from_fn(label))
}

/// The snapshot a request was given at the edge.
type Snapshot = Extension<Arc<crate::gateway::Gateway>>;
