//! The words for upstreams that gave no usable answer.

use axum::http::StatusCode;

use super::ApiError;
use crate::failure::{Cut, Failure};

impl ApiError {
    /// The words for an upstream that gave no usable answer. `paid`: the call starts a paid generation.
    #[must_use]
    pub fn failed(failure: Failure, paid: bool) -> Self {
        if paid && failure.outcome_unknown() {
            return outcome_unknown(failure);
        }
        match failure {
            Failure::Unreachable => Self::server(
                StatusCode::BAD_GATEWAY,
                "upstream_unreachable",
                "The upstream server could not be reached. Nothing was sent to it.",
            ),
            Failure::Tls => Self::server(
                StatusCode::BAD_GATEWAY,
                "upstream_tls_failed",
                "No trusted connection to the upstream server could be made. It has read nothing of this request.",
            ),
            Failure::ConnectTimeout => Self::server(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_connect_timeout",
                "The upstream server did not accept a connection in time. Nothing was sent to it.",
            ),
            Failure::HeadTimeout => Self::server(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "The upstream server did not answer in time.",
            ),
            Failure::Lost => Self::server(
                StatusCode::BAD_GATEWAY,
                "upstream_connection_lost",
                "The connection to the upstream server broke before its answer was complete.",
            ),
            Failure::Garbled => Self::server(
                StatusCode::BAD_GATEWAY,
                "upstream_bad_answer",
                "The upstream server sent an answer that could not be read.",
            ),
            Failure::Redirected => Self::server(
                StatusCode::BAD_GATEWAY,
                "upstream_redirected",
                "The upstream server pointed to another address. Redirects are not followed.",
            ),
            Failure::Credential => Self::server(
                StatusCode::BAD_GATEWAY,
                "upstream_auth_failed",
                "The upstream server did not accept the gateway's own credential.",
            ),
            Failure::BreakerOpen { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::server(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "upstream_unavailable",
                    "The upstream server failed too often of late and is given time to recover. Nothing was sent to it.",
                )
            },
        }
    }

    /// The words for an upstream's error that gives no reason. Nothing was made, but nothing suggests that a repeat would
    /// succeed, so the SDK is told not to make one.
    #[must_use]
    pub(crate) fn unexplained() -> Self {
        let error = Self::server(
            StatusCode::BAD_GATEWAY,
            "upstream_error",
            "The upstream server answered with an error that it did not explain.",
        );
        Self { should_retry: Some(false), ..error }
    }

    /// The words for a stream that breaks off. Its status is none that a client sees: the 200 left long ago.
    #[must_use]
    pub(crate) fn cut(cut: Cut) -> Self {
        let (code, message) = match cut {
            Cut::Lost => (
                "upstream_connection_lost",
                "The connection to the upstream server broke before its answer was complete.",
            ),
            Cut::Quiet => {
                ("upstream_went_quiet", "The upstream server fell silent before its answer was complete.")
            }
        };
        Self::server(StatusCode::BAD_GATEWAY, code, message)
    }
}

/// A repeat could pay for a second video, so the SDK is told not to make one by itself.
fn outcome_unknown(failure: Failure) -> ApiError {
    let status =
        if failure == Failure::HeadTimeout { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
    let error = ApiError::server(
        status,
        "upstream_outcome_unknown",
        "The upstream server may have accepted this request, but its answer was lost. \
         Asking again could start, and bill, a second video: list your videos first.",
    );
    ApiError { should_retry: Some(false), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_paid_call_with_an_unknown_outcome_forbids_the_repeat() {
        assert_eq!(ApiError::failed(Failure::Lost, true).should_retry, Some(false));
        assert_eq!(ApiError::failed(Failure::Lost, false).should_retry, None);
        assert_eq!(ApiError::failed(Failure::Unreachable, true).should_retry, None);
    }
}
