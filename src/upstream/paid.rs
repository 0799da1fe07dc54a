//! Checks answers to paid calls with a success's status against their bodies.
//!
//! An error under such a status is given the status that the error names. Retries, the breaker, the ledger and the client
//! then treat it like any answer with that status.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response as Answer;

use super::answer::replace;
use super::response_class::{CREDENTIAL, PERMANENT, QUOTA_TEXT};
use crate::dialect::success::{self, Content};
use crate::dialect::unwrap::Found;
use crate::error::{ApiError, Form, openai};
use crate::failure::leaves_open;

/// What the body of an answer holds that came whole and with a success's status. Stored in the answer's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnderSuccess {
    /// A job, or a result.
    Made,
    /// An error which says that nothing was made.
    Refused,
    /// An error which leaves open whether something was made, such as a time-out.
    Doubtful,
    /// No job, no result and no error.
    Unreadable,
}

/// Judges an answer to a paid call with a success's status by its decoded body. Returns the decoded body that the answer
/// has afterwards: its own, or the error in OpenAI's form.
pub(super) fn judge(answer: &mut Answer, body: Bytes) -> Bytes {
    let (said, body) = match success::read(&body) {
        Content::Job | Content::Result => (UnderSuccess::Made, body),
        // The video itself.
        Content::Unreadable if !body.is_empty() && is_media(answer) => (UnderSuccess::Made, body),
        Content::Unreadable => (UnderSuccess::Unreadable, body),
        Content::Error(found) => {
            let (error, is_refusal) = classified(found);
            let text = openai::body(&error, Form::Service);
            *answer.status_mut() = error.status;
            replace(answer, text.clone());
            (if is_refusal { UnderSuccess::Refused } else { UnderSuccess::Doubtful }, text.into())
        }
    };
    answer.extensions_mut().insert(said);
    body
}

