//! How much of anything a client may ask for: calls in a time ([`Quotas`]), jobs at a time ([`slots`]), and calls
//! under way ([`load`]).
//!
//! One for the process, shared by its workers; token buckets may be all gateways' ([`shared`]). Everything here is made
//! from the configuration: what a client sends makes no state.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Config;
use crate::config::quota::{Quota, RateQuota};
use crate::metrics::Metrics;
use crate::rejection::Rejection;

pub(crate) mod bucket;
mod clock;
pub(crate) mod concurrency_limit;
mod fifo_queue;
mod jobs;
pub(crate) mod load;
pub(crate) mod quota_metrics;
pub(crate) mod rate_limit_status;
pub(crate) mod rate_limiter;
mod shared;
pub(crate) mod slots;
#[cfg(test)]
mod tests;
mod tokens;
pub(crate) mod wait_budget;

use bucket::Refused;
use quota_metrics::Limit;
use rate_limit_status::RateLimitStatus;
use rate_limiter::{RateLimiter, Token};
use shared::SharedStore;
use wait_budget::WaitBudget;

/// Which calls share a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Calls that start, and bill, a generation.
    Submit,
    /// Calls that read, list, download or delete videos.
    Fetch,
    /// Calls that are not about videos.
    Other,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Submit, Self::Fetch, Self::Other];

    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Fetch => "fetch",
            Self::Other => "other",
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// What the call does.
    pub class: Class,
    /// The configured name of the client's key.
    pub key: Option<&'a str>,
    /// The configured name of the model.
    pub model: Option<&'a str>,
    /// How long it may wait.
    pub patience: &'a WaitBudget,
}

/// Every token bucket there is.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    keys: HashMap<Arc<str>, Buckets>,
    models: HashMap<Arc<str>, Buckets>,
    upstreams: HashMap<Arc<str>, Buckets>,
    global: Buckets,
    /// What all gateways share, if they do.
    server: Option<Arc<SharedStore>>,
}

/// The tokens one call took, at most one of each bucket it passes. They go back when it is dropped, unless it was
/// committed.
#[derive(Debug, Default)]
#[must_use = "tokens that are dropped go back"]
pub(crate) struct SpentAll([Option<Token>; 3]);

impl Quotas {
    /// The buckets of a configuration, all of them full, or as full as other gateways have left them.
    pub(crate) fn new(config: &Config, metrics: &Metrics) -> Self {
        Self::default().next(config, metrics)
    }

    /// The buckets of the next configuration. Those that it still has are the same: what was taken from them stays
    /// taken, whoever waits goes on waiting.
    pub(crate) fn next(&self, config: &Config, metrics: &Metrics) -> Self {
        let redis = config.redis.as_ref().filter(|redis| redis.limits);
        let start = || redis.map(|redis| SharedStore::start(redis, &metrics.redis_up));
        // Another one takes a restart.
        let server = self.server.clone().or_else(start);
        let next = |scope: Limit, old: &HashMap<Arc<str>, Buckets>, name: &Arc<str>, quota: &Quota| {
            let kept = Kept { server: server.as_ref(), name: format!("{}:{name}", scope.word()) };
            (Arc::clone(name), Buckets::next(old.get(name), quota, &kept))
        };
        let named = |scope, old, quotas: &[(Arc<str>, Quota)]| {
            quotas.iter().map(|(name, quota)| next(scope, old, name, quota)).collect()
        };
        let everybody = Kept { server: server.as_ref(), name: Limit::Global.word().to_owned() };
        let upstreams = config.upstreams.iter();
        Self {
            keys: named(Limit::Key, &self.keys, &config.auth.quotas),
            models: named(Limit::Model, &self.models, &config.model_quotas),
            upstreams: upstreams
                .map(|one| next(Limit::Upstream, &self.upstreams, &one.name, &one.quota))
                .collect(),
            global: Buckets::next(Some(&self.global), &config.quota, &everybody),
            server,
        }
    }

    /// Takes a token from each bucket that counts this call: its key's, its model's, everybody's. Where one of them
    /// refuses, the others get theirs back.
    pub(crate) async fn spend(&self, asked: &Asked<'_>) -> Result<SpentAll, Rejection> {
        let mut all = SpentAll::default();
        for (slot, (limit, bucket)) in all.0.iter_mut().zip(LIMITS.into_iter().zip(self.of(asked))) {
            if let Some(bucket) = bucket {
                let taken = asked.patience.turn(limit, bucket.take(asked.patience)).await;
                *slot = Some(taken.map_err(|refused| refused.about(asked))?);
            }
        }
        Ok(all)
    }

