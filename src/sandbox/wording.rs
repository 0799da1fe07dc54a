//! What errors say: every text the sandbox answers with.
//!
//! The texts are those recorded from the real service. The gateway has its own copy of the same
//! facts and must not be asked here.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answers::ErrorAnswer;

const MALFORMED_JSON: &str = "We could not parse the JSON body of your request. (HINT: This likely means \
    you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was \
    not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center \
    at help.openai.com.)";
const OVERLOADED: &str = "The engine is currently overloaded, please try again later";
const QUOTA: &str = "You exceeded your current quota, please check your plan and billing details. For more \
    information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";

/// The service edge's own 503: compact, with other key order and an integer code.
pub(super) fn edge_failure() -> Response {
    const BODY: &str = r#"{"error":{"code":503,"message":"Service Unavailable.","param":null,"type":"cf_service_unavailable"}}"#;
    let json = HeaderValue::from_static("application/json");
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, json)], BODY).into_response()
}

/// `'a'`; `'a' and 'b'`; `'a', 'b', and 'c'`.
pub(super) fn quoted(items: &[&str], conjunction: &str) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} {conjunction} {second}"),
        [most @ .., last] => format!("{}, {conjunction} {last}", most.join(", ")),
    }
}

/// First eight and last four characters, stars between; short keys are shown whole.
fn masked(key: &str) -> String {
    let characters = key.chars().count();
    if characters <= 12 {
        return key.to_owned();
    }
    let hide = |(place, character)| if (8..characters - 4).contains(&place) { '*' } else { character };
    key.chars().enumerate().map(hide).collect()
}

// === impl ErrorAnswer ===

impl ErrorAnswer {
    // Keys

    /// No bearer at all.
    pub(super) fn missing_key() -> Self {
        Self::invalid("Missing bearer or basic authentication in header")
            .with_status(StatusCode::UNAUTHORIZED)
    }

    /// A bearer that is not the key; shown with its middle hidden.
    pub(super) fn incorrect_key(key: &str) -> Self {
        let message = format!(
            "Incorrect API key provided: {}. You can find your API key at \
             https://platform.openai.com/account/api-keys.",
            masked(key)
        );
        Self::invalid(message).with_status(StatusCode::UNAUTHORIZED).with_code("invalid_api_key")
    }

    // Bodies

    /// A body that says it is JSON and is not, or is not an object.
    pub(super) fn malformed_json() -> Self {
        Self::invalid(MALFORMED_JSON)
    }

    /// A form without boundary, end or readable text.
    pub(super) fn malformed_form() -> Self {
        Self::invalid("Could not parse multipart form")
    }

    /// A body in a format the operation does not read.
    pub(super) fn unsupported_content_type(got: &str, header: &str, accepted: &str) -> Self {
        let message = format!(
            "Unsupported content type: '{got}'. This API method only accepts {accepted} requests, but you \
             specified the header 'Content-Type: {header}'. Please try again with a supported content type."
        );
        Self::invalid(message).with_code("unsupported_content_type")
    }

