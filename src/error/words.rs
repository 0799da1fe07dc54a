//! The words for every reason. There is no catch-all arm: a new reason does not compile until it has words.
//!
//! Texts, `type`, `param` and `code` are OpenAI's wherever a live answer is on record; the rest is in their
//! style. Nothing is ever appended to a message.

use std::borrow::Cow;

use axum::http::StatusCode;

use super::limits::{over_budget, overloaded, rate_limited, stopping, too_many_jobs, unknown_cost};
use super::repeats::{
    create_unresolved, idempotency_mismatch, ledger_unavailable, list_not_kept, spool_unavailable,
};
use super::{ApiError, Class, Form, Wording, part_flaw};
use crate::rejection::{Expected, Noun, Param, Rejection};

/// Joins literals as OpenAI's messages do: quoted, in the given order, with an Oxford comma.
fn join(literals: &[String], conjunction: &str) -> String {
    let (mut joined, last) = (String::new(), literals.len().saturating_sub(1));
    for (place, literal) in literals.iter().enumerate() {
        match place {
            0 => {}
            place if place < last => joined.push_str(", "),
            1 => joined.extend([" ", conjunction, " "]),
            _ => joined.extend([", ", conjunction, " "]),
        }
        joined.extend(["'", literal, "'"]);
    }
    joined
}

const fn noun(noun: Noun) -> &'static str {
    match noun {
        Noun::String => "a string",
        Noun::Integer => "an integer",
        Noun::Decimal => "a decimal number",
        Noun::Boolean => "a boolean",
        Noun::Null => "null",
        Noun::Array => "an array",
        Noun::Object => "an object",
        Noun::File => "a file",
    }
}

