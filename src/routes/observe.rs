//! Looking along as clients poll: the ledger hears how far a job has come, and one that has ended gives its slots
//! back, or what it took of a budget if it failed.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use http_body::Body as HttpBody;

use super::ownership::{Kind, Named};
use crate::gateway::Gateway;
use crate::ledger::record::JobStatus;
use crate::ledger::settlement::JobView;
use crate::upstream::{WHOLE_MAX, coding, is_json};

/// The same answer, once it has been looked at.
pub(super) async fn observe(
    gateway: &Gateway,
    upstream: &Arc<str>,
    asked: &Parts,
    answer: Response,
) -> Response {
    let named = Named::in_path(asked.uri.path()).filter(|named| named.kind == Kind::Video);
    let Some(Named { id, .. }) = named else { return answer };
    // Not asked for: whoever may not see a job gets the same answer as for one that is gone. The watch will tell.
    if answer.status() == StatusCode::NOT_FOUND {
        return answer;
    }
    let holds_slots = gateway.slots.seen(upstream, &id);
    // A budget may be owed for a job that an earlier process made.
    let is_owed = !gateway.budgets.is_empty() && !gateway.ledger.knows(&id);
    // What nobody keeps track of need not be looked at.
    if !holds_slots && !is_owed && !gateway.ledger.is_unfinished(&id) {
        return answer;
    }
    if asked.method == Method::DELETE && answer.status().is_success() {
        gone(gateway, upstream, &id);
        return answer;
    }
    if !is_whole(&answer) {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(head, Body::empty());
    };
    let polled = Polled {
        upstream,
        id: &id,
        is_poll: asked.method == Method::GET && is_own_path(asked.uri.path()) && head.status.is_success(),
    };
    let body = coding::decoded(&head.headers, &bytes).unwrap_or_default();
    if is_owed && polled.has_failed(&body) {
        // From now on it is known.
        let _ = gateway.ledger.job(&id).await;
    }
    seen(gateway, polled, &body);
    Response::from_parts(head, Body::from(bytes))
}

/// A job that an answer may be about.
#[derive(Clone, Copy)]
pub(crate) struct Polled<'p> {
    /// The configured name of its upstream.
    pub(crate) upstream: &'p str,
    /// Its id there, as the path has it.
    pub(crate) id: &'p str,
    /// Whether the answer is a successful one to a poll of this job: it is about the job even if it has no id.
    pub(crate) is_poll: bool,
}

impl Polled<'_> {
    fn view(self, body: &[u8]) -> Option<JobView> {
        JobView::of(self.id, body, self.is_poll)
    }

    fn has_failed(self, body: &[u8]) -> bool {
        self.view(body).is_some_and(|job| job.status == Some(JobStatus::Failed))
    }
}

/// Notes what an answer says of the job. `body`: without a content coding.
pub(crate) fn seen(gateway: &Gateway, polled: Polled<'_>, body: &[u8]) {
    let Some(job) = polled.view(body) else { return };
    if let Some(failed) = gateway.ledger.job_seen(&job) {
        gateway.budgets.give_back(&failed.charge());
    }
    if job.status.is_some_and(JobStatus::is_final) {
        gateway.slots.finished(polled.upstream, polled.id);
    }
}

/// Whether a path names a job itself, and not its content.
fn is_own_path(path: &str) -> bool {
    path.strip_prefix("/v1/videos/").is_some_and(|rest| !rest.contains('/'))
}

/// The job is no more, at its upstream.
pub(crate) fn gone(gateway: &Gateway, upstream: &str, id: &str) {
    gateway.ledger.job_deleted(id);
    gateway.slots.finished(upstream, id);
}

/// Whether the body is JSON that was read whole, and so is in memory already.
fn is_whole(answer: &Response) -> bool {
    let length = HttpBody::size_hint(answer.body()).exact();
    is_json(answer.headers()) && length.is_some_and(|length| length <= WHOLE_MAX as u64)
}
