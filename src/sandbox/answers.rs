//! The form of answers: the service's error body, byte for byte, and the headers of every answer.
//!
//! What errors say is in `wording.rs`.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error in the service's form; becomes a response by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ErrorAnswer {
    status: StatusCode,
    body: ErrorBody,
}

/// The fields in the order in which the service writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ErrorBody {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<String>,
    code: Option<&'static str>,
}

const INVALID_REQUEST: &str = "invalid_request_error";
const SERVER_ERROR: &str = "server_error";

/// Answers what no route knows.
pub(super) async fn invalid_url(method: Method, uri: Uri) -> ErrorAnswer {
    let message = format!("Invalid URL ({method} {})", uri.path());
    ErrorAnswer::invalid(message).with_status(StatusCode::NOT_FOUND)
}

/// Answers a method that a known path does not have. To the service a POST to a name it does not know,
/// as in `/v1/videos/generations`, is a wrong URL rather than a wrong method.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> ErrorAnswer {
    if method == Method::POST {
        return invalid_url(method, uri).await;
    }
    let message = format!(
        "Not allowed to {method} on {}. (HINT: Perhaps you meant to use a different HTTP method?)",
        uri.path()
    );
    ErrorAnswer::invalid(message).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

// === impl ErrorAnswer ===

impl ErrorAnswer {
    /// A 400 about the request as a whole.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        let body = ErrorBody { message: message.into(), kind: INVALID_REQUEST, param: None, code: None };
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    /// A 400 about one field.
    pub(super) fn about(param: &str, code: &'static str, message: String) -> Self {
        let mut answer = Self::invalid(message).with_code(code);
        answer.body.param = Some(param.to_owned());
        answer
    }

    /// A failure of the service.
    pub(super) fn server(status: StatusCode, message: impl Into<String>) -> Self {
        Self::invalid(message).with_status(status).with_kind(SERVER_ERROR)
    }

    /// The same with another status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with another `type`.
    pub(super) fn with_kind(mut self, kind: &'static str) -> Self {
        self.body.kind = kind;
        self
    }

    /// The same with a `code`.
    pub(super) fn with_code(mut self, code: &'static str) -> Self {
        self.body.code = Some(code);
        self
    }
}

impl IntoResponse for ErrorAnswer {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Wrapped {
            error: ErrorBody,
        }
        let text = serde_json::to_string_pretty(&Wrapped { error: self.body }).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        (self.status, [(header::CONTENT_TYPE, json)], ascii(&text)).into_response()
    }
}

/// A success.
pub(super) fn success(body: impl Serialize) -> Response {
    Json(body).into_response()
}

/// Puts the headers on an answer that every answer of the service has.
pub(super) fn stamp(headers: &mut HeaderMap, request_id: &str, milliseconds: u128) {
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    if let Ok(milliseconds) = HeaderValue::from_str(&milliseconds.to_string()) {
        headers.insert("openai-processing-ms", milliseconds);
    }
}

/// JSON with everything beyond ASCII written as `\uXXXX`.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            let escaped = character
                .encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect::<String>();
            out.push_str(&escaped);
        }
    }
    out
}