/// The client's own text, unchanged but for its length: a message is no place for a megabyte.
fn echo(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// Characters of the client's own text that a message repeats at most.
const ECHO_MAX: usize = 1000;

impl ApiError {
    /// The words for a request the gateway refuses.
    #[expect(clippy::too_many_lines, reason = "one arm a reason is the point")]
    #[must_use]
    pub fn rejected(reason: &Rejection, wording: &Wording) -> Self {
        match reason {
            Rejection::UnknownUrl { method, path } => {
                Self::refused(StatusCode::NOT_FOUND, format!("Invalid URL ({} {})", echo(method), echo(path)))
            }
            Rejection::MethodNotAllowed { method, path, allow } => method_not_allowed(method, path, allow),
            Rejection::TargetTooLong { limit } => Self::refused(
                StatusCode::URI_TOO_LONG,
                format!("The request target is longer than the limit of {limit} bytes."),
            ),
            Rejection::BadHost => Self::invalid("The request must carry exactly one valid Host header."),
            Rejection::BadTransferEncoding => {
                Self::invalid("Unsupported transfer encoding: only 'chunked' is accepted.")
            }
            Rejection::DoubledHeader(name) => {
                Self::invalid(format!("The header '{name}' must not be sent more than once."))
            }
            Rejection::BadExpectation => Self::refused(
                StatusCode::EXPECTATION_FAILED,
                "Unsupported expectation: only '100-continue' is accepted.",
            ),
            Rejection::ContentEncoding(got) => content_encoding(got),
            Rejection::ContentType(got) => content_type(got, "'application/json' and 'multipart/form-data'"),
            Rejection::NotAForm(got) => content_type(got, "'multipart/form-data'"),
            Rejection::NoKey => no_key(wording.authentication),
            // Whoever has a key must not learn from the answer that it ever counted.
            Rejection::WrongKey(key) | Rejection::ExpiredKey { key, .. } => wrong_key(key),
            Rejection::TwoKeys([one, other]) => Self::invalid(format!(
                "The headers '{one}' and '{other}' carry different keys. Send one of them."
            )),
            Rejection::NoModelAccess { client, model } => no_model_access(client, model),
            Rejection::BodyTooLarge { limit, read } => body_too_large(*limit, *read),
            Rejection::BodyBroken => Self::invalid("The request body could not be read to its end."),
            Rejection::BodyStalled => Self::refused(
                StatusCode::REQUEST_TIMEOUT,
                "Timed out while waiting for the rest of the request body.",
            ),
            Rejection::MalformedJson => Self::invalid(NOT_JSON).class(Class::Json),
            Rejection::MalformedForm => Self::invalid("Could not parse multipart form"),
            Rejection::MalformedPart { part, flaw } => Self::invalid(part_flaw::message(*part, flaw)),
            Rejection::TooManyParts { limit } => {
                Self::invalid(format!("Could not parse multipart form: more than {limit} parts."))
            }
            Rejection::UnknownParameter(name) => {
                Self::invalid(format!("Unknown parameter: '{}'.", echo(name)))
                    .param(echo(name))
                    .code("unknown_parameter")
            }
            Rejection::DuplicateParameter(name) => {
                Self::invalid(format!("Duplicate parameter: '{}'.", echo(name)))
                    .param(echo(name))
                    .code("duplicate_parameter")
            }
            Rejection::Missing(param) => Self::invalid(format!("Missing required parameter: '{param}'."))
                .param(param.name())
                .code("missing_required_parameter"),
            Rejection::WrongType { param, expected, got } => wrong_type(*param, expected, *got),
            Rejection::NotListed { param, got, allowed } => not_listed(*param, got, allowed),
            Rejection::NotForModel { param, model, got, allowed } => {
                not_for_model((*param, model, got), allowed, wording)
            }
            Rejection::NotAPattern { param, pattern } => Self::invalid(format!(
                "Invalid '{param}': string does not match pattern. \
                 Expected a string that matches the pattern '{pattern}'."
            ))
            .param(param.name())
            .code("invalid_value"),
            Rejection::UnknownModel(name) => Self::refused(
                StatusCode::NOT_FOUND,
                format!("The model `{}` does not exist or you do not have access to it.", echo(name)),
            )
            .code("model_not_found"),
            Rejection::Empty(param) => Self::invalid(format!(
                "Invalid '{param}': empty string. \
                 Expected a string with minimum length 1, but got an empty string instead."
            ))
            .param(param.name())
            .code("empty_string"),
            Rejection::TooLong { param, max, got } => Self::invalid(format!(
                "Invalid '{param}': string too long. \
                 Expected a string with maximum length {max}, but got a string with length {got} instead."
            ))
            .param(param.name())
            .code("string_above_max_length"),
            Rejection::AboveMax { param, max, got } => Self::invalid(format!(
                "Invalid '{param}': integer above maximum value. \
                 Expected a value <= {max}, but got {} instead.",
                echo(got)
            ))
            .param(param.name())
            .code("integer_above_max_value"),
            Rejection::BelowMin { param, min, got } => Self::invalid(format!(
                "Invalid '{param}': integer below minimum value. \
                 Expected a value >= {min}, but got {} instead.",
                echo(got)
            ))
            .param(param.name())
            .code("integer_below_min_value"),
            Rejection::NotExactlyOne { param: _, members: [one, other] } => {
                Self::invalid(format!("Exactly one of '{one}' and '{other}' must be provided."))
            }
            Rejection::FileType { param, got, allowed } => Self::invalid(format!(
                "Invalid file '{param}': unsupported mimetype ('{}'). Supported file formats are {}.",
                echo(got),
                join(allowed, "and")
            ))
            .param(param.name())
            .code("unsupported_file_mimetype"),
            Rejection::InvalidIdempotencyKey => Self::invalid(
                "Invalid Idempotency-Key: expected a string of 1 to 255 printable ASCII characters.",
            )
            .code("invalid_idempotency_key"),
            Rejection::IdempotencyMismatch => idempotency_mismatch(),
            Rejection::CreateUnresolved { ledger_id } => create_unresolved(ledger_id),
            Rejection::LedgerUnavailable => ledger_unavailable(),
            Rejection::SpoolUnavailable => spool_unavailable(),
            Rejection::UnknownVideo(id) => {
                Self::refused(StatusCode::NOT_FOUND, format!("Video with id '{}' not found.", echo(id)))
            }
            Rejection::UnknownCharacter(id) => {
                Self::refused(StatusCode::NOT_FOUND, format!("Character with id '{}' not found.", echo(id)))
            }
            Rejection::UnknownFile(id) => {
                Self::refused(StatusCode::NOT_FOUND, format!("No such File object: {}", echo(id)))
                    .param(Param::InputReference.name())
            }
            Rejection::ListNotKept => list_not_kept(),
            Rejection::RateLimited { model, client, limit, wait } => {
                rate_limited(model.as_deref(), client.as_deref(), *limit, *wait)
            }
            Rejection::OverBudget { wait } => over_budget(*wait),
            Rejection::UnknownCost => unknown_cost(),
            Rejection::TooManyJobs => too_many_jobs(),
            Rejection::Overloaded => overloaded(),
            Rejection::Stopping => stopping(),
        }
    }
}

fn method_not_allowed(method: &str, path: &str, allow: &'static str) -> ApiError {
    let message = format!(
        "Not allowed to {} on {}. (HINT: Perhaps you meant to use a different HTTP method?)",
        echo(method),
        echo(path)
    );
    ApiError { allow: Some(allow), ..ApiError::refused(StatusCode::METHOD_NOT_ALLOWED, message) }
}

fn content_encoding(got: &str) -> ApiError {
    ApiError::refused(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("Unsupported content encoding: '{}'. Request bodies must be sent uncompressed.", echo(got)),
    )
    .code("unsupported_content_encoding")
}

fn content_type(got: &str, accepted: &str) -> ApiError {
    let got = echo(got);
    ApiError::invalid(format!(
        "Unsupported content type: '{got}'. This API method only accepts {accepted} requests, but you \
         specified the header 'Content-Type: {got}'. Please try again with a supported content type."
    ))
    .code("unsupported_content_type")
}

fn no_key(form: Form) -> ApiError {
    let message = match form {
        Form::Service => "Missing bearer or basic authentication in header",
        Form::FrontDoor => NO_KEY_FRONT_DOOR,
    };
    ApiError::refused(StatusCode::UNAUTHORIZED, message).class(Class::Authentication)
}

fn wrong_key(key: &str) -> ApiError {
    ApiError::refused(
        StatusCode::UNAUTHORIZED,
        format!(
            "Incorrect API key provided: {}. \
             You can find your API key at https://platform.openai.com/account/api-keys.",
            masked(key)
        ),
    )
    .code("invalid_api_key")
    .class(Class::Authentication)
}

/// What the API says of a project that was not given a model.
fn no_model_access(client: &str, model: &str) -> ApiError {
    let message = format!("Project `{}` does not have access to model `{}`", echo(client), echo(model));
    ApiError::refused(StatusCode::FORBIDDEN, message).code("model_not_found")
}

/// The first 8 and the last 4 characters, a star for each one between; short keys whole, as OpenAI does.
fn masked(key: &str) -> String {
    let key: Vec<char> = key.chars().take(ECHO_MAX).collect();
    match key.len().checked_sub(12) {
        None | Some(0) => key.into_iter().collect(),
        Some(hidden) => {
            let first = key.iter().take(8);
            let stars = std::iter::repeat_n(&'*', hidden);
            first.chain(stars).chain(key.iter().skip(8 + hidden)).collect()
        }
    }
}

fn body_too_large(limit: u64, read: u64) -> ApiError {
    // OpenAI types this one as a server error; SDKs go by the status.
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        super::SERVER_ERROR,
        format!("Maximum content size limit ({limit}) exceeded ({read} bytes read)"),
    )
}

