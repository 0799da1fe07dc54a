//! What became of a paid call, read from the upstream's answer or from its absence.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use super::record::{Fault, JobStatus, Outcome, State};
use crate::dialect::status::JobState;
use crate::dialect::video;
use crate::error::{ApiError, Wording};
use crate::failure::{Failure, leaves_open};
use crate::rejection::Rejection;

/// An answer, as far as it is kept to be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that are about the answer and not about the connection.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settlement {
    /// What is written down.
    pub(super) outcome: Outcome,
    /// What everybody who waits for this call is told.
    pub(super) end: End,
    /// Whether the client's SDK is told not to ask again by itself.
    pub(super) is_last_word: bool,
}

/// How a call ended, for whoever has to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// With an answer of the upstream's.
    Answered(Arc<Answer>),
    /// With one that is too long to be kept, and cannot be given again.
    Unkept,
    /// Without one, and the upstream was not asked: a limit of ours.
    Rejected(Rejection),
    /// Without one.
    Failed(Failure),
}

/// What an answer says about a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobView {
    /// `id`
    pub id: Option<String>,
    /// `status`
    pub status: Option<JobStatus>,
    /// `error`
    pub fault: Fault,
}

/// Headers an answer keeps beside `openai-*`.
static KEPT: [HeaderName; 4] = [
    // Only of bodies that could not be decoded. All others are kept without a coding.
    HeaderName::from_static("content-encoding"),
    HeaderName::from_static("content-type"),
    HeaderName::from_static("x-request-id"),
    SHOULD_RETRY,
];
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The failure that a successful answer counts as whose body cannot be read.
pub(crate) const UNREADABLE: Failure = Failure::Garbled;
/// Longest id of a job that is written down, in characters: no client can send a longer one in a path.
const ID_MAX: usize = 8192;
/// Longest text of an upstream's that is written down, in characters.
const TEXT_MAX: usize = 2000;

// === impl Answer ===

impl Answer {
    /// Keeps what can be given again.
    #[must_use]
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let kept =
            headers.iter().filter(|(name, _)| KEPT.contains(name) || name.as_str().starts_with("openai-"));
        let headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { status, headers, body }
    }
}

// === impl Settlement ===

impl Settlement {
    /// The upstream gave this answer. `attempts`: times it was asked.
    #[must_use]
    pub(crate) fn answered(answer: Answer, attempts: u32) -> Self {
        let view = JobView::read(&answer.body).unwrap_or_default();
        let state = state_of(answer.status);
        let accepted = state == State::Accepted;
        let upstream_request_id = answer.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let outcome = Outcome {
            state,
            attempts,
            status: Some(answer.status.as_u16()),
            job_status: view.id.as_ref().filter(|_| accepted).and(view.status.or(Some(JobStatus::Queued))),
            job_id: view.id.filter(|_| accepted),
            upstream_request_id: upstream_request_id.map(shortened),
            fault: view.fault,
        };
        let is_last_word = answer.headers.get(SHOULD_RETRY).is_some_and(|value| value == "false");
        Self { outcome, end: End::Answered(Arc::new(answer)), is_last_word }
    }

    /// The upstream gave an answer with this head, too long to be about a job. `attempts`: times it was asked.
    #[must_use]
    pub(crate) fn answered_at_length(status: StatusCode, headers: &HeaderMap, attempts: u32) -> Self {
        let head = Answer::of(status, headers, Bytes::new());
        Self { end: End::Unkept, ..Self::answered(head, attempts) }
    }

    /// The upstream gave an answer with this head and a success's status, but its body holds no job, no result and no
    /// error. Something may have been made. `attempts`: how many were made.
    #[must_use]
    pub(crate) fn unreadable(status: StatusCode, headers: &HeaderMap, attempts: u32) -> Self {
        let answered = Self::answered_at_length(status, headers, attempts);
        let fault = Fault::ours(ApiError::failed(UNREADABLE, false));
        let outcome =
            Outcome { state: State::Unknown, job_id: None, job_status: None, fault, ..answered.outcome };
        Self { outcome, end: End::Failed(UNREADABLE), is_last_word: true }
    }

