//! What is counted of calls to upstreams.

use prometheus::{Error, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Attempts, repeats, and the health of upstreams. Each carries the label `upstream`.
#[derive(Debug)]
pub struct Upstreams {
    /// Attempts made, by kind of call.
    pub attempts: IntCounterVec,
    /// Attempts beside a call's first, by what made them necessary.
    pub retries: IntCounterVec,
    /// Calls that were not asked again for want of a retry budget.
    pub retry_budget_exhausted: IntCounterVec,
    /// Creates that were asked again although the first attempt may have been accepted.
    pub possible_duplicates: IntCounterVec,
    /// Where the breaker stands: 0 closed, 1 half-open, 2 open.
    pub breaker_state: IntGaugeVec,
}

impl Upstreams {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, Error>(counter)
        };
        let breaker = Opts::new(
            "reelgate_breaker_state",
            "Where an upstream's breaker stands: 0 closed, 1 half-open, 2 open.",
        );
        let breaker_state = IntGaugeVec::new(breaker, &["upstream"])?;
        registry.register(Box::new(breaker_state.clone()))?;
        Ok(Self {
            attempts: counter(
                "reelgate_upstream_attempts_total",
                "Attempts made at an upstream.",
                &["upstream", "kind"],
            )?,
            retries: counter(
                "reelgate_retries_total",
                "Attempts beside a call's first, by what made them necessary.",
                &["upstream", "reason"],
            )?,
            retry_budget_exhausted: counter(
                "reelgate_retry_budget_exhausted_total",
                "Calls that were not asked again because the upstream's retry budget was used up.",
                &["upstream"],
            )?,
            possible_duplicates: counter(
                "reelgate_possible_duplicates_total",
                "Creates that were asked again although the first attempt may have been accepted.",
                &["upstream"],
            )?,
            breaker_state,
        })
    }
}