/// Whether the content type says that the body is the video itself.
fn is_media(answer: &Answer) -> bool {
    let kind = answer.headers().get(axum::http::header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    kind.starts_with("video/") || kind.starts_with("application/octet-stream")
}

/// Parts of error codes and types, and the status with the same meaning. The first match decides. Time-outs and internal
/// failures come first, because they leave the outcome open: an error that is both must not be taken for a refusal.
const NAMED: &[(StatusCode, &[&str])] = &[
    (StatusCode::GATEWAY_TIMEOUT, &["timeout", "timed_out", "timedout", "deadline"]),
    (
        StatusCode::BAD_GATEWAY,
        &["internal", "server_error", "servererror", "gateway", "bad_response", "do_request_failed"],
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        &[
            "rate_limit",
            "ratelimit",
            "throttl",
            "too_many",
            "toomany",
            "quota",
            "exhausted",
            "concurren",
            "balance",
            "billing",
            "credit",
            "arrear",
            "overdue",
        ],
    ),
    (StatusCode::SERVICE_UNAVAILABLE, &["overload", "unavailable", "busy", "capacity"]),
    (
        StatusCode::UNAUTHORIZED,
        &["api_key", "apikey", "unauthorized", "unauthenticated", "authentication", "invalid_token"],
    ),
    (StatusCode::FORBIDDEN, &["permission", "forbidden", "access_denied", "accessdenied"]),
    (StatusCode::NOT_FOUND, &["not_found", "notfound", "not_exist", "notexist"]),
    (
        StatusCode::BAD_REQUEST,
        &[
            "invalid",
            "bad_request",
            "badrequest",
            "moderat",
            "policy",
            "content_filter",
            "sensitive",
            "safety",
            "nsfw",
            "blocked",
            "inspection",
            "unsupported",
            "unknown_parameter",
            "missing",
            "validation",
            "illegal",
        ],
    ),
];

/// The error in OpenAI's terms with the status that it names, and whether it is certain that nothing was made.
fn classified(found: Found) -> (ApiError, bool) {
    let Some(status) = status_of(&found) else {
        let Found { message, kind, param, code } = found;
        let unexplained = ApiError::unexplained();
        let error = ApiError {
            message: if message.is_empty() { unexplained.message } else { message },
            kind: kind.unwrap_or(unexplained.kind),
            code: code.or(unexplained.code),
            param,
            ..unexplained
        };
        return (error, true);
    };
    // A bare 503 may come from a proxy. With a word for it, an application says that it has no capacity.
    let has_no_capacity = status == StatusCode::SERVICE_UNAVAILABLE && number(&found).is_none();
    let is_refusal = has_no_capacity || !leaves_open(status);
    let mut error = found.at(status);
    if error.message.is_empty() {
        error.message = ApiError::unexplained().message;
    }
    (error, is_refusal)
}

/// The status that an error names: as a number, in its code, its type or its text, in this order.
fn status_of(found: &Found) -> Option<StatusCode> {
    let by_word = || [&found.code, &found.kind].into_iter().flatten().find_map(|word| status_of_word(word));
    number(found).or_else(by_word).or_else(|| status_of_text(&found.message))
}

/// The error's status that a code is, as a number.
fn number(found: &Found) -> Option<StatusCode> {
    let status = StatusCode::from_u16(found.code.as_deref()?.parse().ok()?).ok()?;
    (status.is_client_error() || status.is_server_error()).then_some(status)
}

fn status_of_word(word: &str) -> Option<StatusCode> {
    let word = word.to_ascii_lowercase().replace([' ', '-'], "_");
    if CREDENTIAL.contains(&&*word) {
        return Some(StatusCode::UNAUTHORIZED);
    }
    // `requests` and `tokens` are OpenAI's types of errors about rates.
    if PERMANENT.contains(&&*word) || word == "requests" || word == "tokens" {
        return Some(StatusCode::TOO_MANY_REQUESTS);
    }
    let names = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    NAMED.iter().find(|(_, parts)| names(parts)).map(|(status, _)| *status)
}

fn status_of_text(text: &str) -> Option<StatusCode> {
    let text = text.to_ascii_lowercase();
    let names = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if names(&["timed out", "timeout", "deadline exceeded"]) {
        return Some(StatusCode::GATEWAY_TIMEOUT);
    }
    if text == "unauthorized" || names(&["invalid api key", "incorrect api key"]) {
        return Some(StatusCode::UNAUTHORIZED);
    }
    let limits = [
        QUOTA_TEXT,
        "rate limit",
        "too many requests",
        "too many running",
        "insufficient balance",
        "insufficient credit",
        "insufficient quota",
    ];
    names(&limits).then_some(StatusCode::TOO_MANY_REQUESTS)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;
    use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

    use super::*;

    fn judged(kind: &'static str, body: &'static str) -> (u16, UnderSuccess, Bytes) {
        let mut answer = Answer::new(Body::from(body));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let judged = judge(&mut answer, body.into());
        let said = *answer.extensions().get().expect("it was judged");
        let is_another = !answer.status().is_success();
        assert_eq!(answer.headers().contains_key(CONTENT_LENGTH), !is_another, "the length of another body");
        assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), !is_another, "another body's");
        (answer.status().as_u16(), said, judged)
    }

    #[test]
    fn a_body_says_what_was_made() {
        for (kind, body, said) in [
            ("application/json", r#"{"id":"video_1"}"#, UnderSuccess::Made),
            ("text/html", r#"{"id":"video_1"}"#, UnderSuccess::Made),
            ("application/json", r#"{"data":[{"url":"u"}]}"#, UnderSuccess::Made),
            ("Video/MP4", "\0\0\0 ftyp", UnderSuccess::Made),
            ("application/octet-stream", "\0\0\0 ftyp", UnderSuccess::Made),
            ("video/mp4", "", UnderSuccess::Unreadable),
            ("text/html", "<html>", UnderSuccess::Unreadable),
            ("application/json", "{}", UnderSuccess::Unreadable),
        ] {
            assert_eq!(judged(kind, body), (200, said, body.into()), "{kind} {body}");
        }
    }

    #[test]
    fn an_error_has_the_status_that_it_names() {
        use UnderSuccess::{Doubtful, Refused};
        for (error, status, said) in [
            (r#"{"code":"insufficient_quota","type":"invalid_request_error"}"#, 429, Refused),
            (r#"{"code":"Arrearage"}"#, 429, Refused),
            (r#"{"code":"Throttling.RateQuota"}"#, 429, Refused),
            (r#"{"code":429}"#, 429, Refused),
            (r#"{"code":"404"}"#, 404, Refused),
            (r#"{"code":1303,"message":"parallel task over resource pack limit"}"#, 502, Refused),
            (r#"{"code":"InvalidParameter.DataInspection"}"#, 400, Refused),
            (r#"{"code":"moderation_blocked","type":"server_error"}"#, 400, Refused),
            (r#"{"code":null,"type":"Bad Request"}"#, 400, Refused),
            (r#"{"code":"ModelNotExist"}"#, 404, Refused),
            (r#"{"type":"permission_error"}"#, 401, Refused),
            (r#"{"code":"access-denied"}"#, 403, Refused),
            (r#"{"type":"overloaded_error"}"#, 503, Refused),
            (r#"{"code":503}"#, 503, Refused),
            (r#"{"message":"You exceeded your current quota, please pay"}"#, 429, Refused),
            (r#"{"message":"Insufficient balance, please top up"}"#, 429, Refused),
            (r#"{"message":"Unauthorized"}"#, 401, Refused),
            (r#"{"message":"no"}"#, 502, Refused),
            (r#"{"code":500}"#, 500, Doubtful),
            (r#"{"code":408}"#, 408, Doubtful),
            (r#"{"code":"do_request_failed"}"#, 502, Doubtful),
            (r#"{"code":"InternalError.Timeout"}"#, 504, Doubtful),
            (r#"{"type":"Internal Server Error"}"#, 502, Doubtful),
            (r#"{"message":"context deadline exceeded"}"#, 504, Doubtful),
        ] {
            let body: &'static str = format!(r#"{{"error":{error}}}"#).leak();
            let (got, meant, _) = judged("application/json", body);
            assert_eq!((got, meant), (status, said), "{body}");
        }
    }
}
