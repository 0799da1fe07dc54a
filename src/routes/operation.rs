//! Remix, edits, extensions and characters: judged and forwarded.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;

use super::Served;
use super::admission::{Admitted, admitted};
use super::forward::judge_submit_query;
use super::home;
use super::order::Order;
use super::paid::{self, Paid};
use super::target::check_id;
use crate::capability::Table;
use crate::capability::create::wanted_duration;
use crate::capability::operations::Operation;
use crate::capability::ranges::Ranged;
use crate::config::auth::Key;
use crate::gateway::Gateway;
use crate::ledger::operation as recorded;
use crate::ledger::record::Job;
use crate::outcome::{Note, Refusal};
use crate::params;
use crate::quota::Class;
use crate::rejection::Rejection;
use crate::rewrite;

/// Handles one operation.
pub(super) async fn submit(operation: Operation, served: Served, request: Box<Request>) -> Response {
    admitted(Class::Submit, served, request, |admitted, body| judged(operation, admitted, body)).await
}

async fn judged(operation: Operation, admitted: Admitted, body: Body) -> Result<Response, Refusal> {
    let gateway = Arc::clone(&admitted.gateway);
    let config = &gateway.config;
    check_id(&gateway, &admitted.head.uri)?;
    judge_submit_query(&gateway, &admitted.head.uri)?;
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
        let body = rewrite::apply_held(&held, &params, edit.as_slice());
        (body, named, wanted_duration(&params), Ranged::of(&params))
    };
    let source = source(&gateway, named, &admitted.head.uri).await;
    let upstream = Arc::clone(home::of_job(config, source.as_ref()));
    let operation = name_of(operation);
    if let (Some(key), Some(job)) = (admitted.client.key(), &source) {
        allowed(key, job, &config.capabilities)?;
    }
    let order = Order::again(operation, source.as_ref(), seconds, &config.capabilities);
    let model = order.model.as_deref().and_then(|name| config.capabilities.configured(name));
    config.capabilities.judge_ranged(&ranged, model.map(Arc::as_ref))?;
    let note = Note { upstream: Some(Arc::clone(&upstream)), model: order.model.clone(), ..Note::default() };
    paid::call(admitted, Paid { operation, encoding, body, upstream, order }, note).await
}

/// The job that made the video an operation is about, as far as the ledger knows it.
async fn source(gateway: &Gateway, named: Option<String>, uri: &Uri) -> Option<Job> {
    let id = named.map(Cow::Owned).or_else(|| home::id_in(uri.path()))?;
    gateway.ledger.job(&id).await
}

/// Refuses another video of a model that the key may not use. What it had made itself, by a name that the record does
/// not tell, was allowed.
fn allowed(key: &Key, source: &Job, table: &Table) -> Result<(), Rejection> {
    let model = source.model.as_deref().and_then(|name| table.configured(name)).map(Arc::as_ref);
    match model {
        Some(model) if model.is_pattern() && source.client == key.name => Ok(()),
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