    /// More than the limit; both in bytes.
    pub(super) fn too_large(limit: usize, read: u64) -> Self {
        let message = format!("Maximum content size limit ({limit}) exceeded ({read} bytes read)");
        Self::server(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    // Fields

    /// A field nobody knows.
    pub(super) fn unknown_parameter(param: &str) -> Self {
        Self::about(param, "unknown_parameter", format!("Unknown parameter: '{param}'."))
    }

    /// A field that has to be there.
    pub(super) fn missing(param: &str) -> Self {
        Self::about(param, "missing_required_parameter", format!("Missing required parameter: '{param}'."))
    }

    /// A field of the wrong type; `expected` and `got` come with their articles.
    pub(super) fn invalid_type(param: &str, expected: &str, got: &str) -> Self {
        let message = format!("Invalid type for '{param}': expected {expected}, but got {got} instead.");
        Self::about(param, "invalid_type", message)
    }

    /// A value that is not in the list.
    pub(super) fn invalid_value(param: &str, got: &str, allowed: &[&str]) -> Self {
        let list = quoted(allowed, "and");
        let message = if allowed.len() == 1 {
            format!("Invalid value: '{got}'. Value must be {list}.")
        } else {
            format!("Invalid value: '{got}'. Supported values are: {list}.")
        };
        Self::about(param, "invalid_value", message)
    }

    /// An empty text where at least one character is needed.
    pub(super) fn empty(param: &str) -> Self {
        let message = format!(
            "Invalid '{param}': empty string. Expected a string with minimum length 1, but got an empty string \
             instead."
        );
        Self::about(param, "empty_string", message)
    }

    /// A text longer than allowed, in characters.
    pub(super) fn too_long(param: &str, longest: usize, got: usize) -> Self {
        let message = format!(
            "Invalid '{param}': string too long. Expected a string with maximum length {longest}, but got a \
             string with length {got} instead."
        );
        Self::about(param, "string_above_max_length", message)
    }

    /// A number above the largest one allowed.
    pub(super) fn above_maximum(param: &str, largest: i64, got: i64) -> Self {
        let message = format!(
            "Invalid '{param}': integer above maximum value. Expected a value <= {largest}, but got {got} instead."
        );
        Self::about(param, "integer_above_max_value", message)
    }

    /// A number below the smallest one allowed.
    pub(super) fn below_minimum(param: &str, smallest: i64, got: i64) -> Self {
        let message = format!(
            "Invalid '{param}': integer below minimum value. Expected a value >= {smallest}, but got {got} instead."
        );
        Self::about(param, "integer_below_min_value", message)
    }

    /// A file of a type that cannot be used.
    pub(super) fn unsupported_file(param: &str, got: &str, allowed: &[&str]) -> Self {
        let message = format!(
            "Invalid file '{param}': unsupported mimetype ('{got}'). Supported file formats are {}.",
            quoted(allowed, "and")
        );
        Self::about(param, "unsupported_file_mimetype", message)
    }

    /// A size in the list, but not for this model.
    pub(super) fn size_not_for_model(model: &str, allowed: &[&str]) -> Self {
        Self::invalid(format!("Invalid size for {model} model, only {} are supported.", allowed.join(", ")))
    }

    /// A reference image of another size than the film.
    pub(super) fn reference_size() -> Self {
        Self::invalid("Inpaint image must match the requested width and height")
    }

    /// An extension past the longest film.
    pub(super) fn film_too_long(longest: u32, got: u32) -> Self {
        let message =
            format!("The extended video may not be longer than {longest} seconds, but would be {got}.");
        Self::about("seconds", "invalid_value", message)
    }

    // Objects

    /// No such job.
    pub(super) fn video_not_found(id: &str) -> Self {
        Self::invalid(format!("Video with id '{id}' not found.")).with_status(StatusCode::NOT_FOUND)
    }

    /// No such character.
    pub(super) fn character_not_found(id: &str) -> Self {
        Self::invalid(format!("Character with id '{id}' not found.")).with_status(StatusCode::NOT_FOUND)
    }

    /// The film is asked for before it is made. The braces are part of the text.
    pub(super) fn not_ready() -> Self {
        Self::invalid("Video is not ready yet, use GET /v1/videos/{video_id} to check status.")
            .with_status(StatusCode::NOT_FOUND)
    }

    /// The bytes asked for lie behind the end.
    pub(super) fn range_not_satisfiable() -> Self {
        Self::invalid("The requested range is not satisfiable.")
            .with_status(StatusCode::RANGE_NOT_SATISFIABLE)
    }

    // Capacity and breakdowns

    /// Too many requests per minute; `wait` is in seconds.
    pub(super) fn rate_limited(wait: &str) -> Self {
        let message = format!(
            "Rate limit reached for sora-2 in organization org-sandbox on requests per min (RPM): Limit 3, Used 3, \
             Requested 1. Please try again in {wait}s. Visit https://platform.openai.com/account/rate-limits to \
             learn more."
        );
        Self::invalid(message)
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .with_kind("requests")
            .with_code("rate_limit_exceeded")
    }

    /// The account's money is spent.
    pub(super) fn quota_used_up() -> Self {
        Self::invalid(QUOTA)
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .with_kind("insufficient_quota")
            .with_code("insufficient_quota")
    }

    /// More jobs at once than the account may have, as Azure says it.
    pub(super) fn too_many_tasks() -> Self {
        Self::invalid("Too many running tasks")
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .with_kind("video_generation_user_error")
    }

    /// The service has no room, with whichever status it says so.
    pub(super) fn overloaded(status: StatusCode) -> Self {
        Self::server(status, OVERLOADED)
    }

    /// The service broke.
    pub(super) fn server_error(request_id: &str) -> Self {
        let message = format!(
            "The server had an error processing your request. Sorry about that! You can retry your request, or \
             contact us through our help center at help.openai.com if you keep seeing this error. (Please include \
             the request ID {request_id} in your email.)"
        );
        Self::server(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The sandbox itself could not do what it should.
    pub(super) fn unexpected() -> Self {
        let message = "An error occurred while processing your request.";
        Self::server(StatusCode::INTERNAL_SERVER_ERROR, message).with_code("server_error")
    }

    /// A status that has no text of its own.
    pub(super) fn other(status: StatusCode) -> Self {
        let message = format!("Sandbox fault with status {}.", status.as_u16());
        if status.is_server_error() {
            Self::server(status, message)
        } else {
            Self::invalid(message).with_status(status)
        }
    }
}
