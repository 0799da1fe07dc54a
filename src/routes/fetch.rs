//! Reading, listing, deleting and downloading: the id and the query are judged, the rest streams.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;

use super::Served;
use super::admission::{Admitted, admitted};
use super::forward::{judge_query, judge_query_about_known_ids};
use super::list;
use super::observe::observe;
use super::ownership::{self, Purpose};
use super::send::send;
use crate::ledger::record::Job;
use crate::outcome::{Note, Refusal};
use crate::quota::Class;
use crate::rejection::Param;
use crate::upstream::{Call, Kind, Payload};

/// `GET /v1/videos`
pub(super) async fn list(served: Served, request: Box<Request>) -> Response {
    admitted(Class::Fetch, served, request, |admitted, _| listed(admitted)).await
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

/// Where clients have keys of ours the upstream would list the videos of all of them: the ledger knows each one's.
async fn listed(admitted: Admitted) -> Result<Response, Refusal> {
    const KNOWN: &[Param] = &[Param::Limit, Param::Order, Param::After];
    let Some(owners) = ownership::owners(&admitted, Purpose::Read) else {
        judge_query(&admitted.gateway, &admitted.head.uri, KNOWN)?;
        return fetched(admitted, None).await;
    };
    judge_query_about_known_ids(&admitted.gateway, &admitted.head.uri, KNOWN)?;
    // Given by a client that has had its answer, as for any other call.
    admitted.spend(Class::Fetch).await?.commit();
    Ok(list::answer(&admitted, owners).await?)
}

async fn judged(known: &[Param], mut admitted: Admitted) -> Result<Response, Refusal> {
    judge_query(&admitted.gateway, &admitted.head.uri, known)?;
    let purpose = if admitted.head.method == Method::DELETE { Purpose::Use } else { Purpose::Read };
    let job = ownership::in_path(&mut admitted, purpose).await?;
    fetched(admitted, job).await
}

async fn fetched(admitted: Admitted, job: Option<Arc<Job>>) -> Result<Response, Refusal> {
    let tokens = admitted.spend(Class::Fetch).await?;
    let Admitted { gateway, upstreams, client, head, place: _place } = admitted;
    let upstream = Arc::clone(ownership::upstream_of(&gateway.config, job.as_deref()));
    drop(job);
    let call = Arc::new(Call::new(Kind::Fetch, head).owned_by(client.name()).counted_by(&gateway.quotas));
    let answer = send(&upstreams, &upstream, (&call, Payload::Empty), tokens).await?;
    let mut answer = observe(&gateway, &upstream, &call.head, answer).await;
    answer.extensions_mut().insert(Note { upstream: Some(upstream), ..Note::default() });
    Ok(answer)
}
