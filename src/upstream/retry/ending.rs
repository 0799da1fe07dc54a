//! How a call ends: what the client gets, and whether its SDK may ask again by itself.

use std::time::SystemTime;

use axum::http::HeaderValue;
use axum::response::Response as Answer;

use super::policy::Repeatability;
use super::{Attempted, Rules};
use crate::failure::leaves_open;
use crate::rejection::Rejection;
use crate::upstream::call::{Attempts, Kind, Missed, Unanswered, Why};
use crate::upstream::outgoing::Terms;
use crate::upstream::response_class::{Retryability, SHOULD_RETRY, Said, Whole};

/// How a call ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) attempts: Attempts,
    /// Whether our own attempts were all there is to be had.
    pub(super) spent: bool,
}

impl End {
    pub(super) fn spent(self) -> Self {
        Self { spent: true, ..self }
    }
}

const FALSE: HeaderValue = HeaderValue::from_static("false");

impl Rules {
    /// There is no token for another attempt: what the last one came to is the answer, if there was one.
    pub(super) fn refused(
        &self,
        terms: &Terms,
        reason: Rejection,
        (last, end): (Option<Attempted>, End),
    ) -> Result<Answer, Unanswered> {
        match last {
            Some(result) => self.finish(terms, result, end.spent()),
            None => Err(Unanswered { why: Why::Rejected(reason), attempts: end.attempts, spent: false }),
        }
    }

    /// What the client gets.
    pub(super) fn finish(&self, terms: &Terms, result: Attempted, end: End) -> Result<Answer, Unanswered> {
        let End { attempts, spent } = end;
        let mut answer = match result {
            Ok(answer) => answer,
            Err(Missed { why, .. }) => {
                // What may have had its effect may have it twice.
                let open = matches!(why, Why::Failed(failure) if failure.outcome_unknown());
                let costs = self.repeatability(terms) != Repeatability::Free;
                let spent = spent || attempts.doubtful || (open && costs);
                return Err(Unanswered { why, attempts, spent });
            }
        };
        let quota = self.quota_stops_sdk && Retryability::of(&answer) == Retryability::Permanent;
        let said = (terms.kind == Kind::Submit).then(|| Said::of(&answer, SystemTime::now()));
        let open = said.is_some_and(|said| self.policy.leaves_open(said));
        // A refusal with a server's status: nothing says that the same request would pass at another time.
        let unexplained = said.is_some_and(|said| said.is_refusal && leaves_open(said.status));
        let doubtful = attempts.doubtful && !answer.status().is_success();
        // The SDK's attempts on top of ours would multiply, or could pay twice: the upstream's own word counts less.
        if spent || quota || open || unexplained || doubtful {
            answer.headers_mut().insert(SHOULD_RETRY, FALSE);
        }
        answer.extensions_mut().remove::<Whole>();
        answer.extensions_mut().insert(Attempts { open, ..attempts });
        Ok(answer)
    }
}
