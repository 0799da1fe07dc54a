//! Sending a request on to its upstream, once it is decided that it goes there.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::response::Response;
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::warn;

use crate::gateway::Gateway;
use crate::outcome::Refusal;
use crate::shutdown::Underway;
use crate::upstream::{Call, Kind, Payload, Presence, Upstreams};

/// Longest answer that is looked through for the id of an orphaned job, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// Sends a call on, in the way of its kind.
pub(super) async fn send(
    upstreams: &Upstreams,
    upstream: &Arc<str>,
    call: Call,
    payload: Payload,
) -> Result<Response, Refusal> {
    match call.kind {
        Kind::Submit => outliving(upstreams.clone(), Arc::clone(upstream), call, payload).await,
        Kind::Fetch | Kind::Other => answered(upstreams, upstream, &call, payload).await,
    }
}

async fn answered(
    upstreams: &Upstreams,
    upstream: &str,
    call: &Call,
    payload: Payload,
) -> Result<Response, Refusal> {
    upstreams.send(upstream, call, payload).await.map_err(|why| Refusal::unanswered(why, call.kind))
}

/// A paid call runs in a task of its own: a client that leaves neither cancels it nor hides what became of it.
async fn outliving(
    upstreams: Upstreams,
    upstream: Arc<str>,
    mut call: Call,
    payload: Payload,
) -> Result<Response, Refusal> {
    let (tell, told) = oneshot::channel();
    // Once nobody waits any more, nothing is asked again.
    let (presence, _waiting) = Presence::pair();
    call.client = presence;
    // The process is not at its end before this is.
    let underway = call.head.extensions.get::<Underway>().cloned();
    tokio::spawn(async move {
        let answer = answered(&upstreams, &upstream, &call, payload).await;
        if let Err(answer) = tell.send(answer) {
            log_orphan(&call, answer).await;
        }
        drop(underway);
    });
    // Only a panic ends the task without a word.
    told.await.unwrap_or(Err(Refusal::Panicked))
}

/// Somebody has to find the job that nobody was told of.
async fn log_orphan(call: &Call, answer: Result<Response, Refusal>) {
    if let Some(gateway) = call.head.extensions.get::<Arc<Gateway>>() {
        gateway.metrics.orphaned.inc();
    }
    let request_id = call.request_id.as_str();
    match answer {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let body = to_bytes(answer.into_body(), ANSWER_MAX).await.unwrap_or_default();
            let object: Option<Value> = serde_json::from_slice(&body).ok();
            let job = object.as_ref().and_then(|object| object.get("id")).and_then(Value::as_str);
            warn!(request_id, status, job, "the client left before its paid call was answered");
        }
        Err(refusal) => {
            let outcome = refusal.outcome();
            warn!(request_id, outcome, "the client left before its paid call came to nothing");
        }
    }
}
