//! How much is spent, in each of the units a budget counts.

use std::ops::Add;

use crate::config::budget::Limits;
use crate::money::Money;

/// So much of everything a budget counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Paid calls.
    pub requests: u64,
    /// Seconds of video.
    pub seconds: u64,
    /// What they cost.
    pub money: Money,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Paid calls.
    Requests,
    /// Seconds of video.
    Seconds,
    /// What they cost.
    Money,
}

impl Unit {
    /// All there are.
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Seconds, Self::Money];

    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Seconds => "seconds",
            Self::Money => "money",
        }
    }

    /// How much of it there is; money in millionths.
    pub(super) const fn of(self, amount: &Amount) -> u64 {
        match self {
            Self::Requests => amount.requests,
            Self::Seconds => amount.seconds,
            Self::Money => amount.money.0,
        }
    }

    /// How much of it there may be; money in millionths.
    pub(super) fn limit(self, limits: &Limits) -> Option<u64> {
        match self {
            Self::Requests => limits.requests,
            Self::Seconds => limits.seconds,
            Self::Money => limits.money.map(|money| money.0),
        }
    }

    /// A number of it as people and gauges read it: money in units of the currency.
    pub(super) fn shown(self, number: u64) -> f64 {
        match self {
            Self::Money => Money(number).units(),
            #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 of anything")]
            Self::Requests | Self::Seconds => number as f64,
        }
    }
}

impl Amount {
    /// So much less of each; nothing at least.
    pub(crate) fn saturating_sub(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            seconds: self.seconds.saturating_sub(other.seconds),
            money: self.money.saturating_sub(other.money),
        }
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            seconds: self.seconds.saturating_add(other.seconds),
            money: self.money + other.money,
        }
    }
}
