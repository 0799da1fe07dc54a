//! What an answer says beside its status: whether to ask again, when, and whether it is a failure at all.

use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response as Answer;
use serde::Deserialize;

use super::paid::UnderSuccess;
use super::retry::asked;
use crate::dialect::unwrap;

/// The body of an answer that was read whole; in its extensions, for as long as it is being judged.
#[derive(Clone)]
pub(super) struct Whole(pub(super) Bytes);

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    /// How long to wait before asking again.
    pub(super) wait: Option<Duration>,
    /// Whether the upstream forbids to ask again.
    pub(super) forbids: bool,
    /// Whether it is a bare 503; see [`is_bare_503`].
    pub(super) is_bare_503: bool,
    /// Whether it is certain that nothing was made, whatever the status says of others: an error that came under a
    /// success's status, in the application's own words.
    pub(super) is_refusal: bool,
    pub(super) meaning: Retryability,
}

/// What the body makes of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retryability {
    /// What the status says.
    Plain,
    /// A job: some servers answer the question after a failed one with an error's status. The request was served.
    Job,
    /// A refusal that waiting does not change.
    Permanent,
}

/// Tells SDKs whether to ask again by themselves.
pub(super) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

impl Said {
    /// An answer that says nothing beside its status.
    pub(super) const fn plain(status: StatusCode) -> Self {
        let meaning = Retryability::Plain;
        Self { status, wait: None, forbids: false, is_bare_503: false, is_refusal: false, meaning }
    }

    /// `now`: the time of day, which dates are read against.
    pub(super) fn of(answer: &Answer, now: SystemTime) -> Self {
        let (status, headers) = (answer.status(), answer.headers());
        // Nearly all are, and then there is nothing more to be known.
        if status.is_success() {
            return Self::plain(status);
        }
        let forbids = headers.get(SHOULD_RETRY).is_some_and(|value| value == "false");
        Self {
            status,
            wait: asked::wait(headers, now),
            forbids,
            is_bare_503: is_bare_503(answer),
            is_refusal: answer.extensions().get() == Some(&UnderSuccess::Refused),
            meaning: Retryability::of(answer),
        }
    }
}

/// Whether it is a 503 in which nothing is the application's own word: no error object, and no time to come back. It may
/// be that of a proxy or a service mesh that had passed the call on.
fn is_bare_503(answer: &Answer) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE
        && !asked::is_asked(answer.headers())
        && !answer.extensions().get().is_some_and(|Whole(body)| unwrap::is_error(body))
}

impl Retryability {
    pub(super) fn of(answer: &Answer) -> Self {
        // A refusal without a reason: a prompt may cause it, so it must not open the breaker for other clients.
        if answer.extensions().get() == Some(&UnderSuccess::Refused)
            && answer.status() == StatusCode::BAD_GATEWAY
        {
            return Self::Permanent;
        }
        let failed = answer.status().is_client_error() || answer.status().is_server_error();
        match answer.extensions().get() {
            Some(Whole(bytes)) if failed => Self::of_body(bytes),
            Some(_) | None => Self::Plain,
        }
    }

    fn of_body(bytes: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Body<'_>>(bytes) else { return Self::Plain };
        if body.object.as_deref() == Some("video") {
            return Self::Job;
        }
        let Some(error) = body.error else { return Self::Plain };
        let named = [&error.code, &error.kind].into_iter().flatten();
        let permanent = named.filter_map(|name| name.as_str()).any(|name| PERMANENT.contains(&name));
        let told = error.message.is_some_and(|text| text.to_ascii_lowercase().contains(QUOTA_TEXT));
        if permanent || told { Self::Permanent } else { Self::Plain }
    }
}

/// Whether a 403 is about our own credential, and not about the request: by what its error is called, where it is called
/// anything. Moderation, regions and models that a project may not use are about the request, whoever asks; and where
/// nothing is said, nothing is made of it.
pub(super) fn is_about_credential(answer: &Answer) -> bool {
    let Some(Whole(bytes)) = answer.extensions().get() else { return false };
    let error = serde_json::from_slice::<Body<'_>>(bytes).ok().and_then(|body| body.error);
    let Some(Error { code, kind, .. }) = error else { return false };
    let word =
        |name: Option<serde_json::Value>| name.and_then(|name| name.as_str().map(str::to_ascii_lowercase));
    // A code says more than a type: where there is one, it alone decides.
    let named = word(code).or_else(|| word(kind)).unwrap_or_default();
    CREDENTIAL.contains(&named.as_str())
}

/// Codes and types of errors about who asks: OpenAI's, Anthropic's, Azure's, and what aggregators make of them.
pub(super) const CREDENTIAL: &[&str] = &[
    "access_terminated",
    "account_deactivated",
    "authentication_error",
    "authenticationerror",
    "insufficient_permissions",
    "invalid_api_key",
    "invalid_authentication",
    "invalid_token",
    "ip_not_authorized",
    "key_disabled",
    "missing_scope",
    "organization_deactivated",
    "permission_denied",
    "permission_error",
    "permissiondenied",
    "token_expired",
    "unauthorized",
];

