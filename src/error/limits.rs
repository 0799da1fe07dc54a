//! The words for what would pass at another time: quotas, job slots, load and shutdown.

use std::time::Duration;

use axum::http::StatusCode;

use super::spoken::Spoken;
use super::{ApiError, WAIT_MAX};
use crate::rejection::Per;

/// OpenAI's message, which clients take apart for the time to wait.
pub(super) fn rate_limited(
    model: Option<&str>,
    client: Option<&str>,
    limit: (u32, Per),
    wait: Duration,
) -> ApiError {
    let (limit, per) = limit;
    let (unit, short) = match per {
        Per::Second => ("sec", "RPS"),
        Per::Minute => ("min", "RPM"),
        Per::Hour => ("hour", "RPH"),
        Per::Day => ("day", "RPD"),
    };
    let model = model.map(|name| format!(" for {name}")).unwrap_or_default();
    let client = client.unwrap_or("default");
    let message = format!(
        "Rate limit reached{model} in organization {client} on requests per {unit} ({short}): Limit {limit}, Used \
         {limit}, Requested 1. Please try again in {}. Visit https://platform.openai.com/account/rate-limits to \
         learn more.",
        Spoken(wait)
    );
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "requests", message).code("rate_limit_exceeded");
    ApiError { retry_after: Some(wait), ..error }
}

/// Azure's answer; the code is what OpenAI's SDK users look for on a 429.
pub(super) fn too_many_jobs() -> ApiError {
    let kind = "video_generation_user_error";
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, kind, "Too many running tasks");
    ApiError { retry_after: Some(JOBS_WAIT), ..error.code("rate_limit_exceeded") }
}

/// Nobody knows when a job ends. Most take minutes: asking every second is in vain.
const JOBS_WAIT: Duration = Duration::from_secs(10);

/// OpenAI's answer where the money is spent. SDKs repeat every 429, and this one in vain: they are told not to.
pub(super) fn over_budget(wait: Duration) -> ApiError {
    let message = "You exceeded your current quota, please check your plan and billing details. For more information \
                   on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
    let kind = "insufficient_quota";
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, kind, message).code("insufficient_quota");
    // Nobody waits for the next day: only a wait that can be told as it is, is told.
    ApiError { should_retry: Some(false), retry_after: Some(wait).filter(|wait| *wait <= WAIT_MAX), ..error }
}

/// Nothing that waiting would mend, and no fault of the request.
pub(super) fn unknown_cost() -> ApiError {
    let message = "This API key has a budget, and what this request costs is not known, since the video it builds on \
                   was not made here. Ask the operator of this server for a key without a budget.";
    ApiError::refused(StatusCode::FORBIDDEN, message).code("cost_unknown")
}

/// In the words of OpenAI's own answer.
pub(super) fn overloaded() -> ApiError {
    unavailable(
        "overloaded",
        "The server is currently overloaded with other requests. Sorry about that! You can retry your request in a \
         moment.",
    )
}

/// The process ends, and another one will answer.
pub(super) fn stopping() -> ApiError {
    unavailable(
        "shutting_down",
        "The server is shutting down and did not start on your request. You can retry it in a moment.",
    )
}

/// The gateway has no room, for a moment.
fn unavailable(code: &str, message: &str) -> ApiError {
    let error = ApiError::server(StatusCode::SERVICE_UNAVAILABLE, code, message);
    ApiError { retry_after: Some(Duration::from_secs(1)), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_told_as_openai_tells_it() {
        let error = rate_limited(Some("sora-2"), Some("team"), (3, Per::Minute), Duration::from_secs(20));
        assert_eq!(
            error.message,
            "Rate limit reached for sora-2 in organization team on requests per min (RPM): Limit 3, Used 3, \
             Requested 1. Please try again in 20s. Visit https://platform.openai.com/account/rate-limits to learn \
             more."
        );
        assert_eq!((error.status.as_u16(), error.kind.as_str()), (429, "requests"));
        assert_eq!((error.param, error.code.as_deref()), (None, Some("rate_limit_exceeded")));
        assert_eq!((error.retry_after, error.should_retry), (Some(Duration::from_secs(20)), None));
    }

    #[test]
    fn a_call_without_model_and_key_is_named_after_nobody() {
        let error = rate_limited(None, None, (5, Per::Second), Duration::from_millis(120));
        assert!(
            error.message.starts_with(
                "Rate limit reached in organization default on requests per sec (RPS): Limit 5, Used 5, Requested 1. \
                 Please try again in 120ms. "
            ),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_budget_that_is_used_up_is_told_as_openai_tells_it_and_not_repeated() {
        let error = over_budget(Duration::from_hours(5));
        assert_eq!((error.status.as_u16(), error.kind.as_str()), (429, "insufficient_quota"));
        assert_eq!(error.code.as_deref(), Some("insufficient_quota"));
        assert!(error.message.starts_with("You exceeded your current quota, please check your plan"));
        assert_eq!((error.should_retry, error.retry_after), (Some(false), None), "hours are no wait");
        let soon = Duration::from_secs(7);
        assert_eq!(over_budget(soon).retry_after, Some(soon));
    }

    #[test]
    fn too_many_jobs_are_told_as_azure_tells_it() {
        let error = too_many_jobs();
        assert_eq!((error.status.as_u16(), error.message.as_str()), (429, "Too many running tasks"));
        assert_eq!(error.kind, "video_generation_user_error");
        assert_eq!(error.retry_after, Some(JOBS_WAIT));
    }

    /// LM07: Retry-After: 1.
    #[test]
    fn no_room_is_a_503_that_says_when_to_come_back() {
        for (error, code) in [(overloaded(), "overloaded"), (stopping(), "shutting_down")] {
            assert_eq!((error.status.as_u16(), error.kind.as_str()), (503, "server_error"));
            assert_eq!(
                (error.code.as_deref(), error.retry_after),
                (Some(code), Some(Duration::from_secs(1)))
            );
        }
    }
}
