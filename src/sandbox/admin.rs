//! `/sandbox/*`: reading what happened and deciding what happens next. Open to everyone who reaches it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answers::{self, ErrorAnswer};
use super::faults::Script;
use super::jobs::{Operation, Video};
use super::timeline::{JobError, State as JobState, Status};
use super::{Shared, lock};

/// The steering calls.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/sandbox/faults", get(show_faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/jobs", get(show_jobs).delete(clear_jobs))
        .route("/sandbox/jobs/{id}", post(force_job))
        .route("/sandbox/requests", get(show_requests).delete(clear_requests))
}

async fn show_faults(State(sandbox): State<Shared>) -> Response {
    answers::success(json!({ "faults": *lock(&sandbox.scripts) }))
}

async fn add_faults(State(sandbox): State<Shared>, body: Bytes) -> Result<Response, ErrorAnswer> {
    let script: Script = read(&body)?;
    let mut scripts = lock(&sandbox.scripts);
    scripts.add(script).map_err(ErrorAnswer::invalid)?;
    Ok(answers::success(json!({ "faults": *scripts })))
}

async fn clear_faults(State(sandbox): State<Shared>) -> Response {
    lock(&sandbox.scripts).clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn show_jobs(State(sandbox): State<Shared>) -> Response {
    #[derive(Serialize)]
    struct Shown {
        operation: Operation,
        video: Video,
    }
    let now = sandbox.clock.now();
    let jobs = lock(&sandbox.jobs);
    let shown: Vec<Shown> =
        jobs.all().map(|job| Shown { operation: job.operation, video: job.show(now) }).collect();
    answers::success(json!({ "created": jobs.created(), "kept": shown.len(), "jobs": shown }))
}

async fn clear_jobs(State(sandbox): State<Shared>) -> Response {
    lock(&sandbox.jobs).clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn force_job(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ErrorAnswer> {
    let wanted: Wanted = read(&body)?;
    let now = sandbox.clock.now();
    let mut jobs = lock(&sandbox.jobs);
    let job = jobs.get_mut(&id).ok_or_else(|| ErrorAnswer::video_not_found(&id))?;
    job.force(now, |ended| match wanted.status {
        Status::Queued | Status::InProgress => JobState::unfinished(wanted.status, wanted.progress.min(99)),
        Status::Completed => JobState::completed(ended),
        Status::Failed => {
            JobState::failed(wanted.error.unwrap_or_else(JobError::broken), wanted.progress.min(99), ended)
        }
    });
    Ok(answers::success(job.show(now)))
}

async fn show_requests(State(sandbox): State<Shared>) -> Response {
    answers::success(json!({ "requests": sandbox.journal.show() }))
}

async fn clear_requests(State(sandbox): State<Shared>) -> Response {
    sandbox.journal.clear();
    StatusCode::NO_CONTENT.into_response()
}

/// The state a job shall be left in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    status: Status,
    error: Option<JobError>,
    #[serde(default)]
    progress: u8,
}

/// Reads JSON whatever the content type says, so that a bare `curl -d` will do.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ErrorAnswer> {
    serde_json::from_slice(body).map_err(|problem| ErrorAnswer::invalid(format!("Not understood: {problem}")))
}
