//! The words for paid calls that must not be made, or cannot be written down.

use std::time::Duration;

use axum::http::StatusCode;

use super::ApiError;

/// 422, since SDKs would repeat a 409.
pub(super) fn idempotency_mismatch() -> ApiError {
    ApiError::refused(
        StatusCode::UNPROCESSABLE_ENTITY,
        "This Idempotency-Key was already used for a request with other parameters. \
         Send the same request as before, or use another key.",
    )
    .code("idempotency_mismatch")
}

/// A server's fault and not the client's, but nothing that asking again would mend.
pub(super) fn create_unresolved(ledger_id: &str) -> ApiError {
    let message = format!(
        "An earlier try of this request may have been accepted, but its outcome is not known. Asking again could \
         start, and bill, a second video: list your videos first. Its record is {ledger_id} \
         (reelgate ledger show {ledger_id})."
    );
    let error = ApiError::server(StatusCode::CONFLICT, "create_unresolved", &message);
    ApiError { should_retry: Some(false), ..error }
}

pub(super) fn ledger_unavailable() -> ApiError {
    unavailable(
        "ledger_unavailable",
        "This request could not be recorded, so nothing was sent to the upstream server. Please try again.",
    )
}

/// No time makes it pass: the operator has chosen a ledger without lists.
pub(super) fn list_not_kept() -> ApiError {
    let message =
        "Listing videos is not supported with this gateway's ledger. Retrieve each video by its id.";
    let error = ApiError::server(StatusCode::NOT_IMPLEMENTED, "list_not_supported", message);
    ApiError { should_retry: Some(false), ..error }
}

pub(super) fn spool_unavailable() -> ApiError {
    unavailable(
        "spool_unavailable",
        "There is no room for the files of this request at the moment, so nothing was sent to the upstream server. \
         Please try again.",
    )
}

fn unavailable(code: &'static str, message: &str) -> ApiError {
    let error = ApiError::server(StatusCode::SERVICE_UNAVAILABLE, code, message);
    ApiError { retry_after: Some(Duration::from_secs(1)), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Wording;
    use crate::rejection::Rejection;

    /// RT23, RT29: SDKs repeat a 409 unless they are told not to, and never a 422.
    #[test]
    fn a_repeat_is_only_invited_where_nothing_was_sent() {
        let rejected = |reason| ApiError::rejected(&reason, &Wording::default());
        let unresolved = rejected(Rejection::CreateUnresolved { ledger_id: "lg_1".to_owned() });
        assert_eq!((unresolved.status.as_u16(), unresolved.should_retry), (409, Some(false)));
        assert!(unresolved.message.contains("reelgate ledger show lg_1"), "{}", unresolved.message);
        assert_eq!(rejected(Rejection::IdempotencyMismatch).status.as_u16(), 422);
        for reason in [Rejection::LedgerUnavailable, Rejection::SpoolUnavailable] {
            let unavailable = rejected(reason);
            assert_eq!((unavailable.status.as_u16(), unavailable.should_retry), (503, None));
            assert_eq!(unavailable.retry_after, Some(Duration::from_secs(1)));
        }
    }
}
