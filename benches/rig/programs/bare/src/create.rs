//! A create, read into types and looked up in a small table.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;

const REFUSAL: &str =
    r#"{"error":{"message":"Not supported.","type":"invalid_request_error","param":null,"code":null}}"#;

#[derive(Deserialize)]
struct Create<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    #[serde(borrow, default)]
    seconds: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    size: Option<Cow<'a, str>>,
}

/// Whether the body is JSON, so that it is looked at.
pub fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// Whether the model takes these seconds and this size.
pub fn is_supported(body: &[u8]) -> bool {
    let Ok(create) = serde_json::from_slice::<Create<'_>>(body) else { return false };
    let sizes: &[&str] = match &*create.model {
        "sora-2" => &["720x1280", "1280x720"],
        "sora-2-pro" => &["720x1280", "1280x720", "1024x1792", "1792x1024"],
        _ => return false,
    };
    !create.prompt.is_empty()
        && ["4", "8", "12"].contains(&create.seconds.as_deref().unwrap_or("4"))
        && sizes.contains(&create.size.as_deref().unwrap_or("720x1280"))
}

/// The answer to a create that is not supported.
pub fn refusal() -> Response {
    (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "application/json")], REFUSAL).into_response()
}
