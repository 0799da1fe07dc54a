//! The immutable snapshot that one request sees, and the handle that yields the current one.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::budget::Budgets;
use crate::config::Config;
use crate::ledger::{Ledger, Unopened};
use crate::metrics::Metrics;
use crate::quota::Quotas;
use crate::quota::load::Load;
use crate::quota::slots::{Job, Running, Slots};
use crate::spool::{Spool, Unusable};
use crate::upstream::health::{self, AllUpstreamHealth};
use crate::upstream::{Transport, Upstreams};

pub(crate) mod next;

/// Everything a request is decided by. What is behind an [`Arc`] in it outlives it: the next snapshot takes it over.
#[derive(Debug)]
pub struct Gateway {
    /// What the operator decided.
    pub config: Config,
    /// Which configuration this is.
    pub version: Version,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Where every paid call is written down.
    pub(crate) ledger: Ledger,
    /// Where large files are until they are sent.
    pub(crate) spool: Arc<Spool>,
    /// How many calls there may be in a time.
    pub(crate) quotas: Arc<Quotas>,
    /// How much each key may have made.
    pub(crate) budgets: Budgets,
    /// How many jobs may run at once.
    pub(crate) slots: Arc<Slots>,
    /// How many calls may be under way at once.
    pub(crate) load: Arc<Load>,
    /// How each upstream does.
    pub(crate) vitals: AllUpstreamHealth,
    /// The connections of each worker.
    workers: Vec<Upstreams>,
}

/// Which configuration a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// How many configurations this process has had with it.
    pub generation: u64,
    /// The files it was read from: the first 12 hex digits of their SHA-256. Empty where there are none.
    pub fingerprint: String,
}

/// What a gateway cannot do without, and why it is not there: the key of the configuration, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unstarted {
    /// The ledger.
    Ledger(Unopened),
    /// The place for large files.
    Spool(Unusable),
}

impl fmt::Display for Unstarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(unopened) => unopened.fmt(f),
            Self::Spool(unusable) => unusable.fmt(f),
        }
    }
}

impl std::error::Error for Unstarted {}

impl Default for Version {
    fn default() -> Self {
        Self { generation: 1, fingerprint: String::new() }
    }
}

impl Gateway {
    /// A gateway of this configuration: opens its ledger, and fills its buckets. It has no way to its upstreams yet.
    ///
    /// # Errors
    /// If the ledger or the spool cannot be opened.
    pub fn new(config: Config, metrics: Arc<Metrics>) -> Result<Self, Unstarted> {
        Ok(Self {
            spool: Spool::open(&config.spool).map_err(Unstarted::Spool)?,
            ledger: Ledger::open(&config.ledger, &metrics).map_err(Unstarted::Ledger)?,
            quotas: Arc::new(Quotas::new(&config, &metrics)),
            budgets: Budgets::new(&config),
            slots: Slots::new(&config),
            load: Arc::new(Load::new(config.limits.in_flight)),
            vitals: health::next(&config, &AllUpstreamHealth::new()),
            workers: Vec::new(),
            version: Version::default(),
            config,
            metrics,
        })
    }

    /// The same, with connections of their own for so many workers; makes none of them yet.
    ///
    /// # Errors
    /// If a certificate authority cannot be used.
    pub fn for_workers(mut self, workers: usize) -> io::Result<Self> {
        self.workers = Upstreams::next(&self.config, &self.vitals, &vec![Upstreams::default(); workers])?;
        Ok(self)
    }

    /// The same for one worker, over a leaf of the caller's in place of connections.
    ///
    /// # Errors
    /// If an operator's credential makes no header value.
    pub fn over(mut self, leaf: &Transport) -> io::Result<Self> {
        self.workers = vec![Upstreams::over(&self.config, &self.vitals, leaf)?];
        Ok(self)
    }

    /// The same, as the first one of this configuration; see [`Version`].
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: String) -> Self {
        self.version.fingerprint = fingerprint;
        self
    }

    fn tell_version(&self) {
        let generation = i64::try_from(self.version.generation).unwrap_or(i64::MAX);
        self.metrics.config_generation.set(generation);
        self.metrics.config_last_reload_successful.set(1);
        self.metrics.config_last_reload_success.set(unix_seconds());
    }

    /// The connections of a worker.
    pub(crate) fn upstreams(&self, worker: usize) -> Upstreams {
        self.workers.get(worker).cloned().unwrap_or_default()
    }

    /// Enters what keys have used of their budgets before, according to the ledger. To be called before any request
    /// comes.
    ///
    /// # Errors
    /// If the ledger does not say: money is not spent unseen.
    pub async fn restore_budgets(&self) -> Result<(), Unopened> {
        restored(&self.budgets, &self.ledger).await
    }

    /// Gives the jobs that were running when an earlier process ended their slots back. To be called before any
    /// request comes.
    pub async fn restore_slots(&self) {
        for running in self.running_jobs().await {
            self.slots.restore(running);
        }
    }

    /// Jobs that nobody has seen at their end.
    pub(crate) async fn running_jobs(&self) -> Vec<Running> {
        // What the ledger does not know is not counted; that it failed is in the log.
        let jobs = self.ledger.unfinished(self.config.jobs.max_hold).await.unwrap_or_default();
        let running = jobs.into_iter().map(|job| Running {
            age: self.ledger.age(&job),
            job: Job { upstream: Arc::clone(&job.upstream), id: job.id.to_string() },
            model: job.model.clone(),
            key: Arc::clone(&job.client),
        });
        running.collect()
    }
}

/// Enters what the ledger knows to be used of budgets of which nothing is known yet.
async fn restored(budgets: &Budgets, ledger: &Ledger) -> Result<(), Unopened> {
    if budgets.counts_nobody() {
        return Ok(());
    }
    let now = ledger.now().system();
    let [day, month] = ledger.usage(now).await.map_err(Unopened::unread)?;
    budgets.restore([&day, &month], now);
    Ok(())
}

/// What time it is, as Prometheus counts it.
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Yields the current snapshot. A request asks once and keeps what it got. Clones yield the same one.
#[derive(Clone, Debug)]
pub struct Live {
    current: Arc<ArcSwap<Gateway>>,
    worker: usize,
}

impl Live {
    /// A handle on this snapshot, for its first worker.
    #[must_use]
    pub fn new(gateway: Gateway) -> Self {
        gateway.tell_version();
        Self { current: Arc::new(ArcSwap::from_pointee(gateway)), worker: 0 }
    }

    /// The same for another worker, counted from 0.
    #[must_use]
    pub fn for_worker(&self, worker: usize) -> Self {
        Self { current: Arc::clone(&self.current), worker }
    }

    /// The snapshot for a request that begins now.
    #[must_use]
    pub fn current(&self) -> Arc<Gateway> {
        self.current.load_full()
    }

    /// The connections of the handle's worker in a snapshot.
    pub(crate) fn upstreams(&self, gateway: &Gateway) -> Upstreams {
        gateway.upstreams(self.worker)
    }
}