    /// The bucket of an upstream, which counts attempts.
    pub(crate) fn upstream(&self, name: &str, class: Class) -> Option<Arc<RateLimiter>> {
        self.upstreams.get(name)?.of(class).cloned()
    }

    /// Where this client stands with the bucket that will refuse it first.
    pub(crate) fn standing(&self, asked: &Asked<'_>) -> Option<RateLimitStatus> {
        let standings = self.of(asked).into_iter().flatten().map(|bucket| bucket.standing());
        standings.reduce(RateLimitStatus::tighter)
    }

    /// How every bucket stands: what it belongs to, its name (empty for everybody's) and the calls it counts.
    pub(crate) fn standings(&self) -> Vec<(Limit, Arc<str>, Class, RateLimitStatus)> {
        let named =
            [(Limit::Key, &self.keys), (Limit::Model, &self.models), (Limit::Upstream, &self.upstreams)];
        let named =
            named.into_iter().flat_map(|(limit, all)| all.iter().map(move |(name, of)| (limit, name, of)));
        let everybody = Arc::from("");
        let all = named.chain([(Limit::Global, &everybody, &self.global)]);
        let mut standings: Vec<_> = all
            .flat_map(|(limit, name, buckets)| {
                let classes = Class::ALL.into_iter();
                classes.filter_map(move |class| {
                    Some((limit, Arc::clone(name), class, buckets.of(class)?.standing()))
                })
            })
            .collect();
        standings.sort_by(|one, other| (one.0.word(), &one.1).cmp(&(other.0.word(), &other.1)));
        standings
    }

    /// The buckets that count a call, in the order in which it passes them.
    fn of(&self, asked: &Asked<'_>) -> [Option<&Arc<RateLimiter>>; 3] {
        let key = asked.key.and_then(|name| self.keys.get(name));
        let model = asked.model.and_then(|name| self.models.get(name));
        [key, model, Some(&self.global)].map(|buckets| buckets?.of(asked.class))
    }
}

/// What the buckets of [`Quotas::of`] belong to.
const LIMITS: [Limit; 3] = [Limit::Key, Limit::Model, Limit::Global];

impl SpentAll {
    /// The call went out: its tokens are spent for good.
    pub(crate) fn commit(self) {
        self.0.into_iter().flatten().for_each(Token::commit);
    }
}

impl Refused {
    /// The reason, in terms of what was asked for.
    pub(crate) fn about(self, asked: &Asked<'_>) -> Rejection {
        match self {
            Self::Empty { rate, wait } => Rejection::RateLimited {
                model: asked.model.map(str::to_owned),
                client: asked.key.map(str::to_owned),
                limit: (rate.tokens.get(), rate.per),
                wait,
            },
            Self::Away => Rejection::Overloaded,
            Self::Stopping => Rejection::Stopping,
        }
    }
}

/// Where the buckets of one name are kept.
struct Kept<'s> {
    server: Option<&'s Arc<SharedStore>>,
    /// What they are called there.
    name: String,
}

impl<'s> Kept<'s> {
    /// Where the one of a class is, and what it is called there.
    fn of(&self, class: Class) -> Option<(&'s Arc<SharedStore>, String)> {
        Some((self.server?, format!("{}:{}", self.name, class.word())))
    }
}

/// The buckets of one name, apart for each class: polling takes nothing from creates.
#[derive(Debug, Default)]
struct Buckets {
    submit: Option<Arc<RateLimiter>>,
    fetch: Option<Arc<RateLimiter>>,
    other: Option<Arc<RateLimiter>>,
}

impl Buckets {
    fn next(old: Option<&Self>, quota: &Quota, kept: &Kept<'_>) -> Self {
        let next = |class: Class, quota: Option<RateQuota>| {
            let old = old.and_then(|old| old.of(class));
            quota.map(|quota| RateLimiter::next(old, quota, kept.of(class)))
        };
        Self {
            submit: next(Class::Submit, quota.submit),
            fetch: next(Class::Fetch, quota.fetch),
            other: next(Class::Other, quota.other),
        }
    }

    fn of(&self, class: Class) -> Option<&Arc<RateLimiter>> {
        match class {
            Class::Submit => self.submit.as_ref(),
            Class::Fetch => self.fetch.as_ref(),
            Class::Other => self.other.as_ref(),
        }
    }
}
