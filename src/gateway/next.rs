//! From one snapshot to the next: what is made anew, and what goes on.

use std::io;
use std::sync::Arc;

use super::{Gateway, Live, Version, restored};
use crate::budget::Budgets;
use crate::config::Config;
use crate::ledger::Unopened;
use crate::quota::slots::Running;
use crate::upstream::Upstreams;
use crate::upstream::health::{self, AllUpstreamHealth};

/// The next snapshot, as far as making it can fail. Nothing of the one there is was touched for it.
#[derive(Debug)]
pub(crate) struct Prepared {
    config: Config,
    version: Version,
    vitals: AllUpstreamHealth,
    workers: Vec<Upstreams>,
}

impl Gateway {
    /// Makes what the next snapshot needs and this one cannot give it.
    ///
    /// # Errors
    /// If a certificate authority cannot be used.
    pub(crate) fn prepare(&self, config: Config, fingerprint: String) -> io::Result<Prepared> {
        let vitals = health::next(&config, &self.vitals);
        let workers = Upstreams::next(&config, &vitals, &self.workers)?;
        let version = Version { generation: self.version.generation + 1, fingerprint };
        Ok(Prepared { config, version, vitals, workers })
    }

    /// The next snapshot. What counts something goes on under its settings: calls, jobs and tokens that are under way
    /// are seen by both. `running`: jobs that nobody has seen at their end.
    fn succeeded_by(&self, prepared: Prepared, budgets: Budgets, running: Vec<Running>) -> Self {
        let Prepared { config, version, vitals, workers } = prepared;
        self.load.resize(config.limits.in_flight);
        self.slots.resize(&config, running);
        Self {
            quotas: Arc::new(self.quotas.next(&config, &self.metrics)),
            budgets,
            slots: Arc::clone(&self.slots),
            load: Arc::clone(&self.load),
            ledger: self.ledger.clone(),
            spool: Arc::clone(&self.spool),
            metrics: Arc::clone(&self.metrics),
            config,
            version,
            vitals,
            workers,
        }
    }
}

impl Live {
    /// Puts the next snapshot in the place of the current one. Whoever has that keeps it.
    ///
    /// # Errors
    /// If the ledger does not say what keys have used of budgets that are new: money is not spent unseen.
    pub(crate) async fn replace(&self, prepared: Prepared) -> Result<Arc<Gateway>, Unopened> {
        let old = self.current();
        let budgets = old.budgets.carried_over(&prepared.config);
        restored(&budgets, &old.ledger).await?;
        let running = old.running_jobs().await;
        let next = Arc::new(old.succeeded_by(prepared, budgets, running));
        self.current.store(Arc::clone(&next));
        next.tell_version();
        Ok(next)
    }
}
