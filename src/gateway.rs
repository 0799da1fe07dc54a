//! The immutable snapshot that one request sees, and the handle that yields the current one.

use std::sync::Arc;

use crate::config::Config;
use crate::ledger::{Ledger, Unopened};
use crate::metrics::Metrics;
use crate::quota::Quotas;
use crate::quota::load::Load;
use crate::quota::slots::{Job, Slots, Wanted};

/// Everything a request is decided by.
#[derive(Debug)]
pub struct Gateway {
    /// What the operator decided.
    pub config: Config,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Where every paid call is written down.
    pub(crate) ledger: Ledger,
    /// How many calls there may be in a time.
    pub(crate) quotas: Quotas,
    /// How many jobs may run at once.
    pub(crate) slots: Arc<Slots>,
    /// How many calls may be under way at once.
    pub(crate) load: Load,
}

impl Gateway {
    /// A gateway of this configuration: opens its ledger, and fills its buckets.
    ///
    /// # Errors
    /// If the ledger cannot be opened.
    pub fn new(config: Config, metrics: Arc<Metrics>) -> Result<Self, Unopened> {
        Ok(Self {
            ledger: Ledger::open(&config.ledger, &metrics)?,
            quotas: Quotas::new(&config, &metrics),
            slots: Slots::new(&config),
            load: Load::new(config.limits.in_flight),
            config,
            metrics,
        })
    }

    /// The page Prometheus scrapes.
    #[must_use]
    pub fn page(&self) -> Vec<u8> {
        for usage in self.slots.in_use() {
            let labels = [usage.scope.word(), &*usage.name];
            self.metrics.slots_in_use.with_label_values(&labels).set(count(usage.in_use));
            self.metrics.slots_waiting.with_label_values(&labels).set(count(usage.waiting));
        }
        self.metrics.page()
    }

    /// Gives the jobs that were running when an earlier process ended their slots back. To be called before any
    /// request comes.
    pub async fn restore_slots(&self) {
        // What the ledger does not know cannot be restored; that it failed is in the log.
        let jobs = self.ledger.unfinished(self.config.jobs.max_hold).await.unwrap_or_default();
        for job in jobs {
            let wanted =
                Wanted { upstream: &job.upstream, model: job.model.as_deref(), key: Some(&*job.client) };
            let age = self.ledger.age(&job);
            let name = Job { upstream: Arc::clone(&job.upstream), id: job.id.to_string() };
            self.slots.restore(name, &wanted, age);
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Yields the current snapshot. A request asks once and keeps what it got.
#[derive(Clone, Debug)]
pub struct Live(Arc<Gateway>);

impl Live {
    /// A handle on this snapshot.
    #[must_use]
    pub fn new(gateway: Gateway) -> Self {
        Self(Arc::new(gateway))
    }

    /// The snapshot for a request that begins now.
    #[must_use]
    pub fn current(&self) -> Arc<Gateway> {
        Arc::clone(&self.0)
    }
}
