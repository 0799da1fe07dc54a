//! On whose side it lies that a request did not go well. Pure; there is no catch-all arm: a new reason does not
//! compile until it is known whose it is.

use axum::http::StatusCode;

use crate::failure::Failure;
use crate::outcome::Refusal;
use crate::rejection::Rejection;

/// Whose fault it is. A closed vocabulary, and so fit for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Nobody's: it went well.
    None,
    /// The client's: something is wrong with the request.
    Client,
    /// Nobody's: the operator does not allow it, to this client or at this time.
    Policy,
    /// The upstream's: it failed, had no room, or could not be reached.
    Upstream,
    /// Ours, or of whoever runs us.
    Gateway,
}

impl Domain {
    /// Label of it in metrics and in the log.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
            Self::Policy => "policy",
            Self::Upstream => "upstream",
            Self::Gateway => "gateway",
        }
    }

    /// Of an answer with this status. `refusal`: why it is not the upstream's own.
    #[must_use]
    pub(crate) fn of(refusal: Option<&Refusal>, status: StatusCode) -> Self {
        match refusal {
            None => Self::of_status(status),
            Some(Refusal::Rejected(reason)) => Self::of_rejection(reason),
            Some(Refusal::Failed { failure, .. }) => Self::of_failure(*failure),
            Some(Refusal::Panicked) => Self::Gateway,
        }
    }

    /// Of an upstream's own answer.
    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            ..400 => Self::None,
            // At 429 it has no room for a request that is as it should be.
            429 | 500.. => Self::Upstream,
            400..500 => Self::Client,
        }
    }

    const fn of_failure(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable
            | Failure::ConnectTimeout
            | Failure::Tls
            | Failure::HeadTimeout
            | Failure::Lost
            | Failure::Garbled
            | Failure::Redirected
            | Failure::BreakerOpen { .. } => Self::Upstream,
            // Whoever runs us gave us a wrong one, or one that has expired.
            Failure::Credential => Self::Gateway,
        }
    }

    const fn of_rejection(reason: &Rejection) -> Self {
        match reason {
            Rejection::UnknownUrl { .. }
            | Rejection::MethodNotAllowed { .. }
            | Rejection::TargetTooLong { .. }
            | Rejection::BadHost
            | Rejection::BadTransferEncoding
            | Rejection::DoubledHeader(_)
            | Rejection::TwoKeys(_)
            | Rejection::BadExpectation
            | Rejection::ContentEncoding(_)
            | Rejection::ContentType(_)
            | Rejection::NotAForm(_)
            | Rejection::BodyTooLarge { .. }
            | Rejection::BodyBroken
            | Rejection::BodyStalled
            | Rejection::MalformedJson
            | Rejection::MalformedForm
            | Rejection::MalformedPart { .. }
            | Rejection::TooManyParts { .. }
            | Rejection::UnknownParameter(_)
            | Rejection::DuplicateParameter(_)
            | Rejection::Missing(_)
            | Rejection::WrongType { .. }
            | Rejection::NotListed { .. }
            | Rejection::NotForModel { .. }
            | Rejection::NotAPattern { .. }
            | Rejection::UnknownModel(_)
            | Rejection::Empty(_)
            | Rejection::TooLong { .. }
            | Rejection::AboveMax { .. }
            | Rejection::BelowMin { .. }
            | Rejection::NotExactlyOne { .. }
            | Rejection::FileType { .. }
            | Rejection::InvalidIdempotencyKey
            | Rejection::IdempotencyMismatch
            | Rejection::UnknownVideo(_)
            | Rejection::UnknownCharacter(_)
            | Rejection::UnknownFile(_) => Self::Client,
            Rejection::NoKey
            | Rejection::WrongKey(_)
            | Rejection::ExpiredKey { .. }
            | Rejection::NoModelAccess { .. }
            | Rejection::OverBudget { .. }
            | Rejection::UnknownCost
            | Rejection::ListNotKept
            | Rejection::RateLimited { .. }
            | Rejection::TooManyJobs => Self::Policy,
            // The upstream owes the answer to an earlier try.
            Rejection::CreateUnresolved { .. } => Self::Upstream,
            Rejection::LedgerUnavailable
            | Rejection::SpoolUnavailable
            | Rejection::Overloaded
            | Rejection::Stopping => Self::Gateway,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rejection::{Expected, Noun, Param, PartFlaw, Per};

    fn status(code: u16) -> StatusCode {
        StatusCode::from_u16(code).expect("a status")
    }

    /// Domains of refusals, whatever their status.
    fn of(refusal: &Refusal) -> Domain {
        Domain::of(Some(refusal), status(400))
    }

    #[test]
    fn an_answer_of_the_upstream_is_told_by_its_status() {
        for (codes, domain) in [
            (&[100, 101, 200, 201, 206, 301, 304][..], Domain::None),
            (&[400, 401, 402, 403, 404, 408, 409, 413, 422, 451, 499], Domain::Client),
            (&[429, 500, 502, 503, 504, 529, 599, 600, 999], Domain::Upstream),
        ] {
            for code in codes {
                assert_eq!(Domain::of(None, status(*code)), domain, "{code}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_request_is_the_clients() {
        let (text, param) = (String::new, Param::Seconds);
        let reasons = [
            Rejection::UnknownUrl { method: text(), path: text() },
            Rejection::MethodNotAllowed { method: text(), path: text(), allow: "GET" },
            Rejection::TargetTooLong { limit: 1 },
            Rejection::BadHost,
            Rejection::BadTransferEncoding,
            Rejection::DoubledHeader("host"),
            Rejection::BadExpectation,
            Rejection::ContentEncoding(text()),
            Rejection::ContentType(text()),
            Rejection::NotAForm(text()),
            Rejection::BodyTooLarge { limit: 1, read: 2 },
            Rejection::BodyBroken,
            Rejection::BodyStalled,
            Rejection::MalformedJson,
            Rejection::MalformedForm,
            Rejection::MalformedPart { part: 1, flaw: PartFlaw::NoName },
            Rejection::TooManyParts { limit: 1 },
            Rejection::UnknownParameter(text()),
            Rejection::DuplicateParameter(text()),
            Rejection::Missing(param),
            Rejection::WrongType { param, expected: Expected::Type(Noun::String), got: Noun::Null },
            Rejection::NotListed { param, got: text(), allowed: Vec::new() },
            Rejection::NotForModel { param, model: text(), got: text(), allowed: Vec::new() },
            Rejection::NotAPattern { param, pattern: "" },
            Rejection::UnknownModel(text()),
            Rejection::Empty(param),
            Rejection::TooLong { param, max: 1, got: 2 },
            Rejection::AboveMax { param, max: 1, got: text() },
            Rejection::BelowMin { param, min: 1, got: text() },
            Rejection::NotExactlyOne { param, members: ["image_url", "file_id"] },
            Rejection::FileType { param, got: text(), allowed: Vec::new() },
            Rejection::InvalidIdempotencyKey,
            Rejection::IdempotencyMismatch,
            Rejection::UnknownVideo(text()),
            Rejection::UnknownCharacter(text()),
            Rejection::UnknownFile(text()),
        ];
        for reason in reasons {
            assert_eq!(of(&reason.clone().into()), Domain::Client, "{reason:?}");
        }
    }

    #[test]
    fn what_the_operator_does_not_allow_is_policy() {
        let (limit, wait) = ((1, Per::Second), Duration::ZERO);
        for reason in [
            Rejection::NoKey,
            Rejection::WrongKey(String::new()),
            Rejection::RateLimited { model: None, client: None, limit, wait },
            Rejection::TooManyJobs,
        ] {
            assert_eq!(of(&reason.clone().into()), Domain::Policy, "{reason:?}");
        }
    }

    #[test]
    fn an_upstream_without_a_usable_answer_has_failed_unless_our_credential_is_wrong() {
        let retry_after = Duration::ZERO;
        for (failure, domain) in [
            (Failure::Unreachable, Domain::Upstream),
            (Failure::ConnectTimeout, Domain::Upstream),
            (Failure::Tls, Domain::Upstream),
            (Failure::HeadTimeout, Domain::Upstream),
            (Failure::Lost, Domain::Upstream),
            (Failure::Garbled, Domain::Upstream),
            (Failure::Redirected, Domain::Upstream),
            (Failure::BreakerOpen { retry_after }, Domain::Upstream),
            (Failure::Credential, Domain::Gateway),
        ] {
            for paid in [false, true] {
                let refusal = Refusal::Failed { failure, paid, attempts: 1, spent: paid };
                assert_eq!(of(&refusal), domain, "{failure:?}");
            }
        }
        let unresolved = Rejection::CreateUnresolved { ledger_id: String::new() };
        assert_eq!(of(&unresolved.into()), Domain::Upstream);
    }

    #[test]
    fn what_we_cannot_do_ourselves_is_ours() {
        for reason in [
            Rejection::LedgerUnavailable,
            Rejection::SpoolUnavailable,
            Rejection::Overloaded,
            Rejection::Stopping,
        ] {
            assert_eq!(of(&reason.clone().into()), Domain::Gateway, "{reason:?}");
        }
        assert_eq!(of(&Refusal::Panicked), Domain::Gateway);
    }
}
