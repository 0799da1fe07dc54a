//! Reading which video an answer speaks of, and how far it has come.
//!
//! Reads what is there and takes no offence at the rest: nothing depends on it but who holds a slot.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::status::JobState;

/// A video, as far as an answer tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Video<'b> {
    /// The id under which it is asked for.
    pub id: Cow<'b, str>,
    /// How far it has come, where the answer says so in a known word.
    pub state: Option<JobState>,
}

/// All that an answer says of a job.
#[derive(Clone, Debug)]
pub(crate) struct Said<'b> {
    /// The video it speaks of.
    pub video: Option<Video<'b>>,
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
    /// new-api's name of it.
    #[serde(borrow)]
    task_id: Option<&'b RawValue>,
    #[serde(borrow)]
    status: Option<&'b RawValue>,
    /// The answer to a delete has this instead of a status.
    #[serde(borrow)]
    deleted: Option<&'b RawValue>,
    #[serde(borrow)]
    error: Option<&'b RawValue>,
}

/// What a whole JSON body says of a job, if it is an object.
#[must_use]
pub(crate) fn said(body: &[u8]) -> Option<Said<'_>> {
    // An array would pass for an object whose fields have no names.
    body.trim_ascii_start().first().filter(|first| **first == b'{')?;
    let object: Object<'_> = serde_json::from_slice(body).ok()?;
    let has_word = object.status.is_some_and(|status| status.get().starts_with('"'));
    Some(Said { video: object.video(), has_word, error: object.error })
}

impl<'b> Object<'b> {
    fn video(&self) -> Option<Video<'b>> {
        let id = self.id.and_then(text).or_else(|| self.task_id.and_then(text))?;
        let deleted = self.deleted.is_some_and(|value| value.get() == "true");
        let said = self.status.and_then(text).and_then(|word| JobState::from_word(&word));
        let state = if deleted { Some(JobState::Deleted) } else { said };
        Some(Video { id, state })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Option<Video<'_>> {
        said(body)?.video
    }

    fn video(id: &str, state: Option<JobState>) -> Option<Video<'_>> {
        Some(Video { id: Cow::Borrowed(id), state })
    }

    #[test]
    fn every_upstreams_object_is_read() {
        let openai = br#"{"id":"video_1","object":"video","error":null,"status":"queued","seconds":"4"}"#;
        assert_eq!(read(openai), video("video_1", Some(JobState::Queued)));
        let new_api = br#"{"task_id":"task_1","status":"SUCCESS","progress":"100%"}"#;
        assert_eq!(read(new_api), video("task_1", Some(JobState::Completed)));
        let deleted = br#"{"id":"video_1","object":"video.deleted","deleted":true}"#;
        assert_eq!(read(deleted), video("video_1", Some(JobState::Deleted)));
        let sglang = br#"{"id":"0f1e","status":"deleted"}"#;
        assert_eq!(read(sglang), video("0f1e", Some(JobState::Deleted)));
        let escaped = br#"{"id":"v\u0069deo","status":"running"}"#;
        assert_eq!(read(escaped), video("video", Some(JobState::InProgress)));
    }

    #[test]
    fn what_is_of_another_type_is_not_there() {
        assert_eq!(read(br#"{"id":"a","status":7,"deleted":false}"#), video("a", None));
        assert_eq!(read(br#"{"id":7,"task_id":"b","status":null}"#), video("b", None));
        for body in
            [&b""[..], b"null", b"[]", b"{}", br#"{"id":7}"#, br#"{"id":""}"#, b"{\"id\":\"a\"", b"\xff"]
        {
            assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_id_without_escapes_is_not_copied() {
        let found = read(br#"{"id":"video_1"}"#).expect("a video");
        assert!(matches!(found.id, Cow::Borrowed(_)));
    }
}
