//! What a request came to, as the lower layers report it to the edge, which words, logs and counts it.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};

use crate::capability::judgement::Judgement;
use crate::error::{ApiError, Wording};
use crate::failure::Failure;
use crate::quota::rate_limit_status::RateLimitStatus;
use crate::rejection::{Param, Rejection};
use crate::upstream::{Kind, Unanswered, Why};

/// A request that gets no answer of an upstream. Becomes a response only at the edge, which knows the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The gateway refuses it.
    Rejected(Rejection),
    /// The upstream gave no usable answer. `paid`: the call starts a paid generation.
    Failed {
        /// What went wrong.
        failure: Failure,
        /// Whether a repeat could pay twice.
        paid: bool,
        /// How many attempts were made.
        attempts: u32,
        /// Whether the SDK is told not to ask again by itself.
        spent: bool,
    },
    /// A panic of ours, before anything was paid for.
    Panicked,
}

impl From<Rejection> for Refusal {
    fn from(reason: Rejection) -> Self {
        Self::Rejected(reason)
    }
}

impl Refusal {
    /// A call of this kind that has no answer.
    #[must_use]
    pub(crate) fn unanswered(why: Unanswered, kind: Kind) -> Self {
        let Unanswered { why, attempts, spent } = why;
        match why {
            Why::Rejected(reason) => Self::Rejected(reason),
            // That the last attempt sent nothing says nothing about one before it.
            Why::Failed(_) if attempts.doubtful => {
                Self::Failed { failure: Failure::Lost, paid: true, attempts: attempts.made, spent }
            }
            Why::Failed(failure) => {
                Self::Failed { failure, paid: kind == Kind::Submit, attempts: attempts.made, spent }
            }
        }
    }

    /// A paid call that was made by somebody else, or is being made, and has no answer.
    #[must_use]
    pub(crate) const fn lost(failure: Failure) -> Self {
        Self::Failed { failure, paid: true, attempts: 0, spent: false }
    }

    /// The record of the try that stands in the way of this one.
    #[must_use]
    pub(crate) fn earlier_try(&self) -> Option<&str> {
        match self {
            Self::Rejected(Rejection::CreateUnresolved { ledger_id }) => Some(ledger_id),
            Self::Rejected(_) | Self::Failed { .. } | Self::Panicked => None,
        }
    }

    /// The words for it.
    #[must_use]
    pub(crate) fn error(&self, wording: &Wording) -> ApiError {
        match self {
            Self::Rejected(reason) => ApiError::rejected(reason, wording),
            Self::Failed { failure, paid, spent, .. } => ApiError::failed(*failure, *paid).final_if(*spent),
            Self::Panicked => ApiError::internal(),
        }
    }

    /// The field that it is about, if it is one of this API's.
    #[must_use]
    pub(crate) const fn param(&self) -> Option<Param> {
        match self {
            Self::Rejected(reason) => reason.param(),
            Self::Failed { .. } | Self::Panicked => None,
        }
    }

    /// How many attempts at an upstream it took.
    #[must_use]
    pub(crate) const fn attempts(&self) -> u32 {
        match self {
            Self::Failed { attempts, .. } => *attempts,
            Self::Rejected(_) | Self::Panicked => 0,
        }
    }

    /// Label and log word for it.
    #[must_use]
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::Rejected(reason) if reason.is_limit() => "limited",
            Self::Rejected(_) => REJECTED,
            Self::Failed { .. } | Self::Panicked => "failed",
        }
    }
}

/// Label and log word for what the gateway refuses.
pub(crate) const REJECTED: &str = "rejected";

/// Carries the refusal to the edge.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

/// What the edge logs and counts beside the status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    /// The configured name of the model that answers.
    pub model: Option<Arc<str>>,
    /// What was changed on the client's behalf, as in `x-reelgate-adjusted`.
    pub adjusted: Option<Arc<str>>,
    /// The fields that were changed.
    pub adjusted_fields: Vec<&'static str>,
    /// The upstream that answered.
    pub upstream: Option<Arc<str>>,
    /// The configured name of the client's key.
    pub client: Option<Arc<str>>,
    /// Where the client stands with its quotas.
    pub standing: Option<RateLimitStatus>,
    /// The record of a paid call.
    pub ledger_id: Option<Arc<str>>,
    /// Whether the answer is that of an earlier try.
    pub replayed: bool,
}

impl Note {
    /// The note on a create.
    #[must_use]
    pub(crate) fn of(judgement: &Judgement, upstream: &Arc<str>) -> Self {
        Self {
            model: judgement.model.as_ref().map(|model| Arc::clone(&model.name)),
            adjusted: judgement.told().map(Arc::from),
            adjusted_fields: judgement.adjustments.iter().map(|adjustment| adjustment.param.name()).collect(),
            upstream: Some(Arc::clone(upstream)),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_pass_at_another_time_is_limited_and_not_rejected() {
        let wait = std::time::Duration::from_secs(1);
        let limit = (1, crate::rejection::Per::Second);
        let limits = [
            Rejection::RateLimited { model: None, client: None, limit, wait },
            Rejection::TooManyJobs,
            Rejection::Overloaded,
            Rejection::Stopping,
        ];
        for reason in limits {
            assert_eq!(Refusal::from(reason).outcome(), "limited");
        }
        assert_eq!(Refusal::from(Rejection::NoKey).outcome(), "rejected");
    }
}
