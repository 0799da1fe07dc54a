//! Job slots: how many jobs may run at once. Video capacity is a limit on that, more than on calls in a time.
//!
//! A slot is taken before a create goes out and held until the job is seen to have ended, which may be hours of
//! polls later, or a restart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::Instant;

pub(crate) use super::jobs::{Job, Overdue};

use super::gate::{Closed, Gate, Place};
use super::jobs::Jobs;
use super::patience::Patience;
use super::turns::Limit;
use crate::config::Config;
use crate::config::quota::{Quota, Watch};
use crate::rejection::Rejection;

/// All slots of the process, and the jobs that hold them.
#[derive(Debug)]
pub(crate) struct Slots {
    /// In the order in which they are taken.
    gates: Vec<Scoped>,
    watch: Watch,
    jobs: Mutex<Jobs>,
}

/// The gate of one name.
#[derive(Debug)]
struct Scoped {
    scope: Scope,
    name: Arc<str>,
    gate: Arc<Gate>,
}

/// What a number of slots belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A client's key.
    Key,
    /// A model.
    Model,
    /// Everybody.
    Global,
    /// An upstream.
    Upstream,
}

/// Who makes a job, of what, and where. Names are those of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The upstream that will run it.
    pub upstream: &'a str,
    /// Its model.
    pub model: Option<&'a str>,
    /// The client's key.
    pub key: Option<&'a str>,
}

/// The slots of a job to be. They are free again when it is dropped, unless they are kept for the job.
#[derive(Debug)]
#[must_use = "slots that are dropped are free again"]
pub(crate) struct Held {
    slots: Arc<Slots>,
    places: Vec<Place>,
}

/// How the slots of one name are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// What they belong to.
    pub scope: Scope,
    /// Its name in the configuration; empty for everybody's.
    pub name: Arc<str>,
    /// Slots there are.
    pub limit: usize,
    /// Slots that are held.
    pub in_use: usize,
    /// Creates that wait for one.
    pub waiting: usize,
}

impl Scope {
    /// The word for it, as a label.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::Global => "global",
            Self::Upstream => "upstream",
        }
    }
}

impl Slots {
    /// The slots of a configuration, all of them free.
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let keys = config.auth.quotas.iter().map(|(name, quota)| scoped(Scope::Key, name, quota));
        let models = config.model_quotas.iter().map(|(name, quota)| scoped(Scope::Model, name, quota));
        let global = scoped(Scope::Global, &Arc::from(""), &config.quota);
        let upstreams =
            config.upstreams.iter().map(|upstream| scoped(Scope::Upstream, &upstream.name, &upstream.quota));
        let gates = keys.chain(models).chain([global]).chain(upstreams).flatten().collect();
        Arc::new(Self { gates, watch: config.jobs, jobs: Mutex::default() })
    }

    /// Takes every slot that a job needs, each after a wait within its bounds.
    ///
    /// All callers take them in the same order, so that no two can wait for each other; and a slot that somebody
    /// waits with is one that counts for what it is about to become.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        wanted: &Wanted<'_>,
        patience: &Patience,
    ) -> Result<Held, Rejection> {
        let mut held = Held { slots: Arc::clone(self), places: Vec::new() };
        for gate in self.of(wanted) {
            let place = patience.turn(Limit::Slots, gate.enter(patience)).await.map_err(|why| match why {
                Closed::Full => Rejection::TooManyJobs,
                Closed::Stopping => Rejection::Stopping,
            })?;
            held.places.push(place);
        }
        Ok(held)
    }

    /// The slots of a call that makes no job: none.
    pub(crate) fn none(self: &Arc<Self>) -> Held {
        Held { slots: Arc::clone(self), places: Vec::new() }
    }

    /// Takes the slots of a job that was running `age` ago, before the process was started, whether or not they are
    /// free: it runs in any case. Where there are too many, new ones have to wait.
    pub(crate) fn restore(&self, job: Job, wanted: &Wanted<'_>, age: Duration) {
        let places = self.of(wanted).map(Gate::force).collect();
        self.keep(job, (places, HeaderMap::new()), age);
    }

    /// The job has ended, or is gone: its slots are free. Says so more than once without harm.
    pub(crate) fn finished(&self, upstream: &str, id: &str) {
        // Freed outside of the lock: it lets others in.
        let places = self.lock().remove(upstream, id);
        drop(places);
    }

    /// A client asked for the job, and will again: the gateway need not. Yields whether the job holds slots.
    pub(crate) fn seen(&self, upstream: &str, id: &str) -> bool {
        self.lock().seen(upstream, id, Instant::now())
    }

    /// The jobs that nobody polls and the gateway should, and those whose slots it has just given up. To be asked
    /// every few seconds.
    pub(crate) fn overdue(&self, now: Instant) -> Overdue {
        let (due, freed) = self.lock().overdue(&self.watch, now);
        drop(freed);
        due
    }

    /// How every configured number of slots is used.
    pub(crate) fn in_use(&self) -> Vec<Usage> {
        let usage = self.gates.iter().map(|Scoped { scope, name, gate }| Usage {
            scope: *scope,
            name: Arc::clone(name),
            limit: gate.places(),
            in_use: gate.in_use(),
            waiting: gate.waiting(),
        });
        usage.collect()
    }

    /// How many jobs hold slots.
    #[cfg(test)]
    pub(crate) fn jobs(&self) -> usize {
        self.lock().len()
    }

    fn keep(&self, job: Job, held: (Vec<Place>, HeaderMap), age: Duration) {
        // A job without slots holds nobody up.
        if !held.0.is_empty() {
            let until = Instant::now() + self.watch.max_hold.saturating_sub(age);
            self.lock().keep(job, held, until);
        }
    }

    fn of(&self, wanted: &Wanted<'_>) -> impl Iterator<Item = &Arc<Gate>> {
        let Wanted { upstream, model, key } = *wanted;
        let counts = move |scoped: &&Scoped| match scoped.scope {
            Scope::Key => key == Some(&*scoped.name),
            Scope::Model => model == Some(&*scoped.name),
            Scope::Global => true,
            Scope::Upstream => upstream == &*scoped.name,
        };
        self.gates.iter().filter(counts).map(|scoped| &scoped.gate)
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The create has made a job: the slots are the job's until it has ended. `credential`: with what its client may
    /// ask for it.
    pub(crate) fn keep_for(self, job: Job, credential: HeaderMap) {
        let Self { slots, places } = self;
        slots.keep(job, (places, credential), Duration::ZERO);
    }
}

fn scoped(scope: Scope, name: &Arc<str>, quota: &Quota) -> Option<Scoped> {
    let limit = quota.jobs.filter(|places| places.number > 0);
    limit.map(|places| Scoped { scope, name: Arc::clone(name), gate: Gate::new(places) })
}