/// Codes and types of refusals that last until somebody pays.
pub(super) const PERMANENT: &[&str] = &[
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_quota",
    "insufficient_user_quota",
];

/// Some upstreams have only the original's words, in lower case.
pub(super) const QUOTA_TEXT: &str = "exceeded your current quota";

#[derive(Deserialize)]
struct Body<'b> {
    #[serde(borrow, default)]
    object: Option<std::borrow::Cow<'b, str>>,
    #[serde(default)]
    error: Option<Error>,
}

/// Codes may be numbers.
#[derive(Deserialize)]
struct Error {
    code: Option<serde_json::Value>,
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_can_make_another_thing_of_a_status() {
        for (body, meaning) in [
            (
                r#"{"error":{"message":"x","type":"insufficient_quota","param":null,"code":null}}"#,
                Retryability::Permanent,
            ),
            (
                r#"{"error":{"message":"x","type":"requests","code":"insufficient_quota"}}"#,
                Retryability::Permanent,
            ),
            (r#"{"error":{"code":"billing_hard_limit_reached"}}"#, Retryability::Permanent),
            (
                r#"{"error":{"message":"You exceeded your current quota, please check"}}"#,
                Retryability::Permanent,
            ),
            (
                r#"{"id":"video_1","object":"video","status":"failed","error":{"code":"boom","message":"x"}}"#,
                Retryability::Job,
            ),
            (
                r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#,
                Retryability::Plain,
            ),
            (
                r#"{"error":{"code":503,"message":"Service Unavailable.","type":"cf_service_unavailable"}}"#,
                Retryability::Plain,
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Retryability::Plain,
            ),
            (r#"{"error":"insufficient_quota"}"#, Retryability::Plain),
            (r#"{"object":"list"}"#, Retryability::Plain),
            ("<html>insufficient_quota</html>", Retryability::Plain),
            ("", Retryability::Plain),
        ] {
            assert_eq!(Retryability::of_body(body.as_bytes()), meaning, "{body}");
        }
    }

    /// AU08
    #[test]
    fn a_403_is_about_our_credential_if_it_says_so() {
        let about = |body: &'static str| {
            let mut answer = Answer::default();
            answer.extensions_mut().insert(Whole(Bytes::from_static(body.as_bytes())));
            is_about_credential(&answer)
        };
        for body in [
            r#"{"error":{"message":"x","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            r#"{"error":{"message":"x","type":"invalid_request_error","param":null,"code":"missing_scope"}}"#,
            r#"{"type":"error","error":{"type":"permission_error","message":"x"}}"#,
            r#"{"error":{"code":"PermissionDenied","message":"The principal lacks the required data action"}}"#,
        ] {
            assert!(about(body), "{body}");
        }
        for body in [
            r#"{"error":{"message":"x","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            r#"{"error":{"message":"x","type":"permission_error","code":"moderation_blocked"}}"#,
            r#"{"error":{"message":"x","type":"request_forbidden","code":"unsupported_country_region_territory"}}"#,
            r#"{"error":{"message":"x","type":"invalid_request_error","code":null}}"#,
            r#"{"error":"forbidden"}"#,
            "<html>403 Forbidden</html>",
            "",
        ] {
            assert!(!about(body), "{body}");
        }
        assert!(!is_about_credential(&Answer::default()), "what streams is not looked through");
    }

    /// RT05
    #[test]
    fn a_503_is_bare_unless_an_error_or_a_wait_is_in_it() {
        let is_bare = |status: u16, header: Option<&'static str>, body: Option<&'static str>| {
            let mut answer = Answer::default();
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            if let Some(name) = header {
                answer.headers_mut().insert(name, "soon".parse().expect("a value"));
            }
            if let Some(body) = body {
                answer.extensions_mut().insert(Whole(Bytes::from_static(body.as_bytes())));
            }
            Said::of(&answer, SystemTime::UNIX_EPOCH).is_bare_503
        };
        assert!(is_bare(503, None, None), "what is too long to be read is no error object");
        assert!(is_bare(503, None, Some("<html>")) && is_bare(503, Some("x-should-retry"), Some("{}")));
        assert!(
            !is_bare(503, None, Some(r#"{"error":{}}"#)) && !is_bare(503, None, Some(r#"{"error":"x"}"#))
        );
        for wait in ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"] {
            assert!(!is_bare(503, Some(wait), Some("<html>")), "{wait}");
        }
        for status in [200, 429, 500, 502, 504, 529] {
            assert!(!is_bare(status, None, Some("<html>")), "{status}");
        }
    }

    #[test]
    fn only_a_failed_status_is_looked_behind() {
        for (status, meaning) in
            [(200, Retryability::Plain), (404, Retryability::Job), (500, Retryability::Job)]
        {
            let mut answer = Answer::default();
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            answer.extensions_mut().insert(Whole(Bytes::from_static(b"{\"object\":\"video\"}")));
            assert_eq!(Retryability::of(&answer), meaning, "{status}");
        }
    }
}
