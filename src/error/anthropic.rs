//! Writing an error as Anthropic does, byte for byte.

use serde::Serialize;

use super::ApiError;

#[derive(Serialize)]
struct Body<'e> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Fields<'e>,
    request_id: &'e str,
}

#[derive(Serialize)]
struct Fields<'e> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'e str,
}

/// The body of an error answer: compact, with the request id that its `request-id` header repeats.
#[must_use]
pub fn body(error: &ApiError, request_id: &str) -> String {
    let fields = Fields { kind: kind(error), message: message(error) };
    // Writing strings into memory cannot fail.
    serde_json::to_string(&Body { kind: "error", error: fields, request_id }).unwrap_or_default()
}

/// The `type` that Anthropic's SDKs know for it.
fn kind(error: &ApiError) -> &'static str {
    match error.status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        503 if error.code.as_deref() == Some("overloaded") => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

/// Anthropic has words of its own for what both dialects know.
fn message(error: &ApiError) -> &str {
    match (error.status.as_u16(), error.code.as_deref()) {
        (401, Some("invalid_api_key")) => "invalid x-api-key",
        (401, _) => "x-api-key header is required",
        (413, _) => "Request exceeds the maximum size",
        (429, _) if error.kind == "requests" => {
            "This request would exceed your account's rate limit. Please try again later."
        }
        (503, Some("overloaded")) => "Overloaded",
        _ => &error.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Wording;
    use crate::rejection::Rejection;

    #[test]
    fn the_body_is_compact_and_carries_the_request_id() {
        let error = ApiError::rejected(&Rejection::NoKey, &Wording::default());
        assert_eq!(
            body(&error, "req_1"),
            r#"{"type":"error","error":{"type":"authentication_error","message":"x-api-key header is required"},"request_id":"req_1"}"#
        );
    }

    #[test]
    fn a_body_too_large_has_anthropics_type() {
        let error = ApiError::rejected(&Rejection::BodyTooLarge { limit: 1, read: 2 }, &Wording::default());
        assert!(
            body(&error, "r")
                .contains(r#""type":"request_too_large","message":"Request exceeds the maximum size""#)
        );
    }
    #[test]
    fn limits_have_anthropics_types_and_words() {
        let told = |reason: &Rejection| body(&ApiError::rejected(reason, &Wording::default()), "r");
        let wait = std::time::Duration::from_secs(1);
        let limit = (1, crate::rejection::Per::Second);
        assert!(told(&Rejection::RateLimited { model: None, client: None, limit, wait }).contains(
            r#""type":"rate_limit_error","message":"This request would exceed your account's rate limit."#
        ));
        assert!(
            told(&Rejection::TooManyJobs)
                .contains(r#""type":"rate_limit_error","message":"Too many running tasks""#)
        );
        assert!(told(&Rejection::Overloaded).contains(r#""type":"overloaded_error","message":"Overloaded""#));
        assert!(
            told(&Rejection::Stopping).contains(r#""type":"api_error","message":"The server is shutting"#)
        );
    }
}
