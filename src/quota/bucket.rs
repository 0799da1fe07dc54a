//! A token bucket: so many calls in so much time, first come first served.
//!
//! Knows nothing of keys, models and upstreams. A token is taken before it is known whether the call goes out, and
//! comes back unless it does: a request that is refused for another reason spends nothing.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::NotKeyed;
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep_until};

use super::clock::{Moment, TokioClock};
use super::line::{Line, Ticket};
use super::patience::Patience;
use super::standing::Standing;
use super::tokens::{FullAt, Unsettled};
use crate::config::quota::{Rate, RateQuota};

type Limiter = RateLimiter<NotKeyed, FullAt, TokioClock, NoOpMiddleware<Moment>>;

/// A token bucket and the line before it.
#[derive(Debug)]
pub(crate) struct Bucket {
    quota: RateQuota,
    /// When the bucket was made: all its nanoseconds count from here.
    since: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limiter: Limiter,
    full_at: FullAt,
    unsettled: Unsettled,
    line: Line,
}

/// A token that was taken. Goes back into the bucket when it is dropped, unless it was committed.
#[derive(Debug)]
#[must_use = "a token that is dropped goes back"]
pub(crate) struct Spent {
    bucket: Arc<Bucket>,
    number: u64,
    committed: bool,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The bucket is empty, and stays so for longer than the call may wait.
    Empty {
        /// What is allowed.
        rate: Rate,
        /// How long until there would be a token for this call.
        wait: Duration,
    },
    /// What all gateways share is away, and nobody gets anything without it.
    Away,
    /// The process was told to stop before it was the call's turn.
    Stopping,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(quota: RateQuota) -> Arc<Self> {
        let full_at = FullAt::default();
        // The interval of a rate is never zero.
        let rate = Quota::with_period(quota.rate.interval()).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let limiter = RateLimiter::new(rate.allow_burst(quota.burst), full_at.clone(), TokioClock);
        let state = State { limiter, full_at, unsettled: Unsettled::default(), line: Line::default() };
        Arc::new(Self { quota, since: Instant::now(), state: Mutex::new(state) })
    }

    /// Takes a token: at once where there is one and nobody waits for it, else after a wait within the bucket's bound
    /// and the caller's. Whoever would wait in vain is refused at once.
    pub(crate) async fn take(self: &Arc<Self>, patience: &Patience) -> Result<Spent, Refused> {
        let most = patience.within(self.quota.wait);
        let waiting = {
            let mut state = self.lock();
            let before = state.line.len();
            let free = if before == 0 { self.try_take(&mut state) } else { Err(self.next_token(&state)) };
            let at = match free {
                Ok(spent) => return Ok(spent),
                Err(at) => at,
            };
            let behind = self.quota.rate.interval() * u32::try_from(before).unwrap_or(u32::MAX);
            let wait = at.saturating_duration_since(Instant::now()) + behind;
            if before >= self.quota.queue || wait > most {
                return Err(Refused::Empty { rate: self.quota.rate, wait });
            }
            Waiting { bucket: self, ticket: state.line.join() }
        };
        // The wait needs no other bound than what was just calculated: nobody gets in between.
        patience.while_serving(waiting.turn()).await.ok_or(Refused::Stopping)
    }

    /// How much is left, without taking any of it.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.lock();
        let refill = state.full_at.get().saturating_sub(self.now());
        let limit = self.quota.burst.get();
        let missing = u32::try_from(refill.div_ceil(self.interval())).unwrap_or(u32::MAX);
        let remaining = if state.line.is_empty() { limit.saturating_sub(missing) } else { 0 };
        Standing { limit, remaining, reset: Duration::from_nanos(refill) }
    }

    /// From now on it is as full as one that will be full in this time. No token that was taken before comes back.
    pub(super) fn refill_in(&self, time: Duration) {
        let mut state = self.lock();
        state.unsettled = Unsettled::default();
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        state.full_at.set(self.now().saturating_add(time));
        state.line.call_first();
    }

    /// Takes a token if there is one, or tells when there will be.
    fn try_take(self: &Arc<Self>, state: &mut State) -> Result<Spent, Instant> {
        state.limiter.check().map_err(|refused| refused.earliest_possible().0)?;
        let number = state.unsettled.add(state.full_at.get());
        Ok(Spent { bucket: Arc::clone(self), number, committed: false })
    }

    /// When there will be a token for whoever is first.
    fn next_token(&self, state: &State) -> Instant {
        let all_but_one = self.interval() * u64::from(self.quota.burst.get() - 1);
        self.since + Duration::from_nanos(state.full_at.get().saturating_sub(all_but_one))
    }

    fn give_back(&self, number: u64) {
        let mut state = self.lock();
        let worth = state.unsettled.give_back(number, self.now(), self.interval());
        state.full_at.bring_forward(worth);
        state.line.call_first();
    }

    /// Nanoseconds since the bucket was made.
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Nanoseconds it takes to refill one token.
    fn interval(&self) -> u64 {
        u64::try_from(self.quota.rate.interval().as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    #[cfg(test)]
    pub(super) fn unsettled(&self) -> usize {
        self.lock().unsettled.len()
    }
}

impl Spent {
    /// The call went out: the token is spent for good.
    pub(crate) fn commit(mut self) {
        self.committed = true;
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        if self.committed {
            self.bucket.lock().unsettled.settle(self.number);
        } else {
            self.bucket.give_back(self.number);
        }
    }
}

/// Somebody before an empty bucket. Dropped, it leaves the line, whether it was served or went away.
struct Waiting<'b> {
    bucket: &'b Arc<Bucket>,
    ticket: Ticket,
}

impl Waiting<'_> {
    async fn turn(&self) -> Spent {
        loop {
            match self.look() {
                Ok(spent) => return spent,
                // A token that is given back comes sooner than one that is refilled.
                Err(Some(at)) => {
                    tokio::select! { () = sleep_until(at) => (), () = self.ticket.notified() => () }
                }
                Err(None) => self.ticket.notified().await,
            }
        }
    }

    /// A token; or when there will be one, if it is the bearer's turn.
    fn look(&self) -> Result<Spent, Option<Instant>> {
        let mut state = self.bucket.lock();
        if state.line.is_first(&self.ticket) {
            self.bucket.try_take(&mut state).map_err(Some)
        } else {
            Err(None)
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bucket.lock().line.leave(&self.ticket);
    }
}
