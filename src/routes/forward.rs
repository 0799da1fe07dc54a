//! The paths that are not about videos, and the queries of those that are.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use http_body::Body as HttpBody;

use super::Served;
use super::admission::{Admitted, admitted};
use super::body::too_large;
use super::send::send;
use super::target::{is_id, not_offered};
use crate::capability::query::Allowed;
use crate::config::OtherRoutes;
use crate::gateway::Gateway;
use crate::outcome::{Note, Refusal};
use crate::quota::Class;
use crate::rejection::{Param, Rejection};
use crate::upstream::{Call, Kind, Payload};

/// Refuses a query that names anything but `known` and what the operator lets through.
pub(super) fn judge_query(gateway: &Gateway, uri: &Uri, known: &[Param]) -> Result<(), Rejection> {
    judge(gateway, uri, known, &[])
}

/// As [`judge_query`], for a call whose body has `fields`.
pub(super) fn judge_submit_query(gateway: &Gateway, uri: &Uri, fields: &[Param]) -> Result<(), Rejection> {
    judge(gateway, uri, &[], fields)
}

fn judge(gateway: &Gateway, uri: &Uri, known: &[Param], fields: &[Param]) -> Result<(), Rejection> {
    let Some(query) = uri.query() else { return Ok(()) };
    let routes = &gateway.config.routes;
    let allowed = Allowed { known, fields, extra: &routes.query_parameters, is_id: is_id(routes.video_ids) };
    gateway.config.capabilities.judge_query(query, allowed)
}

/// Every other path below `/v1`, unchanged, in both directions as it comes.
pub(super) async fn forward(served: Served, request: Box<Request>) -> Response {
    if let Err(reason) = offered(&served.gateway, request.method(), request.uri()) {
        return Refusal::from(reason).into_response();
    }
    admitted(Class::Other, served, request, forwarded).await
}

/// Refuses what is not offered, before it is asked who is asking.
fn offered(gateway: &Gateway, method: &Method, uri: &Uri) -> Result<(), Rejection> {
    // Whatever of the video routes comes here has no route of its own.
    if gateway.config.routes.other == OtherRoutes::Refuse || uri.path().starts_with("/v1/videos/") {
        return Err(not_offered(method, uri, None));
    }
    if METHODS.contains(method) {
        return Ok(());
    }
    Err(not_offered(method, uri, Some(ALLOW)))
}

async fn forwarded(admitted: Admitted, body: Body) -> Result<Response, Refusal> {
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

/// Methods of an API; tunnels and echoes are none.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
const ALLOW: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
