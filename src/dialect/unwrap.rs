//! Finding the error inside of an aggregator's wrapping.
//!
//! SDKs read `code`, `param` and `type` from `error` and nowhere else: through a wrapping they lose all three.
//! The message found inside is kept as it is, with nothing added.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::status::JobState;
use crate::error::ApiError;

/// An error in its upstream's words, without its wrapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// `message`; empty where there is none.
    pub message: String,
    /// `type`
    pub kind: Option<String>,
    /// `param`
    pub param: Option<String>,
    /// `code`, also where it is a number.
    pub code: Option<String>,
}

/// The error in OpenAI's terms, or `None` if the body is already in OpenAI's shape or in none we know.
#[must_use]
pub(crate) fn error(status: StatusCode, body: &[u8]) -> Option<ApiError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return prefixed(body).map(|found| found.at(status));
    };
    let object = value.as_object()?;
    let found = match object.get("error") {
        Some(Value::Object(error)) => bridged(status, error)?,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => {
            wrapped(object).filter(|found| !found.message.is_empty())?.without_status(status)
        }
    };
    Some(found.at(status))
}

/// The error that an object holds, in any known shape.
pub(super) fn found(object: &Map<String, Value>) -> Option<Found> {
    match object.get("error") {
        Some(Value::Object(error)) if !error.is_empty() => Some(lifted(error)),
        Some(_) | None => wrapped(object),
    }
}

/// Whether a body is an error in the words of the server that makes the videos, or of an aggregator that speaks for it.
/// Pages of proxies and service meshes are not.
#[must_use]
pub(crate) fn is_error(body: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => match object.get("error") {
            Some(Value::Object(_) | Value::String(_)) => true,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
                // A mesh's own page has the status for a code, as a number.
                let is_word = |code: &String| code.parse::<u16>().is_err();
                wrapped(&object).is_some_and(|found| found.code.as_ref().is_none_or(is_word))
            }
        },
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => false,
        Err(_) => prefixed(body).is_some(),
    }
}

/// The error of an object whose `error` is no object.
fn wrapped(object: &Map<String, Value>) -> Option<Found> {
    // xAI and others: the error is a bare text.
    if let Some(message) = object.get("error").and_then(Value::as_str).filter(|text| !text.is_empty()) {
        return Some(Found::new(message, None));
    }
    // {"errors": [{"message"}]}
    if let Some(Value::Object(error)) = object.get("errors").and_then(|errors| errors.get(0)) {
        return Some(lifted(error));
    }
    // APIYI: {"message", "data": {"error": {…}}}
    if let Some(Value::Object(error)) = object.get("data").and_then(|data| data.get("error")) {
        return Some(lifted(error));
    }
    // FastAPI: {"detail": "…"} or {"detail": [{"loc", "msg", "type"}]}
    if let Some(detail) = object.get("detail") {
        return detailed(detail);
    }
    // MiniMax: {"base_resp": {"status_code", "status_msg"}}, where 0 is no error.
    if let Some(Value::Object(said)) = object.get("base_resp") {
        let code = said.get("status_code").and_then(word).filter(|code| !is_success(code));
        return code.map(|code| Found::new(text_at(said, "status_msg").unwrap_or_default(), Some(&code)));
    }
    let message =
        ["message", "msg", "error_message", "error_msg"].iter().find_map(|name| text_at(object, name));
    let code = object.get("code").and_then(word);
    let is_declared = declares_error(object);
    if !is_declared && code.as_deref().is_none_or(is_success) {
        return None;
    }
    // new-api tasks: {"code", "message", "data": null}; the message may hold the upstream's own body.
    let message = message.or(is_declared.then_some(""))?;
    let inner = message.find('{').and_then(|start| message.get(start..));
    Some(inner.and_then(nested).unwrap_or_else(|| Found::new(message, code.as_deref())))
}

/// Whether an object declares itself an error: {"success": false}, {"status": "error"} and the like.
fn declares_error(object: &Map<String, Value>) -> bool {
    let is = |name: &str, value: bool| object.get(name) == Some(&Value::Bool(value));
    let failed = |word: &str| JobState::from_word(word) == Some(JobState::Failed);
    // With an id these fields describe a job that failed.
    if ["id", "task_id"].iter().any(|name| text_at(object, name).is_some()) {
        return false;
    }
    is("success", false)
        || is("ok", false)
        || is("error", true)
        || text_at(object, "status").is_some_and(failed)
        || ["error_message", "error_msg"].iter().any(|name| text_at(object, name).is_some())
}

/// Relays: their own text, then the upstream's body.
pub(super) fn prefixed(body: &[u8]) -> Option<Found> {
    let text = std::str::from_utf8(body).ok()?;
    // Pages of CDNs hold braces too.
    let is_note = text.starts_with('[');
    let start = text.find('{').filter(|_| is_note)?;
    nested(text.get(start..)?)
}