    /// The upstream gave no usable answer.
    #[must_use]
    pub(crate) fn failed(failure: Failure, attempts: u32) -> Self {
        let state = if failure.outcome_unknown() { State::Unknown } else { State::Refused };
        let fault = Fault::ours(ApiError::failed(failure, false));
        Self {
            outcome: Outcome { attempts, ..Outcome::without_answer(state, fault) },
            end: End::Failed(failure),
            is_last_word: false,
        }
    }

    /// A limit of ours ended the call; `attempts` before it came to nothing.
    #[must_use]
    pub(crate) fn rejected(reason: Rejection, attempts: u32) -> Self {
        let fault = Fault::ours(ApiError::rejected(&reason, &Wording::default()));
        Self {
            outcome: Outcome { attempts, ..Outcome::without_answer(State::Refused, fault) },
            end: End::Rejected(reason),
            is_last_word: false,
        }
    }

    /// An attempt before the last one may have been accepted, or the last one's answer is none of the application's own
    /// words: whatever it says short of success, the outcome is open.
    #[must_use]
    pub(crate) fn doubtful(mut self) -> Self {
        if self.outcome.state == State::Refused {
            self.outcome.state = State::Unknown;
        }
        self
    }

    /// The answer is certain to be a refusal, even if its status alone would leave the outcome open.
    #[must_use]
    pub(crate) fn refused(mut self) -> Self {
        self.outcome.state = State::Refused;
        self
    }

    /// The client's SDK is told not to ask again by itself, if `is_last_word`.
    #[must_use]
    pub(crate) fn last_word_if(self, is_last_word: bool) -> Self {
        Self { is_last_word: self.is_last_word || is_last_word, ..self }
    }

    /// What is known now.
    #[must_use]
    pub(crate) const fn state(&self) -> State {
        self.outcome.state
    }

    /// Whether nothing was made, and nobody pays: the call was refused, or its job had failed by the time of the answer.
    #[must_use]
    pub(crate) fn came_to_nothing(&self) -> bool {
        self.outcome.state == State::Refused || self.outcome.job_status == Some(JobStatus::Failed)
    }

    /// Whether the upstream answered with a success's status and a body that cannot be read.
    #[must_use]
    pub(crate) fn is_unreadable(&self) -> bool {
        self.outcome.status.is_some() && self.end == End::Failed(UNREADABLE)
    }

    /// Id of the job that was started, if it is known.
    #[must_use]
    pub(crate) fn job_id(&self) -> Option<&str> {
        self.outcome.job_id.as_deref()
    }

    /// The same for a call that makes something at once, and no job.
    #[must_use]
    pub(crate) fn without_job(mut self) -> Self {
        self.outcome.job_status = None;
        self
    }

    /// Id of the job that was started, if it is known and may run.
    #[must_use]
    pub(crate) fn running_job(&self) -> Option<&str> {
        // Without a status it is no job.
        let runs = self.outcome.job_status.is_some_and(|status| !status.is_final());
        self.job_id().filter(|_| runs)
    }
}

/// What a status says about the call. What else of the answer matters is for [`Settlement::doubtful`].
fn state_of(status: StatusCode) -> State {
    match status {
        status if status.is_success() => State::Accepted,
        status if leaves_open(status) => State::Unknown,
        _ => State::Refused,
    }
}

// === impl JobView ===

