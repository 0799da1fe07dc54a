//! Plays faults: in front of the operations, after the journal.

use std::future;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answers::ErrorAnswer;
use super::broken::{Broken, End, HangUp};
use super::faults::{Act, Fault, Limit};
use super::journal::Visit;
use super::unread::read_to_end;
use super::{Sandbox, Shared, lock, wording};

/// The fault that a request asks for itself.
const FAULT_HEADER: &str = "x-sandbox-fault";

/// Plays the fault that is due for this request, if one is.
pub(super) async fn faults(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let Some(written) = sandbox.due(&request) else { return next.run(request).await };
    let fault: Fault = match written.parse() {
        Ok(fault) => fault,
        Err(advice) => return ErrorAnswer::invalid(format!("{FAULT_HEADER}: {advice}")).into_response(),
    };
    let visit = request.extensions().get::<Visit>().cloned();
    if let Some(visit) = &visit {
        visit.note_fault(&written);
    }
    tokio::time::sleep(fault.delay).await;
    let answer = if fault.reaches_the_api() {
        next.run(request).await
    } else {
        // As a server does that breaks after it was asked, not while.
        read_to_end(request).await;
        Response::default()
    };
    match fault.act {
        Act::Nothing => answer,
        Act::Status(status) => fault.error(status, visit.as_ref().map_or("req_unknown", Visit::request_id)),
        Act::Truncate(bytes) => shortened(answer, bytes, End::Cut).await,
        Act::StallAfter(bytes) => shortened(answer, bytes, End::Silence).await,
        Act::Stall => future::pending().await,
        Act::Reset => {
            let mut answer = answer;
            answer.extensions_mut().insert(HangUp);
            answer
        }
    }
}

/// The answer with its length announced and its body broken off.
async fn shortened(answer: Response, bytes: usize, end: End) -> Response {
    let (mut head, body) = answer.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return ErrorAnswer::unexpected().into_response();
    };
    if bytes >= whole.len() {
        return Response::from_parts(head, Body::from(whole));
    }
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(head, Body::new(Broken::new(whole.slice(..bytes), end)))
}

// === impl Fault ===

impl Fault {
    fn error(&self, status: StatusCode, request_id: &str) -> Response {
        let wait = self.retry_after.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("20");
        let mut answer = match (status.as_u16(), self.limit) {
            (429, Limit::Rate) => ErrorAnswer::rate_limited(wait).into_response(),
            (429, Limit::Quota) => ErrorAnswer::quota_used_up().into_response(),
            (429, Limit::Tasks) => ErrorAnswer::too_many_tasks().into_response(),
            (429, Limit::Overloaded) | (529, _) => ErrorAnswer::overloaded(status).into_response(),
            (500, _) => ErrorAnswer::server_error(request_id).into_response(),
            (503, _) => wording::edge_failure(),
            _ => ErrorAnswer::other(status).into_response(),
        };
        for (name, value) in [("retry-after", &self.retry_after), ("retry-after-ms", &self.retry_after_ms)] {
            if let Some(value) = value {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        answer
    }
}

// === impl Sandbox ===

impl Sandbox {
    /// The fault for this request as it was written: its own, or the next of a script.
    fn due(&self, request: &Request) -> Option<String> {
        let own = request.headers().get(FAULT_HEADER);
        let own = own.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
        own.or_else(|| lock(&self.scripts).next(request.method().as_str(), request.uri().path()))
    }
}
