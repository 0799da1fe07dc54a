//! What all workers know of one upstream: its health, and what repeats may still cost it and us.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::breaker::{Breaker, Position, State};
use super::retry::budget::Budget;
use super::retry::replay::Shelf;
use super::upstream_metrics::Counts;
use crate::config::Config;
use crate::config::retry::{Breaker as BreakerSettings, Retry};
use crate::config::upstreams::{Base, Upstream as Settings};

/// The vitals of every upstream, by its configured name.
pub(crate) type AllUpstreamHealth = HashMap<Arc<str>, Arc<UpstreamHealth>>;

/// Shared between workers; an outage that one of them meets is the outage of all.
#[derive(Debug)]
pub(crate) struct UpstreamHealth {
    /// What they are about: another server's say nothing of this one.
    base: Base,
    settings: (BreakerSettings, Retry),
    pub(super) breaker: Arc<Breaker>,
    pub(super) budget: Arc<Budget>,
    pub(super) shelf: Arc<Shelf>,
    /// Where attempts at an upstream of this name are counted, once one was made.
    pub(super) counts: Arc<OnceLock<Arc<Counts>>>,
}

/// The vitals of every upstream of a configuration. What `old` ones know of the same server under the same settings
/// is kept.
pub(crate) fn next(config: &Config, old: &AllUpstreamHealth) -> AllUpstreamHealth {
    let of = |settings: &Settings| {
        let vitals = UpstreamHealth::new(settings, old.get(&settings.name).map(|old| &**old));
        (Arc::clone(&settings.name), Arc::new(vitals))
    };
    config.upstreams.iter().map(of).collect()
}

impl UpstreamHealth {
    fn new(settings: &Settings, old: Option<&Self>) -> Self {
        let Settings { base, breaker, retry, .. } = settings;
        let same_server = old.filter(|old| old.base == *base);
        let kept_breaker = same_server.filter(|old| old.settings.0 == *breaker);
        let limits = |retry: &Retry| (retry.budget_ratio, retry.budget_min);
        let kept_budget = same_server.filter(|old| limits(&old.settings.1) == limits(retry));
        // Bytes in our memory, wherever they are to be sent.
        let sizes = |retry: &Retry| (retry.replay_body, retry.replay_total);
        let kept_shelf = old.filter(|old| sizes(&old.settings.1) == sizes(retry));
        Self {
            base: base.clone(),
            settings: (breaker.clone(), retry.clone()),
            breaker: kept_breaker
                .map_or_else(|| Arc::new(Breaker::new(State::new(breaker))), |old| Arc::clone(&old.breaker)),
            budget: kept_budget.map_or_else(
                || Arc::new(Budget::new(retry.budget_ratio, retry.budget_min)),
                |old| Arc::clone(&old.budget),
            ),
            shelf: kept_shelf.map_or_else(
                || Arc::new(Shelf::new(retry.replay_body, retry.replay_total)),
                |old| Arc::clone(&old.shelf),
            ),
            counts: old.map(|old| Arc::clone(&old.counts)).unwrap_or_default(),
        }
    }

    /// Where its breaker stands.
    pub(crate) fn position(&self) -> Position {
        self.breaker.position(Instant::now())
    }

    /// Until when its breaker lets nothing in.
    pub(crate) fn open_until(&self) -> Option<Instant> {
        self.breaker.open_until()
    }

    /// How many repeats its retry budget still allows just now: a whole number.
    pub(crate) fn repeats_left(&self) -> f64 {
        self.budget.left(Instant::now())
    }

    /// Failures in a row that its breaker has seen while it lets calls pass.
    pub(crate) fn failures(&self) -> u32 {
        self.breaker.failures()
    }

    /// Attempts that have not ended.
    pub(crate) fn under_way(&self) -> usize {
        self.counts.get().map_or(0, |counts| counts.under_way())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::secret::Sources;

    fn config(settings: &str) -> Config {
        let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        let text = format!("[upstreams.main]\nbase_url = \"http://a/v1\"\n{settings}");
        Config::parse(&text, Path::new(""), sources).expect("a configuration")
    }

    /// Which of breaker, budget and shelf are the same.
    fn kept(old: &UpstreamHealth, new: &UpstreamHealth) -> [bool; 3] {
        [
            Arc::ptr_eq(&old.breaker, &new.breaker),
            Arc::ptr_eq(&old.budget, &new.budget),
            Arc::ptr_eq(&old.shelf, &new.shelf),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_of_a_server_is_kept_under_the_same_settings() {
        let old = next(&config(""), &AllUpstreamHealth::new());
        for (settings, expected) in [
            ("", [true; 3]),
            ("submit_timeout = \"1s\"\nretry.attempts = 1", [true; 3]),
            ("breaker.consecutive = 1", [false, true, true]),
            ("retry.budget_min = 1", [true, false, true]),
            ("retry.replay_total = 1", [true, true, false]),
        ] {
            let new = next(&config(settings), &old);
            assert_eq!(kept(&old["main"], &new["main"]), expected, "{settings}");
        }
        let mut elsewhere = config("");
        elsewhere.upstreams[0].base = Base::loopback(([127, 0, 0, 1], 1).into());
        assert_eq!(kept(&old["main"], &next(&elsewhere, &old)["main"]), [false, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn vitals_can_be_read() {
        let vitals = next(&config("retry.budget_min = 7"), &AllUpstreamHealth::new());
        let vitals = &vitals["main"];
        assert_eq!((vitals.position(), vitals.open_until()), (Position::Closed, None));
        assert!((vitals.repeats_left() - 7.0).abs() < f64::EPSILON);
        vitals.budget.take(Instant::now());
        assert!((vitals.repeats_left() - 6.0).abs() < f64::EPSILON);
    }
}
