//! One rate: a bucket of this process, or one that all gateways share.

use std::sync::Arc;

use super::bucket::{Bucket, Refused, Spent};
use super::patience::Patience;
use super::shared::{Lent, SharedBucket};
use super::standing::Standing;
use crate::config::quota::{Rate, RateQuota};

/// What a call has to pass.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// What all gateways may do together, where they share it.
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

impl RateLimit {
    /// A limit of this process alone.
    pub(super) fn own(quota: RateQuota, own: Arc<Bucket>) -> Arc<Self> {
        Arc::new(Self { quota, own, shared: None })
    }

    /// A limit of all gateways together; `own` is the part of this one.
    pub(super) fn shared(quota: RateQuota, own: Arc<Bucket>, shared: Arc<SharedBucket>) -> Arc<Self> {
        Arc::new(Self { quota, own, shared: Some(shared) })
    }

    /// Its settings.
    pub(super) fn quota(&self) -> RateQuota {
        self.quota
    }

    /// The bucket of this process.
    pub(super) fn bucket(&self) -> &Arc<Bucket> {
        &self.own
    }

    /// Takes a token, as [`Bucket::take`] does.
    pub(crate) async fn take(&self, patience: &Patience) -> Result<Token, Refused> {
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
    pub(super) fn standing(&self) -> Standing {
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
