//! `POST /v1/videos`: judged, rejected or rewritten, and forwarded.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::http::request::Parts;
use axum::response::Response;

use super::Served;
use super::admission::{Admitted, admitted};
use super::forward::judge_submit_query;
use super::order::Order;
use super::ownership;
use super::paid::{self, Paid};
use super::written::{Edits, Written};
use crate::capability::Mode;
use crate::capability::allowed::Asker;
use crate::capability::create::FIELDS;
use crate::gateway::Gateway;
use crate::ledger::operation::Operation;
use crate::outcome::{Note, Refusal};
use crate::params::{self, Params, Value};
use crate::quota::Class;
use crate::rejection::{Param, Rejection};

pub(super) async fn create(served: Served, request: Box<Request>) -> Response {
    admitted(Class::Submit, served, request, judged).await
}

async fn judged(admitted: Admitted, body: Body) -> Result<Response, Refusal> {
    let gateway = Arc::clone(&admitted.gateway);
    let config = &gateway.config;
    judge_submit_query(&gateway, &admitted.head.uri)?;
    let mode = mode(&gateway, &admitted.head)?;
    let (encoding, held) = admitted.read(body).await?;
    let (written, judgement, model_named) = {
        let params = params::parse_gapped(&encoding, held.gapped(), FIELDS, &config.limits.fields)?;
        let model_named = asked(&params);
        admitted.journey().mark(|marks| marks.asked.clone_from(&model_named));
        let nobody = Asker { mode, ..Asker::default() };
        let asker = admitted.client.key().map_or(nobody, |key| key.asker(mode));
        let judgement = config.capabilities.judge_create(&params, &asker)?;
        ownership::check_reference(&admitted, &params)?;
        let body = (&encoding, &held, &params);
        let edits = Edits { all: &judgement.edits, former: judgement.edits_without_defaults() };
        let written = Written::of(Operation::Create, &admitted.head, body, &edits);
        (written, judgement, model_named)
    };
    let upstream = judgement.model.as_ref().map_or(&config.default_upstream, |model| &model.upstream);
    let note = Note::of(&judgement, upstream);
    let order = Order { model_named: model_named.map(Arc::from), ..Order::of(&judgement) };
    let upstream = Arc::clone(upstream);
    let paid = Paid { operation: Operation::Create, body: written, upstream, order };
    // Apart, and large: what is refused before it comes here needs no room for it.
    Box::pin(paid::call(admitted, paid, note)).await
}

/// The model as the client names it, for the log.
fn asked(params: &Params<'_>) -> Option<Box<str>> {
    match &params.get(Param::Model)?.value {
        Value::Text(name) => Some(name.get(..name.floor_char_boundary(ASKED_MAX))?.into()),
        Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean
        | Value::Null
        | Value::Array
        | Value::Object
        | Value::File { .. } => None,
    }
}

/// Bytes of a model's name that the log shows.
const ASKED_MAX: usize = 128;

/// What the client asks to be done with the unsupported, where the operator lets it.
fn mode(gateway: &Gateway, head: &Parts) -> Result<Option<Mode>, Rejection> {
    let mut values = head.headers.get_all(MODE).into_iter();
    let (Some(value), true) = (values.next(), gateway.config.mode_header) else { return Ok(None) };
    if values.next().is_some() {
        return Err(Rejection::DoubledHeader("x-reelgate-mode"));
    }
    match value.as_bytes() {
        b"strict" => Ok(Some(Mode::Strict)),
        b"adjust" => Ok(Some(Mode::Adjust)),
        other => Err(Rejection::NotListed {
            param: Param::Mode,
            got: String::from_utf8_lossy(other).into_owned(),
            allowed: ["strict", "adjust"].map(str::to_owned).to_vec(),
        }),
    }
}

const MODE: HeaderName = HeaderName::from_static("x-reelgate-mode");
