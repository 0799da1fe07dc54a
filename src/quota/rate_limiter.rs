//! One rate: a bucket of this process, or one that all gateways share.

use std::sync::Arc;

use super::bucket::{Bucket, Refused, Spent};
use super::rate_limit_status::RateLimitStatus;
use super::shared::{Lent, SharedBucket, SharedStore, part_of};
use super::wait_budget::WaitBudget;
use crate::config::quota::{Rate, RateQuota};

/// What a call has to pass.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// What the operator allows: all gateways together, where they share it.
    quota: RateQuota,
    /// All of it; or this process's part, for when what is shared is away.
    own: Arc<Bucket>,
    shared: Option<Arc<SharedBucket>>,
}

/// A token. Goes back where it was taken from when it is dropped, unless it was committed.
#[derive(Debug)]
#[must_use = "a token that is dropped goes back"]
pub(crate) enum Token {
    /// Of a bucket of this process.
    Own(Spent),
    /// Of one that all gateways share.
    Shared(Lent),
}

impl RateLimiter {
    /// The allowance of these settings; what was taken from the one there was stays taken. `place`: where all gateways
    /// share it, and what it is called there.
    pub(super) fn next(
        old: Option<&Arc<Self>>,
        quota: RateQuota,
        place: Option<(&Arc<SharedStore>, String)>,
    ) -> Arc<Self> {
        let server = place.as_ref().map(|(server, _)| *server);
        if let Some(same) = old.filter(|old| old.is_of(server, quota)) {
            return Arc::clone(same);
        }
        let own_quota = server.map_or(quota, |server| part_of(quota, server.replicas()));
        let own = match old {
            Some(old) => {
                old.own.change(own_quota);
                Arc::clone(&old.own)
            }
            None => Bucket::new(own_quota),
        };
        let shared = place.map(|(server, name)| SharedBucket::new(server, &name, quota, Arc::clone(&own)));
        Arc::new(Self { quota, own, shared })
    }

    fn is_of(&self, server: Option<&Arc<SharedStore>>, quota: RateQuota) -> bool {
        let same_server = match (&self.shared, server) {
            (Some(shared), Some(server)) => shared.is_of(server),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_server && self.quota == quota
    }

    /// Takes a token, as [`Bucket::take`] does.
    pub(crate) async fn take(&self, patience: &WaitBudget) -> Result<Token, Refused> {
        if self.shared.is_none()
            && let Some(spent) = self.own.take_at_once()
        {
            return Ok(Token::Own(spent));
        }
        // Apart: few wait, and the room it takes would be moved about with every request.
        Box::pin(self.wait(patience)).await
    }

    async fn wait(&self, patience: &WaitBudget) -> Result<Token, Refused> {
        let Some(shared) = &self.shared else {
            return self.own.take(patience).await.map(Token::Own);
        };
        if let Some(taken) = shared.take(patience).await {
            return taken.map(Token::Shared);
        }
        let taken = self.own.take(patience).await;
        taken.map(Token::Own).map_err(|refused| refused.of(self.quota.rate))
    }

    /// How much is left, as far as this process knows.
    pub(super) fn standing(&self) -> RateLimitStatus {
        let shared = self.shared.as_ref().and_then(|shared| shared.standing());
        shared.unwrap_or_else(|| self.own.standing())
    }
}

impl Token {
    /// The call went out: the token is spent for good.
    pub(crate) fn commit(self) {
        match self {
            Self::Own(spent) => spent.commit(),
            Self::Shared(lent) => lent.commit(),
        }
    }
}

impl Refused {
    /// The same, in terms of the rate that the operator named.
    fn of(self, rate: Rate) -> Self {
        match self {
            Self::Empty { wait, .. } => Self::Empty { rate, wait },
            Self::Away | Self::Stopping => self,
        }
    }
}
