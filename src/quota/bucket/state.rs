//! How full a bucket is, and who stands before it. Its bucket has the lock.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::NotKeyed;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::super::clock::{Moment, TokioClock};
use super::super::fifo_queue::FifoQueue;
use super::super::tokens::{FullAt, Unsettled};
use crate::config::quota::RateQuota;

type Limiter = RateLimiter<NotKeyed, FullAt, TokioClock, NoOpMiddleware<Moment>>;

/// What stands behind a bucket's lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) quota: RateQuota,
    /// When the bucket was made, or last changed: all its nanoseconds count from here.
    since: Instant,
    /// How often it was changed.
    pub(super) changes: u32,
    pub(super) limiter: Limiter,
    pub(super) full_at: FullAt,
    pub(super) unsettled: Unsettled,
    pub(super) line: FifoQueue,
}

impl State {
    /// Full.
    pub(super) fn new(quota: RateQuota) -> Self {
        let full_at = FullAt::default();
        Self {
            limiter: limiter(&quota, full_at.clone()),
            since: Instant::now(),
            changes: 0,
            full_at,
            unsettled: Unsettled::default(),
            line: FifoQueue::default(),
            quota,
        }
    }

    /// Goes on under other settings; see [`Bucket::change`](super::Bucket::change).
    pub(super) fn change(&mut self, quota: RateQuota) {
        let (now, old, new) = (self.now(), whole(&self.quota), whole(&quota));
        let nanos = |nanos: u128| u64::try_from(nanos).unwrap_or(u64::MAX);
        // What is missing is rounded up, and what may come back down: never is less used than was.
        let moment = |at: u64| nanos((u128::from(at.saturating_sub(now)) * new).div_ceil(old));
        let cost = |cost: u64| nanos(u128::from(cost) * new / old);
        self.full_at.set(moment(self.full_at.get()));
        self.unsettled.convert(moment, cost);
        self.limiter = limiter(&quota, self.full_at.clone());
        self.since = Instant::now();
        self.quota = quota;
        self.changes += 1;
        self.line.call_all();
    }

    /// From now on it is as full as one that will be full in this time.
    pub(super) fn refill_in(&mut self, time: Duration) {
        self.unsettled = Unsettled::default();
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.full_at.set(self.now().saturating_add(time));
        self.line.call_first();
    }

    /// How long it takes until it is the turn of somebody with so many before.
    pub(super) fn wait(&self, before: usize, now: Instant) -> Duration {
        let behind = self.quota.rate.interval() * u32::try_from(before).unwrap_or(u32::MAX);
        self.next_token().saturating_duration_since(now) + behind
    }

    /// When there will be a token for whoever is first.
    fn next_token(&self) -> Instant {
        let all_but_one = interval(&self.quota) * u64::from(self.quota.burst.get() - 1);
        self.since + Duration::from_nanos(self.full_at.get().saturating_sub(all_but_one))
    }

    /// Nanoseconds since the bucket was made or changed.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn limiter(quota: &RateQuota, full_at: FullAt) -> Limiter {
    // The interval of a rate is never zero.
    let rate = Quota::with_period(quota.rate.interval()).unwrap_or(Quota::per_second(NonZeroU32::MIN));
    RateLimiter::new(rate.allow_burst(quota.burst), full_at, TokioClock)
}

/// Nanoseconds it takes to refill one token.
pub(super) fn interval(quota: &RateQuota) -> u64 {
    u64::try_from(quota.rate.interval().as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds it takes to refill all of it.
fn whole(quota: &RateQuota) -> u128 {
    u128::from(interval(quota)) * u128::from(quota.burst.get())
}
