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

/// A token bucket and the line before it. Outlives a reload, which may change its settings.
#[derive(Debug)]
pub(crate) struct Bucket(Mutex<State>);

#[derive(Debug)]
struct State {
    quota: RateQuota,
    /// When the bucket was made, or last changed: all its nanoseconds count from here.
    since: Instant,
    /// How often it was changed.
    changes: u32,
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
    /// The process was told to stop before it was the call's turn.
    Stopping,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(quota: RateQuota) -> Arc<Self> {
        let full_at = FullAt::default();
        Arc::new(Self(Mutex::new(State {
            limiter: limiter(&quota, full_at.clone()),
            since: Instant::now(),
            changes: 0,
            full_at,
            unsettled: Unsettled::default(),
            line: Line::default(),
            quota,
        })))
    }

    /// The bucket of these settings: the one there was, if there was one.
    pub(super) fn next(old: Option<&Arc<Self>>, quota: Option<RateQuota>) -> Option<Arc<Self>> {
        let quota = quota?;
        let Some(old) = old else { return Some(Self::new(quota)) };
        old.change(quota);
        Some(Arc::clone(old))
    }

    /// Goes on under other settings. The share of the bucket that was used stays used: whoever raises a limit hands
    /// out no new burst. Those in line keep their places, unless they would now wait in vain.
    pub(super) fn change(&self, quota: RateQuota) {
        let mut state = self.lock();
        if state.quota != quota {
            state.change(quota);
        }
    }

    /// Takes a token: at once where there is one and nobody waits for it, else after a wait within the bucket's bound
    /// and the caller's. Whoever would wait in vain is refused at once.
    pub(crate) async fn take(self: &Arc<Self>, patience: &Patience) -> Result<Spent, Refused> {
        let waiting = {
            let mut state = self.lock();
            let before = state.line.len();
            if before == 0
                && let Ok(spent) = self.try_take(&mut state)
            {
                return Ok(spent);
            }
            let until = Instant::now() + patience.within(state.quota.wait);
            let refused = state.in_vain(before, until);
            if let Some(refused) = refused.or_else(|| state.is_full().then(|| state.empty(before))) {
                return Err(refused);
            }
            Waiting { bucket: self, ticket: state.line.join(), until, changes: state.changes }
        };
        // The wait needs no other bound than what was just calculated: nobody gets in between.
        patience.while_serving(waiting.turn()).await.unwrap_or(Err(Refused::Stopping))
    }

    /// How much is left, without taking any of it.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.lock();
        let refill = state.full_at.get().saturating_sub(state.now());
        let limit = state.quota.burst.get();
        let missing = u32::try_from(refill.div_ceil(interval(&state.quota))).unwrap_or(u32::MAX);
        let remaining = if state.line.is_empty() { limit.saturating_sub(missing) } else { 0 };
        Standing { limit, remaining, reset: Duration::from_nanos(refill) }
    }

    /// Takes a token if there is one, or tells when there will be.
    fn try_take(self: &Arc<Self>, state: &mut State) -> Result<Spent, Instant> {
        state.limiter.check().map_err(|refused| refused.earliest_possible().0)?;
        let number = state.unsettled.add(state.full_at.get(), interval(&state.quota));
        Ok(Spent { bucket: Arc::clone(self), number, committed: false })
    }

    fn give_back(&self, number: u64) {
        let mut state = self.lock();
        let now = state.now();
        let worth = state.unsettled.give_back(number, now);
        state.full_at.bring_forward(worth);
        state.line.call_first();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

impl State {
    fn change(&mut self, quota: RateQuota) {
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

    /// How long it takes until it is the turn of somebody with so many before.
    fn wait(&self, before: usize) -> Duration {
        let behind = self.quota.rate.interval() * u32::try_from(before).unwrap_or(u32::MAX);
        self.next_token().saturating_duration_since(Instant::now()) + behind
    }

    /// Whether somebody who waits until then, with so many before, waits in vain.
    fn in_vain(&self, before: usize, until: Instant) -> Option<Refused> {
        (Instant::now() + self.wait(before) > until).then(|| self.empty(before))
    }

    /// Whether nobody else may join the line.
    fn is_full(&self) -> bool {
        self.line.len() >= self.quota.queue
    }

    fn empty(&self, before: usize) -> Refused {
        Refused::Empty { rate: self.quota.rate, wait: self.wait(before) }
    }

    /// When there will be a token for whoever is first.
    fn next_token(&self) -> Instant {
        let all_but_one = interval(&self.quota) * u64::from(self.quota.burst.get() - 1);
        self.since + Duration::from_nanos(self.full_at.get().saturating_sub(all_but_one))
    }

    /// Nanoseconds since the bucket was made or changed.
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn limiter(quota: &RateQuota, full_at: FullAt) -> Limiter {
    // The interval of a rate is never zero.
    let rate = Quota::with_period(quota.rate.interval()).unwrap_or(Quota::per_second(NonZeroU32::MIN));
    RateLimiter::new(rate.allow_burst(quota.burst), full_at, TokioClock)
}

/// Nanoseconds it takes to refill one token.
fn interval(quota: &RateQuota) -> u64 {
    u64::try_from(quota.rate.interval().as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds it takes to refill all of it.
fn whole(quota: &RateQuota) -> u128 {
    u128::from(interval(quota)) * u128::from(quota.burst.get())
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
    /// How long it is ready to wait.
    until: Instant,
    /// How often the bucket had been changed when it last looked how long it takes.
    changes: u32,
}

/// What somebody in line has to wait for.
enum NotYet {
    /// A token, which there will be then.
    Token(Instant),
    /// Being first.
    Turn,
    /// Nothing: there will be no token in time.
    Never(Refused),
}

impl Waiting<'_> {
    async fn turn(mut self) -> Result<Spent, Refused> {
        loop {
            match self.look() {
                Ok(spent) => return Ok(spent),
                Err(NotYet::Never(refused)) => return Err(refused),
                // A token that is given back comes sooner than one that is refilled.
                Err(NotYet::Token(at)) => {
                    tokio::select! { () = sleep_until(at) => (), () = self.ticket.notified() => () }
                }
                Err(NotYet::Turn) => self.ticket.notified().await,
            }
        }
    }

    /// A token, if it is the bearer's turn and there is one.
    fn look(&mut self) -> Result<Spent, NotYet> {
        let mut state = self.bucket.lock();
        if self.changes != state.changes {
            self.changes = state.changes;
            let before = state.line.before(&self.ticket);
            if let Some(refused) = state.in_vain(before, self.until) {
                return Err(NotYet::Never(refused));
            }
        }
        if state.line.is_first(&self.ticket) {
            self.bucket.try_take(&mut state).map_err(NotYet::Token)
        } else {
            Err(NotYet::Turn)
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bucket.lock().line.leave(&self.ticket);
    }
}
