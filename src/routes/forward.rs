//! The paths that are not about videos, and the queries of those that are.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use http_body::Body as HttpBody;

use super::Served;
use super::admission::{Admitted, admitted};
use super::body::too_large;
use super::send::send;
use super::target::{is_id, not_offered};
use crate::auth::Client;
use crate::capability::query::Allowed;
use crate::config::Config;
use crate::config::allow::METHODS;
use crate::config::routes::OtherAccess;
use crate::gateway::Gateway;
use crate::outcome::{Note, Refusal};
use crate::quota::Class;
use crate::rejection::{Param, Rejection};
use crate::upstream::{Call, Kind, Payload};

/// Refuses a query that names anything but `known` and what the operator lets through.
pub(super) fn judge_query(gateway: &Gateway, uri: &Uri, known: &[Param]) -> Result<(), Rejection> {
    judge(gateway, uri, known, is_id(gateway.config.routes.video_ids))
}

/// As [`judge_query`], where ids are looked up by us: however an id looks, only a known one passes.
pub(super) fn judge_query_about_known_ids(
    gateway: &Gateway,
    uri: &Uri,
    known: &[Param],
) -> Result<(), Rejection> {
    judge(gateway, uri, known, |_| true)
}

/// As [`judge_query`], for a call that costs money.
pub(super) fn judge_submit_query(gateway: &Gateway, uri: &Uri) -> Result<(), Rejection> {
    let Some(query) = uri.query() else { return Ok(()) };
    gateway.config.capabilities.judge_paid_query(query, &gateway.config.routes.query_parameters)
}

fn judge(gateway: &Gateway, uri: &Uri, known: &[Param], is_id: fn(&str) -> bool) -> Result<(), Rejection> {
    let Some(query) = uri.query() else { return Ok(()) };
    let allowed = Allowed { known, extra: &gateway.config.routes.query_parameters, is_id };
    gateway.config.capabilities.judge_query(query, allowed)
}

/// Every other path below `/v1` that is offered, unchanged, in both directions as it comes.
pub(super) async fn forward(served: Served, request: Box<Request>) -> Response {
    if let Err(reason) = offered(&served.gateway, request.method(), request.uri()) {
        return Refusal::from(reason).into_response();
    }
    admitted(Class::Other, served, request, forwarded).await
}

/// Refuses what is offered to no client, before it is known which one asks. Where a list decides, that comes first:
/// without a key one learns nothing of the list.
fn offered(gateway: &Gateway, method: &Method, uri: &Uri) -> Result<(), Rejection> {
    let Config { routes, auth, .. } = &gateway.config;
    // Whatever of the video routes comes here has no route of its own.
    if uri.path().starts_with("/v1/videos/") {
        return Err(not_offered(method, uri, None));
    }
    match routes.other_access(auth.mode, None) {
        OtherAccess::Nothing => Err(not_offered(method, uri, None)),
        OtherAccess::Everything => has_method(method, uri),
        OtherAccess::Listed(_) => Ok(()),
    }
}

/// Refuses what is not offered to this client, as if it were not there.
fn offered_to(client: &Client, gateway: &Gateway, head: &Parts) -> Result<(), Rejection> {
    let Config { routes, auth, .. } = &gateway.config;
    if !routes.other_access(auth.mode, client.key()).allows(&head.method, head.uri.path()) {
        return Err(not_offered(&head.method, &head.uri, None));
    }
    has_method(&head.method, &head.uri)
}

/// Refuses methods that no API has.
fn has_method(method: &Method, uri: &Uri) -> Result<(), Rejection> {
    if METHODS.contains(method) { Ok(()) } else { Err(not_offered(method, uri, Some(ALLOW))) }
}

async fn forwarded(admitted: Admitted, body: Body) -> Result<Response, Refusal> {
    offered_to(&admitted.client, &admitted.gateway, &admitted.head)?;
    let limits = &admitted.gateway.config.limits;
    let path = admitted.head.uri.path();
    // Batches of messages have a far higher limit at Anthropic, and stream like all else.
    let is_message = path == "/v1/messages" || path == "/v1/messages/count_tokens";
    let limit = if is_message { limits.messages_body } else { limits.other_body };
    too_large(HttpBody::size_hint(&body).lower(), limit)?;
    let tokens = admitted.spend(Class::Other).await?;
    let Admitted { gateway, upstreams, client, head, place: _place } = admitted;
    let payload = if body.is_end_stream() {
        Payload::Empty
    } else {
        Payload::Streaming { body, limit, idle: gateway.config.limits.body_idle }
    };
    let call = Arc::new(Call::new(Kind::Other, head).owned_by(client.name()).counted_by(&gateway.quotas));
    let upstream = &gateway.config.default_upstream;
    let mut answer = send(&upstreams, upstream, (&call, payload), tokens).await?;
    answer.extensions_mut().insert(Note { upstream: Some(Arc::clone(upstream)), ..Note::default() });
    Ok(answer)
}

/// What `Allow` says of [`METHODS`].
const ALLOW: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
