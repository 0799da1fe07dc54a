//! What is decided around each attempt, for benchmarks.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use super::breaker::{Health, State};
use super::response_class::Said;
use super::retry::budget::Budget;
use super::retry::policy::{Ended, Outcome, Policy, Repeatability, Verdict};
use crate::config::upstreams::Upstream as Settings;

/// The breaker, the retry rules and the retry budget of an upstream.
#[derive(Debug)]
pub struct Upkeep {
    breaker: State,
    budget: Budget,
    policy: Policy,
}

impl Upkeep {
    /// That of an upstream with these settings, which is well.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let retry = &settings.retry;
        Self {
            breaker: State::new(&settings.breaker),
            budget: Budget::new(retry.budget_ratio, retry.budget_min),
            policy: Policy::new(settings),
        }
    }

    /// Passes the breaker with an attempt that goes well; whether it was let in.
    pub fn passes(&mut self, now: Instant) -> bool {
        let Ok(entry) = self.breaker.enter(now) else { return false };
        self.breaker.leave(entry, Health::Good, now);
        true
    }

    /// Decides whether a read that was answered with this status is asked for again, and pays for that.
    pub fn repeats(&self, now: Instant, status: StatusCode) -> bool {
        self.budget.called(now);
        let said = Said::plain(status);
        let ended = Ended {
            repeatability: Repeatability::Free,
            attempt: 1,
            took: Duration::ZERO,
            outcome: Outcome::Answered(said),
        };
        matches!(self.policy.judge(ended), Verdict::Again { .. }) && self.budget.take(now)
    }
}
