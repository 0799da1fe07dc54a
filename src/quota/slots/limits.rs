//! The numbers of slots a configuration names, and which of them count a job.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::concurrency_limit::ConcurrencyLimit;
use super::super::jobs::{Holding, Job, Jobs};
use crate::config::Config;
use crate::config::quota::{Quota, Watch};

/// What the configuration says.
#[derive(Debug)]
pub(super) struct Limits {
    /// In the order in which they are taken, and by name: each is found without a look at all others.
    pub(super) gates: Vec<Scoped>,
    pub(super) watch: Watch,
}

/// The gate of one name.
#[derive(Debug)]
pub(super) struct Scoped {
    pub(super) scope: Scope,
    pub(super) name: Arc<str>,
    pub(super) gate: Arc<ConcurrencyLimit>,
}

/// What a number of slots belongs to, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// A job that runs already, and holds no slots yet.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// The job.
    pub job: Job,
    /// The configured name of its model.
    pub model: Option<Arc<str>>,
    /// Its client.
    pub key: Arc<str>,
    /// How long it has been running.
    pub age: Duration,
}

/// The name of what belongs to everybody.
const EVERYBODY: &str = "";

impl Scoped {
    /// Where it stands among all.
    fn place(&self) -> (Scope, &str) {
        (self.scope, &self.name)
    }
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

impl Limits {
    /// Takes over the gates that there were.
    pub(super) fn of(config: &Config, old: impl Fn(Scope, &str) -> Option<Arc<ConcurrencyLimit>>) -> Self {
        let named = |scope| move |(name, quota): &(Arc<str>, Quota)| (scope, Arc::clone(name), *quota);
        let upstreams = config.upstreams.iter();
        let scopes = (config.auth.quotas.iter().map(named(Scope::Key)))
            .chain(config.model_quotas.iter().map(named(Scope::Model)))
            .chain([(Scope::Global, Arc::from(EVERYBODY), config.quota)])
            .chain(upstreams.map(|one| (Scope::Upstream, Arc::clone(&one.name), one.quota)));
        let gates = scopes.filter_map(|(scope, name, quota)| {
            let places = quota.jobs.filter(|places| places.number > 0)?;
            let gate = old(scope, &name).inspect(|gate| gate.resize(places));
            Some(Scoped { gate: gate.unwrap_or_else(|| ConcurrencyLimit::new(places)), scope, name })
        });
        let mut gates: Vec<_> = gates.collect();
        gates.sort_by(|one, other| one.place().cmp(&other.place()));
        Self { gates, watch: config.jobs }
    }

    pub(super) fn gate(&self, scope: Scope, name: &str) -> Option<&Arc<ConcurrencyLimit>> {
        let place = self.gates.binary_search_by(|scoped| scoped.place().cmp(&(scope, name))).ok()?;
        self.gates.get(place).map(|scoped| &scoped.gate)
    }

    pub(super) fn gates_of(&self, wanted: &Wanted<'_>) -> impl Iterator<Item = &Arc<ConcurrencyLimit>> {
        let Wanted { upstream, model, key } = *wanted;
        let names = [
            (Scope::Key, key),
            (Scope::Model, model),
            (Scope::Global, Some(EVERYBODY)),
            (Scope::Upstream, Some(upstream)),
        ];
        names.into_iter().filter_map(|(scope, name)| self.gate(scope, name?))
    }

    /// Adds the slots that are missing, free or not.
    pub(super) fn complete(&self, upstream: &str, holding: &mut Holding) {
        let Holding { places, model, key, .. } = holding;
        for gate in self.gates_of(&Wanted { upstream, model: model.as_deref(), key: key.as_deref() }) {
            if !places.iter().any(|place| place.is_behind(gate)) {
                places.push(gate.force());
            }
        }
    }

    pub(super) fn restore(&self, jobs: &mut Jobs, running: Running) {
        let Running { job, model, key, age } = running;
        if !jobs.has(&job) {
            let holding = Holding { model, key: Some(key), ..Holding::default() };
            self.keep(jobs, (job, holding), age);
        }
    }

    pub(super) fn keep(&self, jobs: &mut Jobs, (job, mut holding): (Job, Holding), age: Duration) {
        // It may have begun when there were others to be had.
        self.complete(&job.upstream, &mut holding);
        // A job without slots holds nobody up.
        if !holding.places.is_empty() {
            jobs.keep(job, holding, Instant::now() + self.watch.max_hold.saturating_sub(age));
        }
    }
}
