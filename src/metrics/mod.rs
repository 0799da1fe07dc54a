//! What is counted. Labels come from the configuration and from closed vocabularies, never from a request.
//!
//! ```text
//! requests · upstream · quota · jobs · process   one file a subject, one line a metric
//! registering   makes them, and keeps the catalogue that `docs/metrics.md` is held to
//! raised · cells · meter   gauges that go back, series that are looked up once, bytes that pass
//! ```

use std::sync::{Mutex, PoisonError};

use prometheus::{Encoder, Error, GaugeVec, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder};

mod gauge_guard;
mod jobs;
mod label_cache;
pub(crate) mod meter;
mod process;
mod quota;
mod registering;
mod requests;
#[cfg(test)]
mod tests;
mod upstream;

pub(crate) use gauge_guard::GaugeGuard;
pub(crate) use jobs::{Jobs, Order};
pub(crate) use label_cache::LabelCache;
pub use process::{COMMIT, OptionalGauge, VERSION};
pub use registering::Definition;
pub(crate) use requests::NO_ROUTE;
pub(crate) use upstream::Upstreams;

use quota::Quotas;
use registering::Registering;
use requests::Requests;

/// Label of a model that nobody configured, or of a request that has none.
pub const NO_MODEL: &str = "unknown";

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    catalogue: Vec<Definition>,
    /// Whoever writes a page holds it.
    pages: Mutex<()>,
    pub(crate) requests: Requests,
    pub(crate) upstreams: Upstreams,
    pub(crate) quotas: Quotas,
    pub(crate) jobs: Jobs,
    /// Answers of an upstream that refused our own credential.
    pub upstream_auth_failures: IntCounterVec,
    /// How much of its budget a key has used, from 0 to 1. Set when the page is asked for.
    pub budget_used_ratio: GaugeVec,
    /// Paid calls that were answered after their client had left.
    pub orphaned: IntCounter,
    /// What was asked of the ledger's store, by operation and result.
    pub ledger_operations: IntCounterVec,
    /// Paid calls that are claimed and not settled.
    pub ledger_open: IntGauge,
    /// Whether the ledger is lost, so that paid calls are refused. Set when the page is asked for.
    pub ledger_lost: IntGauge,
    /// Bytes on disk that bodies under way hold. Set when the page is asked for, and so is the limit.
    pub spool_in_use: IntGauge,
    /// Bytes that they may hold.
    pub spool_limit: IntGauge,
    /// Whether Redis answers, where it is used.
    pub redis_up: OptionalGauge,
    /// Times the configuration was read again, by result.
    pub reloads: IntCounterVec,
    /// Whether the configuration could be used when it was last read.
    pub config_last_reload_successful: IntGauge,
    /// When the configuration was last read and used, in seconds since 1970.
    pub config_last_reload_success: IntGauge,
    /// How often the configuration has changed since the start; the first is 1.
    pub config_generation: IntGauge,
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// If two metrics have one name, which a test rules out.
    #[rustfmt::skip]
    pub fn new() -> Result<Self, Error> {
        let new = Registering::default();
        process::register(&new)?;
        // One line a metric: what it is called, what it counts, by what.
        let metrics = Self {
            requests: Requests::new(&new)?,
            upstreams: Upstreams::new(&new)?,
            quotas: Quotas::new(&new)?,
            jobs: Jobs::new(&new)?,
            upstream_auth_failures: new.counters("upstream_auth_failures_total", "Answers of an upstream that refused the gateway's own credential.", &["upstream"])?,
            budget_used_ratio: new.shares("budget_used_ratio", "The share of its budget that a key has used, from 0 to 1: the highest of its windows and units.", &["key"])?,
            orphaned: new.counter("orphaned_jobs_total", "Paid calls that were answered after their client had left. The log names their jobs.")?,
            ledger_operations: new.counters("ledger_operations_total", "What was asked of the ledger's store, and whether it was done.", &["operation", "result"])?,
            ledger_open: new.gauge("ledger_open", "Paid calls that are under way and have no outcome yet.")?,
            ledger_lost: new.gauge("ledger_lost", "Whether a file of the ledger was deleted, replaced or unmounted while it is in use, so that paid calls are refused: 1 or 0.")?,
            spool_in_use: new.gauge("spool_in_use_bytes", "Bytes of the spool that files under way hold, in whole MiB for each.")?,
            spool_limit: new.gauge("spool_limit_bytes", "Bytes that the spool may hold (spool.size).")?,
            redis_up: OptionalGauge::new(&new, "redis_up", "Whether Redis answers, where one is configured: 1 or 0.")?,
            reloads: new.counters("reloads_total", "Times the configuration was read again: ok, failed (the old one stays), unchanged.", &["result"])?,
            config_last_reload_successful: new.gauge("config_last_reload_successful", "Whether the configuration could be used when it was last read: 1 or 0.")?,
            config_last_reload_success: new.gauge("config_last_reload_success_timestamp_seconds", "When the configuration was last read and could be used, in seconds since 1970.")?,
            config_generation: new.gauge("config_generation", "Which configuration is in use, counted from the start of the process: the first is 1.")?,
            registry: Registry::new(),
            catalogue: Vec::new(),
            pages: Mutex::new(()),
        };
        let (registry, catalogue) = new.into_parts();
        Ok(Self { registry, catalogue, ..metrics })
    }

    /// Every metric there is, in no particular order; also those that have no series yet.
    #[must_use]
    pub fn catalogue(&self) -> &[Definition] {
        &self.catalogue
    }

    /// The page Prometheus scrapes, after `look` has set the gauges that tell how things are at the moment. One page
    /// at a time, so that none shows those of another half set.
    #[must_use]
    pub fn page(&self, look: impl FnOnce(&Self)) -> Vec<u8> {
        let _turn = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        look(self);
        let mut page = Vec::new();
        // Writing into memory cannot fail; a metric that cannot be encoded is left out of the page.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut page);
        page
    }
}
