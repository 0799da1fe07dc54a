//! `GET /v1/videos` where clients have keys of ours: from the ledger, since the upstream would list everybody's.

use axum::Json;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::admission::Admitted;
use crate::ledger::owners::{Owners, Page};
use crate::ledger::record::{JobStatus, Record};
use crate::ledger::store::Videos;
use crate::rejection::Rejection;

/// Videos on a page where the client does not say how many, as of the API's other lists.
const LIMIT: usize = 20;

/// A list as the API writes it.
#[derive(Serialize)]
struct List<'r> {
    object: &'static str,
    data: Vec<Video<'r>>,
    first_id: Option<&'r str>,
    last_id: Option<&'r str>,
    has_more: bool,
}

/// A video in the order of the API's own fields. What the ledger does not know is null.
#[derive(Serialize)]
struct Video<'r> {
    id: &'r str,
    object: &'static str,
    created_at: i64,
    status: &'static str,
    completed_at: Option<i64>,
    error: Option<Fault<'r>>,
    expires_at: Option<i64>,
    model: Option<&'r str>,
    progress: u8,
    remixed_from_video_id: Option<&'r str>,
    seconds: Option<String>,
    size: Option<&'r str>,
}

#[derive(Serialize)]
struct Fault<'r> {
    code: &'r str,
    message: &'r str,
}

/// The owners' videos, as the query wants them. It has been judged.
///
/// # Errors
/// [`Rejection::UnknownVideo`] if the page is to follow a video that is not the owners', [`Rejection::ListNotKept`] and
/// [`Rejection::LedgerUnavailable`].
pub(super) async fn answer(admitted: &Admitted, owners: Owners) -> Result<Response, Rejection> {
    let page = page(&admitted.head.uri);
    let (limit, after) = (page.limit, page.after.clone());
    // One more than fits shows whether there are more.
    let page = Page { limit: limit + 1, ..page };
    let videos =
        admitted.gateway.ledger.videos(owners, page).await.map_err(|_| Rejection::LedgerUnavailable)?;
    let mut records = match videos {
        Videos::Page(records) => records,
        Videos::UnknownCursor => return Err(Rejection::UnknownVideo(after.unwrap_or_default())),
        Videos::NotKept => return Err(Rejection::ListNotKept),
    };
    let has_more = records.len() > limit;
    records.truncate(limit);
    let data: Vec<Video<'_>> = records.iter().filter_map(Video::of).collect();
    let (first_id, last_id) = (data.first().map(|video| video.id), data.last().map(|video| video.id));
    Ok(Json(List { object: "list", first_id, last_id, has_more, data }).into_response())
}

fn page(uri: &Uri) -> Page {
    let mut page = Page { after: None, limit: LIMIT, oldest_first: false };
    for pair in uri.query().unwrap_or_default().split('&') {
        match pair.split_once('=') {
            Some(("limit", value)) => page.limit = value.parse().unwrap_or(LIMIT),
            Some(("order", value)) => page.oldest_first = value == "asc",
            Some(("after", value)) if !value.is_empty() => {
                page.after = Some(percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            Some(_) | None => {}
        }
    }
    page
}

impl<'r> Video<'r> {
    fn of(record: &'r Record) -> Option<Self> {
        let Record { details, outcome, .. } = record;
        let job_status = outcome.job_status.unwrap_or(JobStatus::Queued);
        if job_status == JobStatus::Deleted {
            return None;
        }
        let fault = (job_status == JobStatus::Failed).then(|| Fault {
            code: outcome.fault.code.as_deref().unwrap_or("generation_failed"),
            message: outcome.fault.message.as_deref().unwrap_or_default(),
        });
        Some(Self {
            id: outcome.job_id.as_deref()?,
            object: "video",
            created_at: record.at.0 / 1000,
            status: status(job_status),
            completed_at: None,
            error: fault,
            expires_at: None,
            model: details.model_named.as_deref().or(details.model.as_deref()),
            progress: if job_status == JobStatus::Completed { 100 } else { 0 },
            remixed_from_video_id: None,
            seconds: details.seconds.map(|seconds| seconds.to_string()),
            size: details.size.as_deref(),
        })
    }
}

/// In the API's four words.
const fn status(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "queued",
        JobStatus::InProgress | JobStatus::Other => "in_progress",
        JobStatus::Completed => "completed",
        JobStatus::Failed | JobStatus::Deleted => "failed",
    }
}
