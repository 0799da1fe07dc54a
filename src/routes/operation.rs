//! Remix, edits, extensions and characters: judged and forwarded.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::Served;
use super::admission::{Admitted, admitted};
use super::forward::judge_submit_query;
use super::order::Order;
use super::ownership::{self, Kind, Purpose};
use super::paid::{self, Paid};
use super::written::{Edits, Written};
use crate::capability::Table;
use crate::capability::create::wanted_duration;
use crate::capability::operations::Operation;
use crate::capability::ranges::Ranged;
use crate::config::auth::Key;
use crate::ledger::operation as recorded;
use crate::ledger::record::Job;
use crate::outcome::{Note, Refusal};
use crate::params;
use crate::quota::Class;
use crate::rejection::Rejection;

/// Handles one operation.
pub(super) async fn submit(operation: Operation, served: Served, request: Box<Request>) -> Response {
    admitted(Class::Submit, served, request, |admitted, body| judged(operation, admitted, body)).await
}

async fn judged(operation: Operation, mut admitted: Admitted, body: Body) -> Result<Response, Refusal> {
    let gateway = Arc::clone(&admitted.gateway);
    let config = &gateway.config;
    judge_submit_query(&gateway, &admitted.head.uri)?;
    // Before the body: a video that is not the client's is not worth an upload.
    let in_path = ownership::in_path(&mut admitted, Purpose::Use).await?;
    let (encoding, held) = admitted.read(body).await.map_err(|reason| form_only(operation, reason))?;
    if operation == Operation::Character && encoding.is_json() {
        let got = admitted.head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        return Err(Rejection::NotAForm(String::from_utf8_lossy(got.unwrap_or_default()).into_owned()).into());
    }
    let (body, named, seconds, ranged) = {
        let params =
            params::parse_gapped(&encoding, held.gapped(), operation.fields(), &config.limits.fields)?;
        let edit = config.capabilities.judge(operation, &params)?;
        let named = params.video_id().map(str::to_owned);
        let body = (&encoding, &held, &params);
        let edits = Edits { all: edit.as_slice(), former: edit.as_slice() };
        let body = Written::of(name_of(operation), &admitted.head, body, &edits);
        (body, named, wanted_duration(&params), Ranged::of(&params))
    };
    let source = match named {
        Some(id) => ownership::by_id(&admitted, (Kind::Video, &id), Purpose::Use).await?,
        None => in_path,
    };
    let upstream = Arc::clone(ownership::upstream_of(config, source.as_deref()));
    let operation = name_of(operation);
    if let (Some(key), Some(job)) = (admitted.client.key(), &source) {
        allowed(key, job, &config.capabilities)?;
    }
    let order = Order::again(operation, source.as_deref(), seconds, &config.capabilities);
    let model = order.model.as_deref().and_then(|name| config.capabilities.configured(name));
    config.capabilities.judge_ranged(&ranged, model.map(Arc::as_ref))?;
    let note = Note { upstream: Some(Arc::clone(&upstream)), model: order.model.clone(), ..Note::default() };
    paid::call(admitted, Paid { operation, body, upstream, order }, note).await
}

/// Refuses another video of a model that the key may not use. What it had made itself, by a name that the record does
/// not tell, was allowed.
fn allowed(key: &Key, source: &Job, table: &Table) -> Result<(), Rejection> {
    let model = source.model.as_deref().and_then(|name| table.configured(name)).map(Arc::as_ref);
    match model {
        Some(model) if model.is_pattern() && key.owners.contains(&source.client) => Ok(()),
        Some(model) => key.asker(None).check(Some(model), None),
        None => Ok(()),
    }
}

/// What an operation is called in the ledger.
fn name_of(operation: Operation) -> recorded::Operation {
    match operation {
        Operation::Remix => recorded::Operation::Remix,
        Operation::Edit => recorded::Operation::Edit,
        Operation::Extend => recorded::Operation::Extension,
        Operation::Character => recorded::Operation::Character,
    }
}

/// A character is only made from a form: a hint at JSON would lead astray.
fn form_only(operation: Operation, reason: Rejection) -> Rejection {
    match (operation, reason) {
        (Operation::Character, Rejection::ContentType(got)) => Rejection::NotAForm(got),
        (_, reason) => reason,
    }
}
