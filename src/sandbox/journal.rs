//! What was asked of the sandbox: the last requests, without credentials, for tests to read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::broken::HangUp;
use super::fields::cut;
use super::{Shared, answers, lock};

/// Requests kept.
const MAX_VISITS: usize = 500;
/// Headers kept of one request.
const MAX_HEADERS: usize = 64;

/// The last requests, oldest first.
#[derive(Default)]
pub(super) struct Journal(Mutex<VecDeque<Visit>>);

/// One request: a handle by which those who handle it add what they find out.
#[derive(Clone)]
pub(super) struct Visit(Arc<Entry>);

struct Entry {
    head: Head,
    body_bytes: AtomicU64,
    found: Mutex<Found>,
}

#[derive(Clone, Serialize)]
struct Head {
    request_id: String,
    method: String,
    path: String,
    query: Option<String>,
    headers: Value,
}

#[derive(Clone, Default, Serialize)]
struct Found {
    /// The body's fields, long texts cut.
    fields: Value,
    /// The fault that was played, as it was written.
    fault: Option<String>,
    /// The status answered; none while the request is handled, and after a hang-up.
    status: Option<u16>,
}

/// Records every request and puts the service's headers on its answer.
pub(super) async fn record(State(sandbox): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = sandbox.id("req_", 32);
    let visit = Visit::new(&request, request_id.clone());
    sandbox.journal.add(visit.clone());
    request.extensions_mut().insert(visit.clone());

    let counted = visit.clone();
    let request = request.map(|body| {
        Body::new(body.map_frame(move |frame| {
            counted.count(frame.data_ref().map_or(0, bytes::Bytes::len));
            frame
        }))
    });
    let mut answer = next.run(request).await;
    if answer.extensions().get::<HangUp>().is_none() {
        visit.note_status(answer.status().as_u16());
    }
    answers::stamp(answer.headers_mut(), &request_id, started.elapsed().as_millis());
    answer
}

// === impl Journal ===

impl Journal {
    /// All requests kept, oldest first, as JSON.
    pub(super) fn show(&self) -> Vec<Value> {
        lock(&self.0).iter().map(Visit::show).collect()
    }

    /// Forgets all requests.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    fn add(&self, visit: Visit) {
        let mut visits = lock(&self.0);
        visits.push_back(visit);
        if visits.len() > MAX_VISITS {
            visits.pop_front();
        }
    }
}

// === impl Visit ===

impl Visit {
    fn new(request: &Request, request_id: String) -> Self {
        let head = Head {
            request_id,
            method: request.method().to_string(),
            path: cut(request.uri().path()),
            query: request.uri().query().map(cut),
            headers: show_headers(request.headers()),
        };
        Self(Arc::new(Entry { head, body_bytes: AtomicU64::new(0), found: Mutex::default() }))
    }

    /// The id this request is answered with.
    pub(super) fn request_id(&self) -> &str {
        &self.0.head.request_id
    }

    /// Adds what the body said.
    pub(super) fn note_fields(&self, fields: Value) {
        lock(&self.0.found).fields = fields;
    }

    /// Adds the fault that is played.
    pub(super) fn note_fault(&self, fault: &str) {
        lock(&self.0.found).fault = Some(cut(fault));
    }

    fn note_status(&self, status: u16) {
        lock(&self.0.found).status = Some(status);
    }

    fn count(&self, bytes: usize) {
        self.0.body_bytes.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn show(&self) -> Value {
        #[derive(Serialize)]
        struct Shown {
            #[serde(flatten)]
            head: Head,
            body_bytes: u64,
            #[serde(flatten)]
            found: Found,
        }
        let shown = Shown {
            head: self.0.head.clone(),
            body_bytes: self.0.body_bytes.load(Ordering::Relaxed),
            found: lock(&self.0.found).clone(),
        };
        serde_json::to_value(shown).unwrap_or_default()
    }
}

/// Headers by name; several of one name are joined, credentials are stars.
fn show_headers(headers: &HeaderMap) -> Value {
    let shown = headers.keys().take(MAX_HEADERS).map(|name| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let text = if is_credential(name) { "***".into() } else { values.collect::<Vec<_>>().join(", ") };
        (name.to_string(), cut(&text).into())
    });
    shown.collect::<Map<_, _>>().into()
}

fn is_credential(name: &HeaderName) -> bool {
    ["authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"].contains(&name.as_str())
}