impl JobView {
    /// Reads a video object, or an error object.
    #[must_use]
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let said = video::said(body)?;
        // SDKs stop to poll at a word they do not know.
        let status = said.state.map(JobStatus::from).or(said.has_word.then_some(JobStatus::Other));
        let error = said.error.and_then(|error| serde_json::from_str::<Value>(error.get()).ok());
        Some(Self {
            id: said.id.map(|id| id.chars().take(ID_MAX).collect()),
            status,
            fault: error.as_ref().map(Fault::read).unwrap_or_default(),
        })
    }

    /// Reads what an answer says of this job; `None` if it is about another one. `is_poll`: the answer is a successful
    /// one to a poll, whose path names the job. Then it is about the job even if it has no id.
    #[must_use]
    pub(crate) fn of(id: &str, body: &[u8], is_poll: bool) -> Option<Self> {
        let view = Self::read(body)?;
        let is_about = view.id.as_deref().map_or(is_poll, |named| named == id);
        is_about.then(|| Self { id: Some(id.to_owned()), ..view })
    }
}

impl From<JobState> for JobStatus {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::InProgress => Self::InProgress,
            JobState::Completed => Self::Completed,
            JobState::Failed => Self::Failed,
            JobState::Deleted => Self::Deleted,
        }
    }
}

// === impl Fault ===

impl Fault {
    /// What we say ourselves, where the upstream said nothing.
    fn ours(error: ApiError) -> Self {
        Self { code: error.code, message: Some(error.message) }
    }

