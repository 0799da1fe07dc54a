//! The paths that are not about videos, and the queries of those that are.

use axum::Extension;
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::response::Response;
use http_body::Body as HttpBody;

use super::Snapshot;
use super::body::too_large;
use super::send::send;
use super::target::is_id;
use crate::auth;
use crate::capability::query::Allowed;
use crate::config::OtherRoutes;
use crate::gateway::Gateway;
use crate::outcome::Refusal;
use crate::rejection::{Param, Rejection};
use crate::upstream::{Call, Kind, Payload, Upstreams};

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
pub(super) async fn forward(
    Extension(gateway): Snapshot,
    Extension(upstreams): Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let config = &gateway.config;
    let path = head.uri.path();
    // Whatever of the video routes comes here has no route of its own.
    if config.routes.other == OtherRoutes::Refuse || path.starts_with("/v1/videos/") {
        return Err(Rejection::UnknownUrl { method: head.method.to_string(), path: path.to_owned() }.into());
    }
    if !METHODS.contains(&head.method) {
        let (method, path) = (head.method.to_string(), path.to_owned());
        return Err(Rejection::MethodNotAllowed { method, path, allow: ALLOW }.into());
    }
    auth::admit(&config.auth, &head.headers)?;
    // Batches of messages have a far higher limit at Anthropic, and stream like all else.
    let is_message = path == "/v1/messages" || path == "/v1/messages/count_tokens";
    let limit = if is_message { config.limits.messages_body } else { config.limits.other_body };
    too_large(HttpBody::size_hint(&body).lower(), limit)?;
    let payload = if body.is_end_stream() {
        Payload::Empty
    } else {
        Payload::Streaming { body, limit, idle: config.limits.body_idle }
    };
    send(&upstreams, &config.default_upstream, Call::new(Kind::Other, head), payload).await
}

/// Methods of an API; tunnels and echoes are none.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
const ALLOW: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
