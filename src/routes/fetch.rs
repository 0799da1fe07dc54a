//! Reading, listing, deleting and downloading: the id and the query are judged, the rest streams.

use super::Snapshot;
use super::forward;
use super::send::send;
use super::target::check_id;
use crate::auth;
use crate::outcome::Refusal;
use crate::rejection::Param;
use crate::upstream::{Call, Kind, Payload, Upstreams};
use axum::Extension;
use axum::extract::Request;
use axum::response::Response;

/// `GET /v1/videos`
pub(super) async fn list(
    snapshot: Snapshot,
    upstreams: Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    fetch(&[Param::Limit, Param::Order, Param::After], snapshot, upstreams, request).await
}

/// `GET` and `DELETE /v1/videos/{id}`, `GET /v1/videos/characters/{id}`
pub(super) async fn one(
    snapshot: Snapshot,
    upstreams: Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    fetch(&[], snapshot, upstreams, request).await
}

/// `GET /v1/videos/{id}/content`
pub(super) async fn content(
    snapshot: Snapshot,
    upstreams: Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    fetch(&[Param::Variant], snapshot, upstreams, request).await
}

async fn fetch(
    known: &[Param],
    Extension(gateway): Snapshot,
    Extension(upstreams): Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    // A body on these routes means nothing; it is read on and thrown away.
    let (head, _) = request.into_parts();
    auth::admit(&gateway.config.auth, &head.headers)?;
    check_id(&gateway, &head.uri)?;
    forward::judge_query(&gateway, &head.uri, known)?;
    send(&upstreams, &gateway.config.default_upstream, Call::new(Kind::Fetch, head), Payload::Empty).await
}