fn wrong_type(param: Param, expected: &Expected, got: Noun) -> ApiError {
    let expected = match expected {
        Expected::Type(one) => noun(*one).to_owned(),
        Expected::OneOf(literals) => match literals.as_slice() {
            [one] => format!("'{one}'"),
            many => format!("one of {}", join(many, "or")),
        },
    };
    let got = noun(got);
    ApiError::invalid(format!("Invalid type for '{param}': expected {expected}, but got {got} instead."))
        .param(param.name())
        .code("invalid_type")
}

fn not_listed(param: Param, got: &str, allowed: &[String]) -> ApiError {
    let got = echo(got);
    let message = match allowed {
        [one] => format!("Invalid value: '{got}'. Value must be '{one}'."),
        many => format!("Invalid value: '{got}'. Supported values are: {}.", join(many, "and")),
    };
    ApiError::invalid(message).param(param.name()).code("invalid_value")
}

fn not_for_model(
    (param, model, got): (Param, &str, &str),
    allowed: &[String],
    wording: &Wording,
) -> ApiError {
    if param != Param::Size {
        return not_listed(param, got, allowed);
    }
    let form = &wording.model_size;
    let message = form.message.replace("{model}", model).replace("{allowed}", &allowed.join(", "));
    ApiError {
        kind: form.kind.clone(),
        param: form.param.clone(),
        code: form.code.clone(),
        ..ApiError::invalid(message)
    }
}

const NOT_JSON: &str = "We could not parse the JSON body of your request. (HINT: This likely means you aren't \
    using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid \
    JSON. If you have trouble figuring out how to fix this, please contact us through our help center at \
    help.openai.com.)";

const NO_KEY_FRONT_DOOR: &str = "You didn't provide an API key. You need to provide your API key in an \
    Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field \
    (with blank username) if you're accessing the API from your browser and are prompted for a username and \
    password. You can obtain an API key from https://platform.openai.com/account/api-keys.";

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(list: &[&str]) -> Vec<String> {
        list.iter().map(|&literal| literal.to_owned()).collect()
    }

    #[test]
    fn lists_are_joined_as_the_api_joins_them() {
        assert_eq!(join(&literals(&["4"]), "and"), "'4'");
        assert_eq!(join(&literals(&["a", "b"]), "or"), "'a' or 'b'");
        assert_eq!(join(&literals(&["4", "8", "12"]), "and"), "'4', '8', and '12'");
    }

    #[test]
    fn keys_are_masked_as_the_api_masks_them() {
        assert_eq!(
            masked("sk-golden-0000000000000000000000001234"),
            "sk-golde**************************1234"
        );
        assert_eq!(masked("your_api_key_here"), "your_api*****here");
        assert_eq!(masked("123456789012"), "123456789012");
        assert_eq!(masked("1234567890123"), "12345678*0123");
    }

    #[test]
    fn a_single_allowed_value_has_its_own_sentence() {
        let error = not_listed(Param::Variant, "text", &literals(&["input_text"]));
        assert_eq!(error.message, "Invalid value: 'text'. Value must be 'input_text'.");
    }

    #[test]
    fn a_long_value_is_echoed_only_in_part() {
        let error = not_listed(Param::Seconds, &"9".repeat(100_000), &literals(&["4", "8"]));
        assert!(error.message.len() < 1200, "{} bytes", error.message.len());
    }
}
