//! Job slots: how many jobs may run at once. Video capacity is a limit on that, more than on calls in a time.
//!
//! A slot is taken before a create goes out and held until the job is seen to have ended, which may be hours of
//! polls later, or a restart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use tokio::time::Instant;

pub(crate) use super::jobs::{Job, Overdue};

use super::concurrency_limit::{Closed, Usage};
use super::jobs::{Holding, Jobs};
use super::quota_metrics::Limit;
use super::wait_budget::WaitBudget;
use crate::config::Config;
use crate::rejection::Rejection;

mod limits;

use limits::{Limits, Scoped};
pub(crate) use limits::{Running, Scope, Wanted};

/// All slots of the process, and the jobs that hold them. They outlive a reload, which may change their numbers.
#[derive(Debug)]
pub(crate) struct Slots {
    limits: ArcSwap<Limits>,
    jobs: Mutex<Jobs>,
}

/// The slots of a job to be. They are free again when it is dropped, unless they are kept for the job.
#[derive(Debug)]
#[must_use = "slots that are dropped are free again"]
pub(crate) struct Held {
    slots: Arc<Slots>,
    holding: Holding,
}

/// How the slots of one name are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// What they belong to.
    pub scope: Scope,
    /// Its name in the configuration; empty for everybody's.
    pub name: Arc<str>,
    /// How many there are, and so on; who waits are creates.
    pub usage: Usage,
}

impl Slots {
    /// The slots of a configuration, all of them free.
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let limits = Limits::of(config, |_, _| None);
        Arc::new(Self { limits: ArcSwap::from_pointee(limits), jobs: Mutex::default() })
    }

    /// Goes on with the numbers of this configuration. Jobs that run hold their slots of it, whether or not they are
    /// free: also of what had no number before, as far as they are among the `running` or held others. What has no
    /// number any more lets everybody in.
    pub(crate) fn resize(&self, config: &Config, running: Vec<Running>) {
        let old = self.limits.load_full();
        let next = Arc::new(Limits::of(config, |scope, name| old.gate(scope, name).cloned()));
        {
            let mut jobs = self.lock();
            jobs.revise(|upstream, holding| {
                holding.places.retain(|place| next.gates.iter().any(|scoped| place.is_behind(&scoped.gate)));
                next.complete(upstream, holding);
            });
            for one in running {
                next.restore(&mut jobs, one);
            }
            // Whatever becomes a job from now on is counted by these.
            self.limits.store(Arc::clone(&next));
        }
        for Scoped { scope, name, gate } in &old.gates {
            if next.gate(*scope, name).is_none() {
                gate.open();
            }
        }
    }

    /// Takes every slot that a job needs, each after a wait within its bounds.
    ///
    /// All callers take them in the same order, so that no two can wait for each other; and a slot that somebody
    /// waits with is one that counts for what it is about to become.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        wanted: &Wanted<'_>,
        patience: &WaitBudget,
    ) -> Result<Held, Rejection> {
        let owned = |name: Option<&str>| name.map(Arc::from);
        let holding = Holding { model: owned(wanted.model), key: owned(wanted.key), ..Holding::default() };
        let mut held = Held { slots: Arc::clone(self), holding };
        let limits = self.limits.load_full();
        for gate in limits.gates_of(wanted) {
            let place = patience.turn(Limit::Slots, gate.enter(patience)).await.map_err(|why| match why {
                Closed::Full => Rejection::TooManyJobs,
                Closed::Stopping => Rejection::Stopping,
            })?;
            held.holding.places.push(place);
        }
        Ok(held)
    }

    /// The slots of a call that makes no job: none.
    pub(crate) fn none(self: &Arc<Self>) -> Held {
        Held { slots: Arc::clone(self), holding: Holding::default() }
    }

    /// Takes the slots of a job that was running before the process was started, whether or not they are free: it runs
    /// in any case. Where there are too many, new ones have to wait.
    pub(crate) fn restore(&self, running: Running) {
        self.limits.load().restore(&mut self.lock(), running);
    }

    /// The job has ended, or is gone: its slots are free. Says so more than once without harm.
    pub(crate) fn finished(&self, upstream: &str, id: &str) {
        // Freed outside of the lock: it lets others in.
        let places = self.lock().remove(upstream, id);
        drop(places);
    }

    /// A client asked for the job, and will again: the gateway need not. Yields whether the job holds slots.
    pub(crate) fn seen(&self, upstream: &str, id: &str) -> bool {
        self.lock().seen(upstream, id, Instant::now)
    }

    /// The jobs that nobody polls and the gateway should, and those whose slots it has just given up. To be asked
    /// every few seconds.
    pub(crate) fn overdue(&self, now: Instant) -> Overdue {
        let (due, freed) = self.lock().overdue(&self.limits.load().watch, now);
        drop(freed);
        due
    }

    /// How every configured number of slots is used.
    pub(crate) fn in_use(&self) -> Vec<Used> {
        let limits = self.limits.load();
        let used = limits.gates.iter().map(|Scoped { scope, name, gate }| Used {
            scope: *scope,
            name: Arc::clone(name),
            usage: gate.usage(),
        });
        used.collect()
    }

    /// How many jobs hold slots.
    #[cfg(test)]
    pub(crate) fn jobs(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The create has made a job: the slots are the job's until it has ended. `credential`: with what its client may
    /// ask for it.
    pub(crate) fn keep_for(self, job: Job, credential: HeaderMap) {
        let Self { slots, holding } = self;
        let mut jobs = slots.lock();
        slots.limits.load().keep(&mut jobs, (job, Holding { credential, ..holding }), Duration::ZERO);
    }
}
