//! `POST /v1/videos`: judged, rejected or rewritten, and forwarded.

use axum::Extension;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::Snapshot;
use super::body;
use super::forward;
use super::send::send;
use crate::auth;
use crate::capability::Mode;
use crate::capability::create::FIELDS;
use crate::gateway::Gateway;
use crate::outcome::{Note, Refusal};
use crate::params;
use crate::rejection::{Param, Rejection};
use crate::rewrite;
use crate::upstream::{Call, Kind, Payload, Upstreams};

pub(super) async fn create(
    Extension(gateway): Snapshot,
    Extension(upstreams): Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let config = &gateway.config;
    auth::admit(&config.auth, &head.headers)?;
    forward::judge_submit_query(&gateway, &head.uri, FIELDS)?;
    let mode = mode(&gateway, &head)?;
    let (encoding, bytes) = body::read(&head, body, &config.limits).await?;
    let (payload, note) = {
        let params = params::parse(&encoding, &bytes, FIELDS, &config.limits.fields)?;
        let judgement = config.capabilities.judge_create(&params, mode)?;
        let upstream = judgement.model.as_ref().map_or(&config.default_upstream, |model| &model.upstream);
        (
            rewrite::apply(&bytes, &params, &judgement.edits).into_iter().collect(),
            Note::of(&judgement, upstream),
        )
    };
    let upstream = note.upstream.as_ref().unwrap_or(&config.default_upstream);
    let answer = send(&upstreams, upstream, Call::new(Kind::Submit, head), Payload::Whole(payload)).await;
    Ok(told(answer, note))
}

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

/// The answer with what the edge must know of it. A failed create was adjusted just as well.
fn told(answer: Result<Response, Refusal>, note: Note) -> Response {
    let mut response = answer.into_response();
    response.extensions_mut().insert(note);
    response
}

const MODE: HeaderName = HeaderName::from_static("x-reelgate-mode");
