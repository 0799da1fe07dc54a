//! Reading, listing, deleting and downloading: the id and the query are judged, the rest streams.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use super::Served;
use super::admission::{Admitted, admitted};
use super::forward::judge_query;
use super::home;
use super::observe::observe;
use super::send::send;
use super::target::check_id;
use crate::outcome::{Note, Refusal};
use crate::quota::Class;
use crate::rejection::Param;
use crate::upstream::{Call, Kind, Payload};

/// `GET /v1/videos`
pub(super) async fn list(served: Served, request: Box<Request>) -> Response {
    fetch(&[Param::Limit, Param::Order, Param::After], served, request).await
}

/// `GET` and `DELETE /v1/videos/{id}`, `GET /v1/videos/characters/{id}`
pub(super) async fn one(served: Served, request: Box<Request>) -> Response {
    fetch(&[], served, request).await
}

/// `GET /v1/videos/{id}/content`
pub(super) async fn content(served: Served, request: Box<Request>) -> Response {
    fetch(&[Param::Variant], served, request).await
}

async fn fetch(known: &'static [Param], served: Served, request: Box<Request>) -> Response {
    // A body on these routes means nothing; it is read on and thrown away.
    admitted(Class::Fetch, served, request, |admitted, _| judged(known, admitted)).await
}

async fn judged(known: &[Param], admitted: Admitted) -> Result<Response, Refusal> {
    check_id(&admitted.gateway, &admitted.head.uri)?;
    judge_query(&admitted.gateway, &admitted.head.uri, known)?;
    let tokens = admitted.spend(Class::Fetch).await?;
    let Admitted { gateway, upstreams, client, head, place: _place } = admitted;
    let upstream = home::of(&gateway, home::id_in(head.uri.path()).as_deref()).await;
    let call = Arc::new(Call::new(Kind::Fetch, head).owned_by(client.name()).counted_by(&gateway.quotas));
    let answer = send(&upstreams, &upstream, (&call, Payload::Empty), tokens).await?;
    let mut answer = observe(&gateway, &upstream, &call.head, answer).await;
    answer.extensions_mut().insert(Note { upstream: Some(upstream), ..Note::default() });
    Ok(answer)
}
