//! What the gateway says when it answers a failure itself: the one place with words.
//!
//! Reasons come in as [`crate::rejection::Rejection`] and [`crate::failure::Failure`]; [`words`] turns them
//! into an [`ApiError`], and [`openai`] or [`anthropic`] turns that into bytes. Pure: no I/O, no clock.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode};

pub mod anthropic;
pub(crate) mod event;
mod failures;
pub(crate) mod hint;
mod limits;
pub mod openai;
mod part_flaw;
mod repeats;
pub(crate) mod spoken;
pub mod words;

/// A failure in the terms of OpenAI's error object, before it is written in anybody's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// `type`, such as `invalid_request_error`.
    pub kind: String,
    /// `message`: the whole text, with nothing of ours appended.
    pub message: String,
    /// `param`: the field it is about.
    pub param: Option<String>,
    /// `code`, for programs.
    pub code: Option<String>,
    /// Which of the byte forms this class of errors is written in.
    pub class: Class,
    /// `Allow`, on a 405.
    pub allow: Option<&'static str>,
    /// Whether the SDK may ask again by itself (`x-should-retry`); unset leaves it to the status.
    pub should_retry: Option<bool>,
    /// How long to wait before asking again (`retry-after` and `retry-after-ms`). At most [`WAIT_MAX`] of it is
    /// told.
    pub retry_after: Option<Duration>,
}

/// Longest wait that a client is told of: SDKs disagree about longer ones, some obey them, some give up, some
/// ask again at once.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Classes of errors whose byte form can be chosen in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The credential is missing or wrong.
    Authentication,
    /// The JSON body cannot be read.
    Json,
    /// All others, always in the service form.
    Other,
}

/// The byte form of an OpenAI error. Both were recorded from the live API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Two spaces, no final newline, `application/json`.
    #[default]
    Service,
    /// Four spaces and a final newline, `application/json; charset=utf-8`, `vary: Origin`; the front door's
    /// form of 2023 to 2025.
    FrontDoor,
}

/// Whose error objects the client reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's SDKs.
    #[default]
    OpenAi,
    /// Anthropic's SDKs.
    Anthropic,
}

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

impl Dialect {
    /// Told by the path, or by the one header that Anthropic's SDKs always send.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let messages =
            path.strip_prefix("/v1/messages").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if messages || headers.contains_key(ANTHROPIC_VERSION) { Self::Anthropic } else { Self::OpenAi }
    }
}

/// The configurable part of the wording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// Byte form, and text, of authentication errors.
    pub authentication: Form,
    /// Byte form of errors about unreadable JSON.
    pub json: Form,
    /// The answer to a size that this model lacks.
    pub model_size: ModelSize,
}

/// The answer to a size that some model takes, but not this one. OpenAI's text is recorded; its `type`,
/// `param` and `code` are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSize {
    /// The text, with `{model}` and `{allowed}` filled in.
    pub message: String,
    /// `type`.
    pub kind: String,
    /// `param`.
    pub param: Option<String>,
    /// `code`.
    pub code: Option<String>,
}

impl Default for ModelSize {
    fn default() -> Self {
        Self {
            message: "Invalid size for {model} model, only {allowed} are supported.".to_owned(),
            kind: INVALID_REQUEST.to_owned(),
            param: None,
            code: None,
        }
    }
}

impl Wording {
    /// The byte form of an error.
    #[must_use]
    pub fn form(&self, class: Class) -> Form {
        match class {
            Class::Authentication => self.authentication,
            Class::Json => self.json,
            Class::Other => Form::Service,
        }
    }
}

/// OpenAI's `type` of nearly every client fault.
pub(crate) const INVALID_REQUEST: &str = "invalid_request_error";
/// OpenAI's `type` of every server fault.
pub(crate) const SERVER_ERROR: &str = "server_error";

impl ApiError {
    fn new(status: StatusCode, kind: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            message: message.into(),
            param: None,
            code: None,
            class: Class::Other,
            allow: None,
            should_retry: None,
            retry_after: None,
        }
    }

    /// A client fault with this status.
    fn refused(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, INVALID_REQUEST, message)
    }

    /// A client fault that is a plain 400.
    fn invalid(message: impl Into<String>) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, message)
    }

    /// A fault of a server, ours or the upstream's.
    fn server(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self::new(status, SERVER_ERROR, message).code(code)
    }

    /// An upstream's own failure whose `type` is not known.
    pub(crate) fn upstreams(status: StatusCode, message: &str, code: Option<&str>) -> Self {
        let kind = if status.is_server_error() { SERVER_ERROR } else { INVALID_REQUEST };
        Self { code: code.map(str::to_owned), ..Self::new(status, kind, message) }
    }

    /// The same, with which the SDK is told not to ask again by itself if it is `last`.
    pub(crate) fn final_if(self, last: bool) -> Self {
        Self { should_retry: if last { Some(false) } else { self.should_retry }, ..self }
    }

    fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    fn code(self, code: &str) -> Self {
        Self { code: Some(code.to_owned()), ..self }
    }

    fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// The request's head is no HTTP, or longer than allowed.
    #[must_use]
    pub fn unreadable(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::URI_TOO_LONG => "The request target is too long.",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                "The request's headers are too large, or too many."
            }
            _ => "The request could not be read as HTTP.",
        };
        Self::refused(status, message)
    }

    /// The gateway itself failed. Says nothing about why: that is in the log.
    #[must_use]
    pub fn internal() -> Self {
        let error = Self::server(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "The server had an error processing your request. Sorry about that!",
        );
        // Nobody knows how far it had come: a repeat could pay twice.
        Self { should_retry: Some(false), ..error }
    }
}
