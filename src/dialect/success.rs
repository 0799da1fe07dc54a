//! What the body of a successful answer to a paid call holds.
//!
//! Aggregators send errors with status 200, and proxies send pages with it. If these counted as jobs, clients would be
//! charged for nothing, and their SDKs would return a video without an id.

use serde_json::{Map, Value};

use super::unwrap::{self, Found};
use super::video;

/// What a body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A job, or a character: it has an id.
    Job,
    /// A result without an id: some servers answer a create with the video, or with a link to it.
    Result,
    /// An error, and nothing else.
    Error(Found),
    /// None of these. Something may have been made nevertheless.
    Unreadable,
}

/// Reads a whole body.
#[must_use]
pub(crate) fn read(body: &[u8]) -> Content {
    if video::said(body).is_some_and(|said| said.id.is_some()) {
        return Content::Job;
    }
    let Ok(value) = serde_json::from_slice::<Value>(video::without_byte_order_mark(body)) else {
        return unwrap::prefixed(body).map_or(Content::Unreadable, Content::Error);
    };
    let Value::Object(object) = value else { return Content::Unreadable };
    match unwrap::found(&object) {
        // With a result beside it, the error is no refusal: what was made is paid for.
        Some(_) if holds_video(&object) || object.get("data").is_some_and(is_video) => Content::Result,
        Some(error) => Content::Error(error),
        None if holds_anything(&object) => Content::Result,
        None => Content::Unreadable,
    }
}

/// Fields that hold a video or a link to one.
const VIDEO: [&str; 8] = ["url", "urls", "video", "videos", "video_url", "b64_json", "output", "result"];

fn holds_video(object: &Map<String, Value>) -> bool {
    VIDEO.iter().any(|name| object.get(*name).is_some_and(is_something))
}

fn is_video(data: &Value) -> bool {
    match data {
        Value::Object(object) => holds_video(object),
        Value::Array(list) => list.first().is_some_and(|first| first.is_string() || is_video(first)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Fields that name a job, though not by the id of `/v1/videos/{id}`.
const OTHER_NAMES: [&str; 6] = ["video_id", "job_id", "generation_id", "taskId", "polling_url", "status_url"];

/// Whether an object without an error holds a result or names a job.
fn holds_anything(object: &Map<String, Value>) -> bool {
    let has = |name: &str| object.get(name).is_some_and(is_something);
    // xAI's field for a job's id. Beside a message it identifies the request.
    let names_job = has("request_id") && !has("message");
    names_job || OTHER_NAMES.iter().any(|name| has(name)) || holds_video(object) || has("data")
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_with_an_id_is_a_job() {
        for body in [
            r#"{"id":"video_1","object":"video","error":null}"#,
            r#"{"id":"video_1","object":"video","status":"failed","error":{"code":"x","message":"m"}}"#,
            r#"{"id":"char_1","name":"Fox","created_at":1}"#,
            r#"{"task_id":"t"}"#,
            r#"{"code":"success","message":"","data":{"task_id":"t","status":"SUBMITTED"}}"#,
            r#"{"output":{"task_id":"t","task_status":"PENDING"},"request_id":"r"}"#,
            r#"{"id":17}"#,
            "\u{feff}{\"id\":\"v\"}",
        ] {
            assert_eq!(read(body.as_bytes()), Content::Job, "{body}");
        }
    }

    #[test]
    fn a_body_with_a_video_or_a_link_is_a_result() {
        for body in [
            r#"{"created":1,"data":[{"url":"https://cdn/film.mp4"}]}"#,
            r#"{"created":1,"data":[{"b64_json":"AAAA"}],"error":null}"#,
            r#"{"url":"https://cdn/film.mp4"}"#,
            r#"{"video":{"url":"https://cdn/film.mp4"},"message":"done"}"#,
            r#"{"code":"success","message":"","data":{"url":"u"}}"#,
            r#"{"data":[{"url":"u"}],"error":{"message":"the thumbnail failed"}}"#,
            r#"{"request_id":"xai","status":"pending"}"#,
            r#"{"code":200,"msg":"success","data":{"taskId":"kie"}}"#,
            r#"{"video_id":"v","status":"waiting"}"#,
        ] {
            assert_eq!(read(body.as_bytes()), Content::Result, "{body}");
        }
    }

    #[test]
    fn a_body_with_nothing_but_an_error_is_an_error() {
        for (body, message, code) in [
            (r#"{"error":{"message":"m","type":"x","param":null,"code":"c"}}"#, "m", Some("c")),
            (r#"{"error":{"message":"m","code":402}}"#, "m", Some("402")),
            (r#"{"error":{"message":"m"},"request_id":"req_1","data":null}"#, "m", None),
            (r#"{"error":{"message":"m"},"id":null,"data":[]}"#, "m", None),
            (r#"{"error":"m"}"#, "m", None),
            (r#"{"error":true,"message":"m"}"#, "m", None),
            (r#"{"code":"c","message":"m","data":null}"#, "m", Some("c")),
            (r#"{"code":1303,"message":"m","request_id":"r"}"#, "m", Some("1303")),
            (r#"{"code":"InvalidParameter","message":"m","request_id":"r"}"#, "m", Some("InvalidParameter")),
            (r#"{"message":"m","data":{"error":{"code":"c","message":"m"}}}"#, "m", Some("c")),
            (r#"{"detail":"m"}"#, "m", None),
            (
                r#"{"detail":[{"loc":["body","seconds"],"msg":"m","type":"int_parsing"}]}"#,
                "m",
                Some("int_parsing"),
            ),
            (r#"{"success":false,"message":"m"}"#, "m", None),
            (r#"{"id":null,"success":false,"message":"m"}"#, "m", None),
            (r#"{"ok":false}"#, "", None),
            (r#"{"status":"failed","message":"m"}"#, "m", None),
            (r#"{"task_id":"","base_resp":{"status_code":1008,"status_msg":"m"}}"#, "m", Some("1008")),
            (r#"{"type":"error","error":{"type":"t","message":"m"}}"#, "m", None),
            (r#"[StatusCode: 400] {"error":{"message":"m","code":"c"}}"#, "m", Some("c")),
        ] {
            let Content::Error(found) = read(body.as_bytes()) else { panic!("no error: {body}") };
            assert_eq!((&*found.message, found.code.as_deref()), (message, code), "{body}");
        }
    }

    #[test]
    fn any_other_body_is_unreadable() {
        for body in [
            "",
            " ",
            "{}",
            "[]",
            "null",
            "true",
            "\"video_1\"",
            r#"[{"id":"video_1"}]"#,
            r#"{"id":"video_1","status":"que"#,
            r#"{"error":{"message":"cut"#,
            r#"{"id":"","object":"video"}"#,
            r#"{"object":"video","status":"queued","error":null}"#,
            r#"{"error":{}}"#,
            r#"{"message":"Video generation started"}"#,
            r#"{"code":"success","message":"","data":null}"#,
            "<html><body>It works!</body></html>",
            "\u{1f}\u{8b}",
        ] {
            assert_eq!(read(body.as_bytes()), Content::Unreadable, "{body}");
        }
    }
}