/// An error object in OpenAI's shape, but not in its words.
fn bridged(status: StatusCode, error: &Map<String, Value>) -> Option<Found> {
    let kind = error.get("type").and_then(Value::as_str)?;
    // vLLM: {"type": "Bad Request", "code": 400}, which say the status twice more.
    let is_status = error.get("code").and_then(Value::as_u64) == Some(u64::from(status.as_u16()))
        && status.canonical_reason() == Some(kind);
    // LiteLLM writes Python's `None` as a text.
    let is_none = kind == "None" || error.get("param").and_then(Value::as_str) == Some("None");
    let bridged = (is_status || is_none).then(|| lifted(error))?;
    Some(if is_status { Found { kind: None, code: None, ..bridged } } else { bridged })
}

/// A body written into the message of another one.
fn nested(text: &str) -> Option<Found> {
    let value: Value = serde_json::from_str(text).ok()?;
    match value.get("error") {
        Some(Value::Object(error)) => Some(lifted(error)),
        Some(Value::String(message)) => Some(Found::new(message, None)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
            detailed(value.get("detail")?)
        }
    }
}

fn detailed(detail: &Value) -> Option<Found> {
    match detail {
        Value::String(message) => Some(Found::new(message, None)),
        Value::Array(list) => {
            let first = list.first()?;
            let message = first.get("msg").and_then(Value::as_str)?;
            let location = first.get("loc").and_then(Value::as_array).and_then(|path| path.last());
            let found = Found::new(message, first.get("type").and_then(Value::as_str));
            Some(Found { param: location.and_then(Value::as_str).map(str::to_owned), ..found })
        }
        Value::Object(error) => error.contains_key("message").then(|| lifted(error)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn lifted(error: &Map<String, Value>) -> Found {
    let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|text| *text != "None");
    Found {
        message: text("message").unwrap_or_default().to_owned(),
        kind: text("type").map(str::to_owned),
        param: text("param").map(str::to_owned),
        code: error.get("code").and_then(word).filter(|code| code != "None"),
    }
}

fn text_at<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A code, as a text.
fn word(code: &Value) -> Option<String> {
    match code {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a code means success.
fn is_success(code: &str) -> bool {
    ["0", "200", "201", "202", "ok", "success", "succeed"].iter().any(|word| code.eq_ignore_ascii_case(word))
}

impl Found {
    fn new(message: &str, code: Option<&str>) -> Self {
        Self { message: message.to_owned(), code: code.map(str::to_owned), ..Self::default() }
    }

    /// The same without a code that repeats the status.
    fn without_status(self, status: StatusCode) -> Self {
        Self { code: self.code.filter(|code| code != status.as_str()), ..self }
    }

    /// The error in OpenAI's terms, under this status.
    pub(crate) fn at(self, status: StatusCode) -> ApiError {
        let Self { message, kind, param, code } = self;
        let mut error = ApiError::upstreams(status, &message, code.as_deref());
        error.param = param;
        error.kind = kind.unwrap_or(error.kind);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields<'e> = (&'e str, &'e str, Option<&'e str>, Option<&'e str>);

    fn unwrapped(status: u16, body: &str) -> Option<ApiError> {
        error(StatusCode::from_u16(status).expect("a status"), body.as_bytes())
    }

    #[test]
    fn every_known_wrapping_gives_up_its_error() {
        let cases: &[(u16, &str, Fields<'_>)] = &[
            (
                400,
                r#"{"message":"m","data":{"error":{"code":"invalid_value","message":"m","param":"seconds","type":"invalid_request_error"}}}"#,
                ("m", "invalid_request_error", Some("seconds"), Some("invalid_value")),
            ),
            (404, r#"{"detail":"Not Found"}"#, ("Not Found", "invalid_request_error", None, None)),
            (
                422,
                r#"{"detail":[{"loc":["body","seconds"],"msg":"Input should be a valid integer","type":"int_parsing"}]}"#,
                (
                    "Input should be a valid integer",
                    "invalid_request_error",
                    Some("seconds"),
                    Some("int_parsing"),
                ),
            ),
            (401, r#"{"error":"Unauthorized"}"#, ("Unauthorized", "invalid_request_error", None, None)),
            (500, r#"{"error":"boom"}"#, ("boom", "server_error", None, None)),
            (
                400,
                r#"{"code":"task_not_exist","message":"task not exist","data":null}"#,
                ("task not exist", "invalid_request_error", None, Some("task_not_exist")),
            ),
            (
                404,
                r#"{"code":"fail_to_fetch_task","message":"{\"detail\":\"Not Found\"}","data":null}"#,
                ("Not Found", "invalid_request_error", None, None),
            ),
            (
                400,
                r#"{"code":"x","message":"[400 StatusCode: BadRequest] {\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"None\",\"code\":\"c\"}}","data":null}"#,
                ("m", "t", None, Some("c")),
            ),
            (
                400,
                r#"[upstream StatusCode: BadRequest] {"error":{"message":"m","type":"t","param":"p","code":"c"}}"#,
                ("m", "t", Some("p"), Some("c")),
            ),
            (
                404,
                r#"{"error":{"message":"m","type":"Not Found","param":null,"code":404}}"#,
                ("m", "invalid_request_error", None, None),
            ),
            (
                500,
                r#"{"error":{"message":"m","type":"None","param":"None","code":"500"}}"#,
                ("m", "server_error", None, Some("500")),
            ),
        ];
        assert_unwrapped(cases);
    }

    #[test]
    fn errors_in_rarer_shapes_are_unwrapped() {
        let cases: &[(u16, &str, Fields<'_>)] = &[
            (
                415,
                r#"{"message":"m","type":"Unsupported Media Type","code":415}"#,
                ("m", "invalid_request_error", None, None),
            ),
            (400, r#"{"success":false,"message":"m"}"#, ("m", "invalid_request_error", None, None)),
            (
                400,
                r#"{"status":"error","msg":"m","code":7}"#,
                ("m", "invalid_request_error", None, Some("7")),
            ),
            (500, r#"{"errors":[{"message":"m","code":"c"}]}"#, ("m", "server_error", None, Some("c"))),
            (
                500,
                r#"{"base_resp":{"status_code":1008,"status_msg":"m"}}"#,
                ("m", "server_error", None, Some("1008")),
            ),
        ];
        assert_unwrapped(cases);
    }

    fn assert_unwrapped(cases: &[(u16, &str, Fields<'_>)]) {
        for (status, body, (message, kind, param, code)) in cases {
            let error = unwrapped(*status, body).unwrap_or_else(|| panic!("not unwrapped: {body}"));
            assert_eq!(
                (&*error.message, &*error.kind, error.param.as_deref(), error.code.as_deref()),
                (*message, *kind, *param, *code),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_in_openais_shape_or_in_none_stays_as_it_is() {
        for body in [
            r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#,
            r#"{"error":{"message":"m","type":"cf_service_unavailable","param":null,"code":503}}"#,
            r#"{"id":"video_1","object":"video","status":"failed","error":{"message":"m"}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            r#"{"error":{"message":"m","type":"Bad Request","param":null,"code":400}}"#,
            r#"{"error":{"message":"m","code":"None"}}"#,
            r#"<style>p { color: red }</style> [{"error":"x"}]"#,
            "[note] {broken",
            "{}",
            "[]",
            "<html>",
            "",
            r#"{"message":"no code"}"#,
            r#"{"message":"went well","code":"success","data":{}}"#,
            r#"{"success":false}"#,
            r#"{"id":"video_1","object":"video","status":"failed","error":null}"#,
            r#"{"id":"video_1","status":"failed","error_message":"m"}"#,
            r#"{"base_resp":{"status_code":0,"status_msg":"success"}}"#,
            r#"{"detail":null}"#,
            r#"{"detail":[]}"#,
        ] {
            assert_eq!(unwrapped(500, body), None, "{body}");
        }
    }

    #[test]
    fn an_error_is_one_in_every_shape_that_applications_have() {
        let is_error = |body: &str| is_error(body.as_bytes());
        for body in [
            r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#,
            r#"{"error":{"code":503,"message":"Service Unavailable.","type":"cf_service_unavailable"}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            r#"{"error":"busy"}"#,
            r#"{"detail":"busy"}"#,
            r#"{"detail":[{"loc":["body"],"msg":"m","type":"t"}]}"#,
            r#"{"code":"busy","message":"m","data":null}"#,
            r#"{"message":"m","data":{"error":{"code":"c","message":"m"}}}"#,
            r#"[upstream] {"error":{"message":"m","code":"c"}}"#,
        ] {
            assert!(is_error(body), "{body}");
        }
        for body in [
            "",
            "{}",
            "[]",
            r#""error""#,
            r#"["error"]"#,
            r#"{"error":null}"#,
            r#"{"error":503}"#,
            r#"{"message":"failure to get a peer from the ring-balancer"}"#,
            r#"{"code":503,"message":"no endpoints"}"#,
            r#"{"id":"video_1","object":"video","status":"queued","error":null}"#,
            "no healthy upstream",
            "<html>{}</html>",
        ] {
            assert!(!is_error(body), "{body}");
        }
    }
}
