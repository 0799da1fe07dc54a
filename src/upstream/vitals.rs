//! What all workers know of one upstream: its health, and what repeats may still cost it and us.

use std::sync::{Arc, OnceLock};

use super::breaker::{Breaker, State};
use super::retry::budget::Budget;
use super::retry::replay::Shelf;
use super::tally::Counts;
use crate::config::upstreams::Upstream as Settings;

/// Shared between workers; an outage that one of them meets is the outage of all.
#[derive(Debug)]
pub(super) struct Vitals {
    pub(super) breaker: Arc<Breaker>,
    pub(super) budget: Budget,
    pub(super) shelf: Arc<Shelf>,
    /// Where its attempts are counted, once one was made.
    pub(super) counts: OnceLock<Arc<Counts>>,
}

impl Vitals {
    pub(super) fn new(settings: &Settings) -> Self {
        let retry = &settings.retry;
        Self {
            breaker: Arc::new(Breaker::new(State::new(&settings.breaker))),
            budget: Budget::new(retry.budget_ratio, retry.budget_min),
            shelf: Arc::new(Shelf::new(retry.replay_body, retry.replay_total)),
            counts: OnceLock::new(),
        }
    }
}
