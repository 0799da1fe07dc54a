//! Finding the error inside of an aggregator's wrapping.
//!
//! SDKs read `code`, `param` and `type` from `error` and nowhere else: through a wrapping they lose all three.
//! The message found inside is kept as it is, with nothing added.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The error in OpenAI's terms, or `None` if the body is already in OpenAI's shape or in none we know.
#[must_use]
pub(crate) fn error(status: StatusCode, body: &[u8]) -> Option<ApiError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return prefixed(status, body) };
    let object = value.as_object()?;
    match object.get("error") {
        Some(Value::Object(error)) => bridged(status, error),
        // xAI and others: the error is a bare text.
        Some(Value::String(message)) => Some(built(status, message, None)),
        _ => inside(status, object),
    }
}

/// Whether a body is an error in the words of the server that makes the videos, or of an aggregator that speaks for it.
/// Pages of proxies and service meshes are not.
#[must_use]
pub(crate) fn is_error(status: StatusCode, body: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => {
            matches!(object.get("error"), Some(Value::Object(_) | Value::String(_)))
                || inside(status, &object).is_some()
        }
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => false,
        Err(_) => prefixed(status, body).is_some(),
    }
}

fn inside(status: StatusCode, object: &Map<String, Value>) -> Option<ApiError> {
    // APIYI: {"message", "data": {"error": {…}}}
    if let Some(Value::Object(error)) = object.get("data").and_then(|data| data.get("error")) {
        return Some(lifted(status, error));
    }
    // FastAPI: {"detail": "…"} or {"detail": [{"loc", "msg", "type"}]}
    if let Some(detail) = object.get("detail") {
        return detailed(status, detail);
    }
    // new-api tasks: {"code", "message", "data": null}; the message may hold the upstream's own body.
    let message = object.get("message").and_then(Value::as_str)?;
    let code = object.get("code").and_then(Value::as_str)?;
    let inner = message.find('{').and_then(|start| message.get(start..));
    let nested = inner.and_then(|inner| nested(status, inner));
    Some(nested.unwrap_or_else(|| built(status, message, Some(code))))
}

/// Relays: their own text, then the upstream's body.
fn prefixed(status: StatusCode, body: &[u8]) -> Option<ApiError> {
    let text = std::str::from_utf8(body).ok()?;
    // Pages of CDNs hold braces too.
    let is_note = text.starts_with('[');
    let start = text.find('{').filter(|_| is_note)?;
    nested(status, text.get(start..)?)
}

/// An error object in OpenAI's shape, but not in its words.
fn bridged(status: StatusCode, error: &Map<String, Value>) -> Option<ApiError> {
    let kind = error.get("type").and_then(Value::as_str)?;
    // vLLM: {"type": "Bad Request", "code": 400}, which say the status twice more.
    let is_status = error.get("code").and_then(Value::as_u64) == Some(u64::from(status.as_u16()))
        && status.canonical_reason() == Some(kind);
    // LiteLLM writes Python's `None` as a text.
    let is_none = kind == "None" || error.get("param").and_then(Value::as_str) == Some("None");
    let mut bridged = (is_status || is_none).then(|| lifted(status, error))?;
    if is_status {
        built(status, "", None).kind.clone_into(&mut bridged.kind);
    }
    Some(bridged)
}

/// A body written into the message of another one.
fn nested(status: StatusCode, text: &str) -> Option<ApiError> {
    let value: Value = serde_json::from_str(text).ok()?;
    match value.get("error") {
        Some(Value::Object(error)) => Some(lifted(status, error)),
        Some(Value::String(message)) => Some(built(status, message, None)),
        _ => detailed(status, value.get("detail")?),
    }
}

fn detailed(status: StatusCode, detail: &Value) -> Option<ApiError> {
    match detail {
        Value::String(message) => Some(built(status, message, None)),
        Value::Array(list) => {
            let first = list.first()?;
            let message = first.get("msg").and_then(Value::as_str)?;
            let location = first.get("loc").and_then(Value::as_array).and_then(|path| path.last());
            let mut error = built(status, message, first.get("type").and_then(Value::as_str));
            error.param = location.and_then(Value::as_str).map(str::to_owned);
            Some(error)
        }
        Value::Object(error) => error.contains_key("message").then(|| lifted(status, error)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn built(status: StatusCode, message: &str, code: Option<&str>) -> ApiError {
    ApiError::upstreams(status, message, code)
}

fn lifted(status: StatusCode, error: &Map<String, Value>) -> ApiError {
    let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|text| *text != "None");
    let mut lifted = built(status, text("message").unwrap_or_default(), text("code"));
    lifted.param = text("param").map(str::to_owned);
    if let Some(kind) = text("type") {
        kind.clone_into(&mut lifted.kind);
    }
    lifted
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
            r#"{"detail":null}"#,
            r#"{"detail":[]}"#,
        ] {
            assert_eq!(unwrapped(500, body), None, "{body}");
        }
    }

    #[test]
    fn an_error_is_one_in_every_shape_that_applications_have() {
        let is_error = |body: &str| is_error(StatusCode::SERVICE_UNAVAILABLE, body.as_bytes());
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
