//! Reading which job an answer speaks of, and how far it has come.
//!
//! Reads what is there and takes no offence at the rest. Slots, refunds of budgets, and whether a successful paid call has
//! made a job depend on it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::status::JobState;

/// All that an answer says of a job.
#[derive(Clone, Debug)]
pub(crate) struct Said<'b> {
    /// The id under which the job is asked for.
    pub id: Option<Cow<'b, str>>,
    /// How far it has come, where the answer says so in a known word.
    pub state: Option<JobState>,
    /// Whether it names a state, in whatever word.
    pub has_word: bool,
    /// What went wrong.
    pub error: Option<&'b RawValue>,
}

/// The fields that matter, of whatever type they are.
#[derive(Deserialize)]
struct Object<'b> {
    #[serde(borrow)]
    id: Option<&'b RawValue>,
    /// new-api's name of it, and that of most native APIs.
    #[serde(borrow)]
    task_id: Option<&'b RawValue>,
    #[serde(borrow)]
    status: Option<&'b RawValue>,
    #[serde(borrow)]
    state: Option<&'b RawValue>,
    #[serde(borrow)]
    task_status: Option<&'b RawValue>,
    /// The answer to a delete has this instead of a status.
    #[serde(borrow)]
    deleted: Option<&'b RawValue>,
    /// Operations of Google's have this instead of one.
    #[serde(borrow)]
    done: Option<&'b RawValue>,
    #[serde(borrow)]
    error: Option<&'b RawValue>,
    /// new-api and Kling wrap the job in this.
    #[serde(borrow)]
    data: Option<&'b RawValue>,
    /// Alibaba wraps it in this.
    #[serde(borrow)]
    output: Option<&'b RawValue>,
}

/// What an answer says of a job's state.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    state: Option<JobState>,
    has_word: bool,
    /// Whether the word may describe the request and not the job, as in `{"status": "success", "data": …}`.
    may_be_of_request: bool,
}

/// What a whole JSON body says of a job, if it is an object: the answer to a create, a poll or a delete.
#[must_use]
pub(crate) fn said(body: &[u8]) -> Option<Said<'_>> {
    let object = parsed(body)?;
    let (id, progress) = (object.id(), object.progress());
    if id.is_some() && progress.has_word {
        return Some(object.said(id, progress));
    }
    let inner = [object.data, object.output].into_iter().flatten();
    let inner = inner.filter_map(|inner| parsed(inner.get().as_bytes()));
    let (inner_id, inner_progress) = inner
        .map(|inner| (inner.id(), inner.progress()))
        .find(|(id, progress)| id.is_some() || progress.has_word)
        .unwrap_or_default();
    let progress = match (inner_progress.has_word, id.is_some()) {
        (true, _) => inner_progress,
        // Without the job's id beside it, such a word describes the request.
        (false, false) if progress.may_be_of_request => Progress::default(),
        (false, _) => progress,
    };
    Some(object.said(id.or(inner_id), progress))
}

fn parsed(body: &[u8]) -> Option<Object<'_>> {
    let body = without_byte_order_mark(body);
    // An array would pass for an object whose fields have no names.
    body.trim_ascii_start().first().filter(|first| **first == b'{')?;
    serde_json::from_slice(body).ok()
}

/// A JSON text without a leading byte order mark.
pub(super) fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

impl<'b> Object<'b> {
    fn id(&self) -> Option<Cow<'b, str>> {
        let ids = [self.id, self.task_id];
        let texts = || ids.into_iter().flatten().find_map(text);
        texts().or_else(|| ids.into_iter().flatten().find_map(number))
    }

    fn progress(&self) -> Progress {
        let is_true = |field: Option<&RawValue>| field.is_some_and(|value| value.get() == "true");
        if is_true(self.deleted) {
            return Progress { state: Some(JobState::Deleted), has_word: true, may_be_of_request: false };
        }
        // `status` may be the HTTP status as a number, with the job's state in another field.
        let words = [self.status, self.state, self.task_status];
        match words.into_iter().flatten().find_map(text) {
            Some(word) => Progress {
                state: JobState::from_word(&word),
                has_word: true,
                may_be_of_request: ["success", "error", "fail", "ok"].contains(&&*word.to_ascii_lowercase()),
            },
            None if is_true(self.done) => {
                let failed = self.error.is_some_and(|error| error.get() != "null");
                let state = if failed { JobState::Failed } else { JobState::Completed };
                Progress { state: Some(state), has_word: true, may_be_of_request: false }
            }
            None => Progress::default(),
        }
    }

    fn said(&self, id: Option<Cow<'b, str>>, progress: Progress) -> Said<'b> {
        Said { id, state: progress.state, has_word: progress.has_word, error: self.error }
    }
}

