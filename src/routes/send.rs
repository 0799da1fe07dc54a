//! Making a call that costs nothing: it ends with its client.

use std::sync::Arc;

use axum::response::Response;

use crate::outcome::Refusal;
use crate::quota::SpentAll;
use crate::upstream::{Attempts, Call, Payload, Unanswered, Upstreams};

/// Sends a call on. Its tokens go back if no attempt was made.
pub(super) async fn send(
    upstreams: &Upstreams,
    upstream: &str,
    (call, payload): (&Arc<Call>, Payload),
    tokens: SpentAll,
) -> Result<Response, Refusal> {
    let paying = Paying(Some(tokens));
    let answer = upstreams.send(upstream, call, payload).await;
    if attempts(&answer).made == 0 {
        paying.give_back();
    }
    answer.map_err(|unanswered| Refusal::unanswered(unanswered, call.kind))
}

/// What a call took.
pub(super) fn attempts(answer: &Result<Response, Unanswered>) -> Attempts {
    match answer {
        Ok(answer) => {
            answer.extensions().get().copied().unwrap_or(Attempts { made: 1, doubtful: false, open: false })
        }
        Err(unanswered) => unanswered.attempts,
    }
}

/// Tokens that are spent when it is dropped: a client that leaves has had its attempt.
struct Paying(Option<SpentAll>);

impl Paying {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Paying {
    fn drop(&mut self) {
        if let Some(tokens) = self.0.take() {
            tokens.commit();
        }
    }
}
