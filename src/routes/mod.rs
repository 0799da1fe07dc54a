//! Every route on one screen.

use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};

use crate::gateway::Gateway;
use crate::journey::Journey;
use crate::outcome::Refusal;
use crate::upstream::Upstreams;

mod admission;
mod body;
mod create;
mod detached;
mod fetch;
mod forward;
mod list;
pub(crate) mod observe;
mod operation;
mod order;
mod ownership;
mod paid;
mod route;
mod send;
mod target;
mod written;

use route::Route;

/// What a request is answered by.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// The snapshot it was given at the edge.
    pub(crate) gateway: Arc<Gateway>,
    /// Its worker's connections.
    pub(crate) upstreams: Upstreams,
}

/// Answers a request below `/v1`.
pub(crate) async fn answer(served: Served, request: Box<Request>) -> Response {
    if let Err(reason) = target::check(request.method(), request.uri()) {
        return Refusal::from(reason).into_response();
    }
    let route = Route::of(request.uri().path().strip_prefix("/v1/").unwrap_or_default());
    Journey::of(request.extensions()).mark(|marks| marks.route = Some(route.template()));
    caught(handled(route, served, request)).await
}

/// Apart: what takes the most room is asked for the least.
type Handling = Pin<Box<dyn Future<Output = Response> + Send>>;

fn handled(route: Route, served: Served, request: Box<Request>) -> Handling {
    match (route, request.method()) {
        (Route::Videos, &Method::POST) => Box::pin(create::create(served, request)),
        (Route::Videos, &Method::GET | &Method::HEAD) => Box::pin(fetch::list(served, request)),
        (Route::Judged(operation), &Method::POST) => Box::pin(operation::submit(operation, served, request)),
        (Route::Video, &Method::GET | &Method::HEAD | &Method::DELETE)
        | (Route::Character, &Method::GET | &Method::HEAD) => Box::pin(fetch::one(served, request)),
        (Route::Video, &Method::POST) => Box::pin(ready(not_offered(&request, None))),
        (Route::Content, &Method::GET | &Method::HEAD) => Box::pin(fetch::content(served, request)),
        (Route::Other, _) => Box::pin(forward::forward(served, request)),
        _ => Box::pin(ready(not_offered(&request, Some(route.allow())))),
    }
}

/// Answers a target that names nothing, or has only the methods in `allow`.
fn not_offered(request: &Request, allow: Option<&'static str>) -> Response {
    Refusal::from(target::not_offered(request.method(), request.uri(), allow)).into_response()
}

/// Makes an answer of a panic: inside of the edge, so that it is logged and counted.
async fn caught(mut handling: Handling) -> Response {
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(Refusal::Panicked.into_response()))
    })
    .await
}
