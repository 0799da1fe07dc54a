//! How much of anything a client may ask for: calls in a time ([`Quotas`]), jobs at a time ([`slots`]), and calls
//! under way ([`load`]).
//!
//! One for the process, shared by its workers; token buckets may be shared with other gateways ([`shared`]). Everything here is made from the configuration: what a client
//! sends makes no state.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Config;
use crate::config::quota::{Quota, RateQuota};
use crate::metrics::Metrics;
use crate::rejection::Rejection;

pub(crate) mod bucket;
mod clock;
pub(crate) mod gate;
mod jobs;
pub(crate) mod limit;
mod line;
pub(crate) mod load;
pub(crate) mod patience;
mod shared;
pub(crate) mod slots;
pub(crate) mod standing;
#[cfg(test)]
mod tests;
mod tokens;

use bucket::{Bucket, Refused};
use limit::{Limit, Token};
use patience::Patience;
use shared::{SharedBucket, SharedStore, part_of};
use standing::Standing;

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
    pub patience: &'a Patience,
}

/// Every token bucket there is.
#[derive(Debug)]
pub(crate) struct Quotas {
    keys: HashMap<Arc<str>, Buckets>,
    models: HashMap<Arc<str>, Buckets>,
    upstreams: HashMap<Arc<str>, Buckets>,
    global: Buckets,
}

/// The tokens one call took, at most one of each bucket it passes. They go back when it is dropped, unless it was
/// committed.
#[derive(Debug, Default)]
#[must_use = "tokens that are dropped go back"]
pub(crate) struct SpentAll([Option<Token>; 3]);

impl Quotas {
    /// The buckets of a configuration, all of them full, or as full as other gateways have left them.
    pub(crate) fn new(config: &Config, metrics: &Metrics) -> Self {
        let redis = config.redis.as_ref().filter(|redis| redis.limits);
        let store = redis.map(|redis| (SharedStore::start(redis, &metrics.redis_up), redis.replicas));
        let buckets = |scope: &str, name: &Arc<str>, quota: &Quota| {
            let kept = Kept { store: store.as_ref(), name: format!("{scope}:{name}") };
            (Arc::clone(name), Buckets::new(quota, &kept))
        };
        let named = |scope: &str, quotas: &[(Arc<str>, Quota)]| {
            quotas.iter().map(|(name, quota)| buckets(scope, name, quota)).collect()
        };
        Self {
            keys: named("key", &config.auth.quotas),
            models: named("model", &config.model_quotas),
            upstreams: config
                .upstreams
                .iter()
                .map(|upstream| buckets("upstream", &upstream.name, &upstream.quota))
                .collect(),
            global: buckets("global", &Arc::from(""), &config.quota).1,
        }
    }

    /// Takes a token from each bucket that counts this call: its key's, its model's, everybody's. Where one of them
    /// refuses, the others get theirs back.
    pub(crate) async fn spend(&self, asked: &Asked<'_>) -> Result<SpentAll, Rejection> {
        let mut all = SpentAll::default();
        for (slot, bucket) in all.0.iter_mut().zip(self.of(asked)) {
            if let Some(bucket) = bucket {
                *slot = Some(bucket.take(asked.patience).await.map_err(|refused| refused.about(asked))?);
            }
        }
        Ok(all)
    }

    /// The bucket of an upstream, which counts attempts.
    pub(crate) fn upstream(&self, name: &str, class: Class) -> Option<Arc<Limit>> {
        self.upstreams.get(name)?.of(class).cloned()
    }

    /// Where this client stands with the bucket that will refuse it first.
    pub(crate) fn standing(&self, asked: &Asked<'_>) -> Option<Standing> {
        let standings = self.of(asked).into_iter().flatten().map(|bucket| bucket.standing());
        standings.reduce(Standing::tighter)
    }

    /// The buckets that count a call, in the order in which it passes them.
    fn of(&self, asked: &Asked<'_>) -> [Option<&Arc<Limit>>; 3] {
        let key = asked.key.and_then(|name| self.keys.get(name));
        let model = asked.model.and_then(|name| self.models.get(name));
        [key, model, Some(&self.global)].map(|buckets| buckets?.of(asked.class))
    }
}

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
    /// The server that all gateways share, and how many they are.
    store: Option<&'s (Arc<SharedStore>, u32)>,
    /// What they are called there.
    name: String,
}

impl Kept<'_> {
    fn limit(&self, class: &str, quota: RateQuota) -> Arc<Limit> {
        let Some((store, replicas)) = self.store else {
            return Limit::own(quota.rate, Bucket::new(quota));
        };
        let part = Bucket::new(part_of(quota, *replicas));
        let name = format!("{}:{class}", self.name);
        let shared = SharedBucket::new(store, &name, quota, Arc::clone(&part));
        Limit::shared(quota.rate, part, shared)
    }
}

/// The buckets of one name, apart for each class: polling takes nothing from creates.
#[derive(Debug)]
struct Buckets {
    submit: Option<Arc<Limit>>,
    fetch: Option<Arc<Limit>>,
    other: Option<Arc<Limit>>,
}

impl Buckets {
    fn new(quota: &Quota, kept: &Kept<'_>) -> Self {
        Self {
            submit: quota.submit.map(|quota| kept.limit("submit", quota)),
            fetch: quota.fetch.map(|quota| kept.limit("fetch", quota)),
            other: quota.other.map(|quota| kept.limit("other", quota)),
        }
    }

    fn of(&self, class: Class) -> Option<&Arc<Limit>> {
        match class {
            Class::Submit => self.submit.as_ref(),
            Class::Fetch => self.fetch.as_ref(),
            Class::Other => self.other.as_ref(),
        }
    }
}
