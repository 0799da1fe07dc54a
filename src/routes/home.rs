//! Where a job is: only the upstream that made it knows it.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memmem;
use percent_encoding::percent_decode_str;

use crate::config::Config;
use crate::dialect::video;
use crate::gateway::Gateway;
use crate::ledger::record::Job;
use crate::params::{Field, Value};

/// The upstream that made a video, as far as the ledger knows; else the default one.
pub(super) async fn of(gateway: &Gateway, id: Option<&str>) -> Arc<str> {
    // With a single upstream there is nothing to be looked up.
    let job = match id.filter(|_| gateway.config.upstreams.len() > 1) {
        Some(id) => gateway.ledger.job(id).await,
        None => None,
    };
    Arc::clone(of_job(&gateway.config, job.as_ref()))
}

/// The same, of a job that was looked up.
pub(super) fn of_job<'a>(config: &'a Config, job: Option<&'a Job>) -> &'a Arc<str> {
    let there = job.map(|job| &job.upstream).filter(|upstream| config.upstream(upstream).is_some());
    there.unwrap_or(&config.default_upstream)
}

/// The id in a path about one video, as the upstream spells it in its answers.
pub(super) fn id_in(path: &str) -> Option<Cow<'_, str>> {
    let id = path.strip_prefix("/v1/videos/")?.split('/').next()?;
    let is_id = !matches!(id, "" | "characters" | "edits" | "extensions");
    // Nearly all are spelled plainly.
    let spelled = || if id.contains('%') { percent_decode_str(id).decode_utf8_lossy() } else { id.into() };
    is_id.then(spelled)
}

/// The id in a body's field that names a video: a member of a JSON object, or a part of its own.
pub(super) fn named(body: &[u8], field: &Field<'_>) -> Option<String> {
    let written = body.get(field.range.clone())?;
    match field.value {
        Value::Object => {
            let id = video::said(written).and_then(|video| video.id).map(Cow::into_owned);
            id.or_else(|| content(written))
        }
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean
        | Value::Null
        | Value::Array
        | Value::File { .. } => None,
    }
}

/// The text of a part `video[id]`.
fn content(part: &[u8]) -> Option<String> {
    let start = memmem::find(part, b"\r\n\r\n")? + 4;
    let text = str::from_utf8(part.get(start..)?).ok()?;
    Some(text.trim_end().trim_end_matches('-').split("\r\n").next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_named_in_the_path() {
        for (path, id) in [
            ("/v1/videos/video_1", Some("video_1")),
            ("/v1/videos/video_1/remix", Some("video_1")),
            ("/v1/videos/video_a%2Bb%3D/content", Some("video_a+b=")),
            ("/v1/videos/characters/char_1", None),
            ("/v1/videos/edits", None),
            ("/v1/videos", None),
        ] {
            assert_eq!(id_in(path).as_deref(), id, "{path}");
        }
    }

    #[test]
    fn a_video_is_named_in_either_kind_of_body() {
        let json = br#"{"video":{"id":"video_1"}}"#;
        let field = Field { value: Value::Object, range: 9..25 };
        assert_eq!(named(json, &field).as_deref(), Some("video_1"));
        let form = b"Content-Disposition: form-data; name=\"video[id]\"\r\n\r\nvideo_1\r\n";
        let field = Field { value: Value::Object, range: 0..form.len() };
        assert_eq!(named(form, &field).as_deref(), Some("video_1"));
        let field = Field { value: Value::File { content_type: None }, range: 0..form.len() };
        assert_eq!(named(form, &field), None);
    }
}