/// A text that is not empty.
fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'b>(#[serde(borrow)] Cow<'b, str>);
    let quoted = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = match quoted.filter(|text| !text.contains('\\')) {
        Some(plain) => Cow::Borrowed(plain),
        None => serde_json::from_str::<Text<'_>>(value.get()).ok()?.0,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// A whole number, as it is written.
fn number(value: &RawValue) -> Option<Cow<'_, str>> {
    let digits = value.get();
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(Cow::Borrowed(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Id and state.
    fn read(body: &[u8]) -> Option<(Option<String>, Option<JobState>)> {
        said(body).map(|said| (said.id.map(Cow::into_owned), said.state))
    }

    fn job(id: &str, state: Option<JobState>) -> Option<(Option<String>, Option<JobState>)> {
        Some((Some(id.to_owned()), state))
    }

    #[test]
    fn every_upstreams_object_is_read() {
        use JobState::{Completed, Deleted, Failed, InProgress, Queued};
        for (body, id, state) in [
            (
                r#"{"id":"video_1","object":"video","error":null,"status":"queued","seconds":"4"}"#,
                "video_1",
                Queued,
            ),
            (r#"{"task_id":"task_1","status":"SUCCESS","progress":"100%"}"#, "task_1", Completed),
            (r#"{"code":"success","message":"","data":{"task_id":"t","status":"SUCCESS"}}"#, "t", Completed),
            (
                r#"{"code":0,"message":"SUCCEED","data":{"task_id":"t","task_status":"submitted"}}"#,
                "t",
                Queued,
            ),
            (
                r#"{"request_id":"r","output":{"task_id":"t","task_status":"SUCCEEDED","video_url":"u"}}"#,
                "t",
                Completed,
            ),
            (r#"{"status":"success","data":{"id":"v","status":"processing"}}"#, "v", InProgress),
            (r#"{"id":"v","data":{"status":"fail"}}"#, "v", Failed),
            (r#"{"id":"v","status":"running","data":{"id":"w","status":"done"}}"#, "v", InProgress),
            (r#"{"id":"luma","state":"dreaming"}"#, "luma", InProgress),
            (r#"{"id":"kie","status":200,"state":"success"}"#, "kie", Completed),
            (r#"{"id":"video_1","object":"video.deleted","deleted":true}"#, "video_1", Deleted),
            (r#"{"id":"0f1e","status":"deleted"}"#, "0f1e", Deleted),
            (r#"{"id":"op","done":true,"error":{"code":3,"message":"no"}}"#, "op", Failed),
            (r#"{"id":"op","done":true,"response":{}}"#, "op", Completed),
            (r#"{"id":"v\u0069deo","status":"running"}"#, "video", InProgress),
            ("\u{feff}{\"id\":\"v\",\"status\":\"queued\"}", "v", Queued),
            (r#"{"id":17,"status":"queued"}"#, "17", Queued),
        ] {
            assert_eq!(read(body.as_bytes()), job(id, Some(state)), "{body}");
        }
    }

    /// The path of a poll names the job.
    #[test]
    fn a_state_without_an_id_is_read_unless_it_describes_the_request() {
        for (body, state) in [
            (r#"{"status":"done","video":{"url":"u"}}"#, Some(JobState::Completed)),
            (r#"{"status":"success","data":{"status":"processing"}}"#, Some(JobState::InProgress)),
            (r#"{"data":{"status":"FAILURE"}}"#, Some(JobState::Failed)),
            (r#"{"status":"success","data":{"progress":7}}"#, None),
            (r#"{"status":"error","message":"rate limited"}"#, None),
            (r#"{"error":{"message":"rate limited"}}"#, None),
            (r#"{"done":false}"#, None),
        ] {
            assert_eq!(read(body.as_bytes()), Some((None, state)), "{body}");
        }
    }

    #[test]
    fn what_is_of_another_type_is_not_there() {
        assert_eq!(read(br#"{"id":"a","status":7,"deleted":false}"#), job("a", None));
        assert_eq!(read(br#"{"id":7,"task_id":"b","status":null,"data":[{"id":"c"}]}"#), job("b", None));
        for body in [&b"{}"[..], br#"{"id":""}"#, br#"{"id":7.5}"#, br#"{"id":-7}"#, br#"{"id":{}}"#] {
            assert_eq!(read(body), Some((None, None)), "{}", String::from_utf8_lossy(body));
        }
        for body in [&b""[..], b"null", b"[]", b"{\"id\":\"a\"", b"\xff"] {
            assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_id_without_escapes_is_not_copied() {
        let found = said(br#"{"id":"video_1"}"#).and_then(|said| said.id).expect("an id");
        assert!(matches!(found, Cow::Borrowed(_)));
    }
}
