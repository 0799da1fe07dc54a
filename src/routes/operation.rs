//! Remix, edits, extensions and characters: judged and forwarded.

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::forward;
use super::send::send;
use super::target::check_id;
use super::{Snapshot, body};
use crate::auth;
use crate::capability::operations::Operation;
use crate::outcome::Refusal;
use crate::params;
use crate::rejection::Rejection;
use crate::rewrite;
use crate::upstream::{Call, Kind, Payload, Upstreams};

/// Handles one operation.
pub(super) async fn submit(
    operation: Operation,
    Extension(gateway): Snapshot,
    Extension(upstreams): Extension<Upstreams>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let config = &gateway.config;
    auth::admit(&config.auth, &head.headers)?;
    check_id(&gateway, &head.uri)?;
    forward::judge_submit_query(&gateway, &head.uri, operation.fields())?;
    let (encoding, bytes) =
        body::read(&head, body, &config.limits).await.map_err(|reason| form_only(operation, reason))?;
    if operation == Operation::Character && encoding.is_json() {
        let got = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        return Err(Rejection::NotAForm(String::from_utf8_lossy(got).into_owned()).into());
    }
    let params = params::parse(&encoding, &bytes, operation.fields(), &config.limits.fields)?;
    let edit = config.capabilities.judge(operation, &params)?;
    let body = rewrite::apply(&bytes, &params, edit.as_slice()).into_iter().collect();
    send(&upstreams, &gateway.config.default_upstream, Call::new(Kind::Submit, head), Payload::Whole(body))
        .await
}

/// A character is only made from a form: a hint at JSON would lead astray.
fn form_only(operation: Operation, reason: Rejection) -> Rejection {
    match (operation, reason) {
        (Operation::Character, Rejection::ContentType(got)) => Rejection::NotAForm(got),
        (_, reason) => reason,
    }
}
