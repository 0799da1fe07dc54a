//! Every route on one screen.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use tower::ServiceExt;

use crate::capability::operations::Operation;
use crate::gateway::Gateway;
use crate::journey::Journey;
use crate::outcome::Refusal;
use crate::rejection::Rejection;
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

/// What a request is answered by.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// The snapshot it was given at the edge.
    pub(crate) gateway: Arc<Gateway>,
    /// Its worker's connections.
    pub(crate) upstreams: Upstreams,
}

/// Routes everything below `/v1`.
pub(crate) fn router() -> Router {
    let routes: [Row; 8] = [
        ("/v1/videos", |at| get(at.to(fetch::list)).post(at.to(create::create)), "GET, HEAD, POST"),
        // Literal segments win over ids.
        ("/v1/videos/edits", |at| at.judged(Operation::Edit), "POST"),
        ("/v1/videos/extensions", |at| at.judged(Operation::Extend), "POST"),
        ("/v1/videos/characters", |at| at.judged(Operation::Character), "POST"),
        ("/v1/videos/characters/{id}", |at| get(at.to(fetch::one)), "GET, HEAD"),
        ("/v1/videos/{id}", |at| at.one(), "GET, HEAD, DELETE"),
        ("/v1/videos/{id}/content", |at| get(at.to(fetch::content)), "GET, HEAD"),
        ("/v1/videos/{id}/remix", |at| at.judged(Operation::Remix), "POST"),
    ];
    let videos = routes.into_iter().fold(Router::new(), |router, (path, methods, allow)| {
        router.route(path, methods(At(path)).fallback(At(path).not_allowed(allow)))
    });
    videos.route("/v1/{*rest}", any(At("/v1/*").to(forward::forward))).fallback(target::unknown)
}

/// A path, what takes its requests, and what `Allow` says to all others.
type Row = (&'static str, fn(At) -> MethodRouter, &'static str);

/// Answers a request below `/v1`.
pub(crate) async fn answer(router: &Router, served: Served, mut request: Request) -> Response {
    if let Err(refusal) = target::check(&served.gateway, &request) {
        return refusal.into_response();
    }
    request.extensions_mut().insert(served);
    let answering = pin!(router.clone().oneshot(request));
    caught(answering).await
}

/// Makes an answer of a panic: inside of the edge, so that it is logged and counted. A layer of middleware would box
/// every body for it.
async fn caught(mut answering: impl Future<Output = Result<Response, Infallible>> + Unpin) -> Response {
    let answered = poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut answering).poll(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(Ok(Refusal::Panicked.into_response())))
    });
    match answered.await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A route, by its template: what takes its requests leaves it on their journeys.
#[derive(Clone, Copy)]
struct At(&'static str);

impl At {
    /// What takes a request there.
    fn to<F: 'static>(self, handle: fn(Served, Request) -> F) -> impl Handle<F> {
        self.by(handle)
    }

    /// The POST of one operation.
    fn judged(self, operation: Operation) -> MethodRouter {
        post(self.by(move |served, request| operation::submit(operation, served, request)))
    }

    /// What is done with one video.
    fn one(self) -> MethodRouter {
        get(self.to(fetch::one)).delete(self.to(fetch::one)).post(self.to(target::no_post))
    }

    /// Answers the methods that a path has not.
    fn not_allowed(self, allow: &'static str) -> impl Handle<Ready<Response>> {
        self.by(move |_, request: Request| {
            let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
            ready(Refusal::from(Rejection::MethodNotAllowed { method, path, allow }).into_response())
        })
    }

    fn by<F: 'static>(
        self,
        handle: impl Fn(Served, Request) -> F + Clone + Send + Sync + 'static,
    ) -> impl Handle<F> {
        move |Extension(served): Extension<Served>, request: Request| {
            if let Some(journey) = request.extensions().get::<Journey>() {
                journey.mark(|marks| marks.route = Some(self.0));
            }
            handle(served, request)
        }
    }
}

/// What can handle requests.
trait Handle<F>: Fn(Extension<Served>, Request) -> F + Clone + Send + Sync + 'static {}

impl<F, H: Fn(Extension<Served>, Request) -> F + Clone + Send + Sync + 'static> Handle<F> for H {}