    fn read(error: &Value) -> Self {
        let part = |name: &str| match error.get(name)? {
            Value::String(text) => Some(shortened(text)),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        // Some servers answer a bare string.
        let message = part("message").or_else(|| error.as_str().map(shortened));
        Self { code: part("code"), message }
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= TEXT_MAX { text.to_owned() } else { text.chars().take(TEXT_MAX).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(status: u16, body: &'static str) -> Outcome {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "req_up".parse().expect("a value"));
        let status = StatusCode::from_u16(status).expect("a status");
        Settlement::answered(Answer::of(status, &headers, body.into()), 2).outcome
    }

    #[test]
    fn an_accepted_create_is_known_by_its_job() {
        let outcome = settled(200, r#"{"id":"video_1","object":"video","status":"queued","error":null}"#);
        assert_eq!(outcome.state, State::Accepted);
        assert_eq!(
            (outcome.job_id.as_deref(), outcome.job_status),
            (Some("video_1"), Some(JobStatus::Queued))
        );
        assert_eq!((outcome.upstream_request_id.as_deref(), outcome.attempts), (Some("req_up"), 2));
        let film = settled(200, r#"{"data":[{"url":"u"}]}"#);
        assert_eq!((film.state, film.job_id), (State::Accepted, None), "made at once, and no job");
        let answer = Answer::of(StatusCode::OK, &HeaderMap::new(), r#"{"id":"video_1"}"#.into());
        assert_eq!(Settlement::answered(answer, 1).job_id(), Some("video_1"), "whatever else is missing");
    }

    #[test]
    fn an_error_is_known_by_its_code_and_message() {
        let outcome = settled(400, r#"{"error":{"message":"No.","type":"x","param":null,"code":"invalid"}}"#);
        assert_eq!(outcome.state, State::Refused);
        assert_eq!(outcome.fault, Fault { code: Some("invalid".into()), message: Some("No.".into()) });
        assert_eq!(settled(503, r#"{"error":{"code":503}}"#).fault.code.as_deref(), Some("503"));
        assert_eq!(settled(400, r#"{"error":"boom"}"#).fault.message.as_deref(), Some("boom"));
    }

    /// RT05: what leaves the outcome of a create open.
    #[test]
    fn only_a_definite_no_is_a_refusal() {
        for status in [400, 401, 404, 409, 422, 425, 429, 503, 529] {
            assert_eq!(settled(status, "{}").state, State::Refused, "{status}");
        }
        for status in [408, 500, 502, 504, 520, 522, 524] {
            assert_eq!(settled(status, "{}").state, State::Unknown, "{status}");
        }
        for failure in [Failure::HeadTimeout, Failure::Lost, Failure::Garbled, Failure::Redirected] {
            assert_eq!(Settlement::failed(failure, 1).state(), State::Unknown, "{failure:?}");
        }
        for failure in [Failure::Unreachable, Failure::ConnectTimeout, Failure::Tls, Failure::Credential] {
            assert_eq!(Settlement::failed(failure, 1).state(), State::Refused, "{failure:?}");
            assert_eq!(Settlement::failed(failure, 2).doubtful().state(), State::Unknown, "{failure:?}");
        }
    }

    /// RT05: the record keeps the status and the request id, which support asks for.
    #[test]
    fn a_success_in_which_nothing_can_be_read_leaves_the_outcome_unknown() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "req_up".parse().expect("a value"));
        let unreadable = Settlement::unreadable(StatusCode::OK, &headers, 1);
        assert!(unreadable.is_unreadable() && !unreadable.came_to_nothing());
        let Outcome { state, status, upstream_request_id, fault, .. } = unreadable.outcome;
        assert_eq!((state, status), (State::Unknown, Some(200)));
        assert_eq!(upstream_request_id.as_deref(), Some("req_up"));
        assert_eq!(fault.code.as_deref(), Some("upstream_bad_answer"));
        assert!(!Settlement::failed(Failure::Garbled, 1).is_unreadable(), "there was no answer");
    }

    #[test]
    fn a_refusal_is_one_whatever_its_status_leaves_open() {
        let answer = Answer::of(StatusCode::BAD_GATEWAY, &HeaderMap::new(), r#"{"error":"no"}"#.into());
        let refused = Settlement::answered(answer, 1).refused();
        assert!(refused.state() == State::Refused && refused.came_to_nothing());
        assert_eq!(refused.doubtful().state(), State::Unknown, "an attempt before it may have been accepted");
    }

    #[test]
    fn an_answer_is_about_the_job_that_it_names_or_that_the_poll_names() {
        let about =
            |body: &str, is_poll| JobView::of("a", body.as_bytes(), is_poll).and_then(|view| view.status);
        for is_poll in [true, false] {
            assert_eq!(about(r#"{"id":"a","status":"done"}"#, is_poll), Some(JobStatus::Completed));
            assert_eq!(about(r#"{"id":"b","status":"done"}"#, is_poll), None);
        }
        assert_eq!(about(r#"{"status":"done"}"#, true), Some(JobStatus::Completed));
        assert_eq!(about(r#"{"status":"done"}"#, false), None);
        assert_eq!(JobView::of("a", b"{}", true).and_then(|view| view.id).as_deref(), Some("a"));
    }

    #[test]
    fn a_limit_of_ours_is_a_definite_no() {
        let limited = Settlement::rejected(Rejection::TooManyParts { limit: 1 }, 0);
        assert_eq!(limited.state(), State::Refused);
        assert!(!limited.outcome.stands(), "it is about the moment");
        assert!(limited.outcome.fault.message.is_some(), "in our own words");
        let failed = Settlement::failed(Failure::HeadTimeout, 1);
        assert_eq!(failed.outcome.fault.code.as_deref(), Some("upstream_timeout"));
    }

    #[test]
    fn only_headers_about_the_answer_are_kept() {
        let mut headers = HeaderMap::new();
        for name in ["content-type", "openai-processing-ms", "retry-after", "set-cookie", "content-length"] {
            headers.insert(name, "1".parse().expect("a value"));
        }
        let kept = Answer::of(StatusCode::OK, &headers, Bytes::new()).headers;
        let mut names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "openai-processing-ms"]);
    }

    #[test]
    fn a_word_nobody_knows_ends_a_job_as_it_does_for_sdks() {
        let view = |body: &str| JobView::read(body.as_bytes()).and_then(|view| view.status);
        assert_eq!(view(r#"{"id":"a","status":"expired"}"#), Some(JobStatus::Failed));
        assert_eq!(view(r#"{"id":"a","status":"SUBMITTED"}"#), Some(JobStatus::Queued));
        assert_eq!(view(r#"{"id":"a","status":"unheard of"}"#), Some(JobStatus::Other));
        assert_eq!(view(r#"{"id":"a","object":"video.deleted","deleted":true}"#), Some(JobStatus::Deleted));
        assert_eq!(view("[]"), None);
    }
}
