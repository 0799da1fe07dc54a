//! The operations on videos, but for the download.

use axum::extract::{Path, Request, State};
use axum::http::{Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::answers::{self, ErrorAnswer};
use super::fields::{self, Accepts, Fields};
use super::jobs::{NewJob, Operation, Video};
use super::journal::Visit;
use super::rules::{Order, RULES, Source};
use super::timeline::Status;
use super::{Sandbox, Shared, lock, query, unread};

/// The longest film there can be after extensions, in seconds.
const LONGEST_FILM: u32 = 120;

/// Lets through who names the key, or any key where none is set.
pub(super) async fn authorize(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| value.split_once(' ')).filter(|(scheme, key)| {
        // The scheme's case does not matter, and a name without a key is none.
        scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()
    });
    let problem = match (bearer, &sandbox.options.key) {
        (None, _) => ErrorAnswer::missing_key(),
        (Some((_, given)), Some(key)) if given.trim() != key => ErrorAnswer::incorrect_key(given.trim()),
        (Some(_), _) => return next.run(request).await,
    };
    // Clients that still send would lose the answer.
    unread::read_to_end(request).await;
    problem.into_response()
}

/// `POST /v1/videos`
pub(super) async fn create(State(sandbox): State<Shared>, request: Request) -> Result<Response, ErrorAnswer> {
    let fields = read(request, Accepts::FormOrJson).await?;
    let order = RULES.create(&fields)?;
    Ok(sandbox.start(Operation::Create, order, None))
}

/// `POST /v1/videos/{id}/remix`
pub(super) async fn remix(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ErrorAnswer> {
    let fields = read(request, Accepts::FormOrJson).await?;
    let prompt = RULES.remix(&fields)?;
    let order = sandbox.finished(&id)?;
    Ok(sandbox.start(Operation::Remix, Order { prompt, ..order }, Some(id)))
}

/// `POST /v1/videos/edits`
pub(super) async fn edit(State(sandbox): State<Shared>, request: Request) -> Result<Response, ErrorAnswer> {
    let fields = read(request, Accepts::FormOrJson).await?;
    let (prompt, source) = RULES.edit(&fields)?;
    let (order, from) = sandbox.order_from(source, prompt)?;
    Ok(sandbox.start(Operation::Edit, order, from))
}

/// `POST /v1/videos/extensions`: the new film holds the old one and what was added.
pub(super) async fn extend(State(sandbox): State<Shared>, request: Request) -> Result<Response, ErrorAnswer> {
    let fields = read(request, Accepts::FormOrJson).await?;
    let (prompt, source, added) = RULES.extension(&fields)?;
    let (mut order, from) = sandbox.order_from(source, prompt)?;
    order.seconds += added;
    if order.seconds > LONGEST_FILM {
        return Err(ErrorAnswer::film_too_long(LONGEST_FILM, order.seconds));
    }
    Ok(sandbox.start(Operation::Extension, order, from))
}

/// `GET /v1/videos`
pub(super) async fn list(State(sandbox): State<Shared>, uri: Uri) -> Result<Response, ErrorAnswer> {
    #[derive(Serialize)]
    struct List {
        object: &'static str,
        data: Vec<Video>,
        first_id: Option<String>,
        last_id: Option<String>,
        has_more: bool,
    }
    let page = query::page(&uri)?;
    let now = sandbox.clock.now();
    let jobs = lock(&sandbox.jobs);
    let Some((found, has_more)) = jobs.page(&page) else {
        return Err(ErrorAnswer::video_not_found(&page.after.unwrap_or_default()));
    };
    let data: Vec<Video> = found.into_iter().map(|job| job.show(now)).collect();
    let id = |video: &Video| video.id().to_owned();
    let (first_id, last_id) = (data.first().map(id), data.last().map(id));
    Ok(answers::success(List { object: "list", data, first_id, last_id, has_more }))
}

/// `GET /v1/videos/{id}`
pub(super) async fn retrieve(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ErrorAnswer> {
    let jobs = lock(&sandbox.jobs);
    let job = jobs.get(&id).ok_or_else(|| ErrorAnswer::video_not_found(&id))?;
    Ok(answers::success(job.show(sandbox.clock.now())))
}

/// `DELETE /v1/videos/{id}`
pub(super) async fn delete(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ErrorAnswer> {
    #[derive(Serialize)]
    struct Deleted {
        id: String,
        object: &'static str,
        deleted: bool,
    }
    if !lock(&sandbox.jobs).remove(&id) {
        return Err(ErrorAnswer::video_not_found(&id));
    }
    Ok(answers::success(Deleted { id, object: "video.deleted", deleted: true }))
}

/// Reads a body and leaves a note of its fields in the journal.
pub(super) async fn read(request: Request, accepts: Accepts) -> Result<Fields, ErrorAnswer> {
    let visit = request.extensions().get::<Visit>().cloned();
    let fields = fields::read(request, accepts).await?;
    if let Some(visit) = visit {
        visit.note_fields(fields.summary());
    }
    Ok(fields)
}

// === impl Sandbox ===

impl Sandbox {
    fn start(&self, operation: Operation, order: Order, remixed_from: Option<String>) -> Response {
        let new = NewJob { id: self.id("video_", 48), operation, order, remixed_from };
        answers::success(lock(&self.jobs).start(new, self.clock.now()))
    }

    /// The order of a job whose film is there.
    fn finished(&self, id: &str) -> Result<Order, ErrorAnswer> {
        let jobs = lock(&self.jobs);
        let job = jobs.get(id).ok_or_else(|| ErrorAnswer::video_not_found(id))?;
        match job.state(self.clock.now()).status {
            Status::Completed => Ok(job.order.clone()),
            Status::Queued | Status::InProgress | Status::Failed => Err(ErrorAnswer::not_ready()),
        }
    }

    /// What a film made from `source` is made like, and the id it came from.
    fn order_from(&self, source: Source, prompt: String) -> Result<(Order, Option<String>), ErrorAnswer> {
        match source {
            Source::Id(id) => Ok((Order { prompt, ..self.finished(&id)? }, Some(id))),
            Source::Upload => Ok((RULES.unseen(prompt)?, None)),
        }
    }
}
