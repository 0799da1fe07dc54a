//! A token bucket: so many calls in so much time, first come first served.
//!
//! Knows nothing of keys, models and upstreams. A token is taken before it is known whether the call goes out, and
//! comes back unless it does: a request that is refused for another reason spends nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::fifo_queue::Waiter;
use super::rate_limit_status::RateLimitStatus;
use super::wait_budget::WaitBudget;
use crate::config::quota::{Rate, RateQuota};

mod state;

use state::{State, interval};

/// A token bucket and the line before it. Outlives a reload, which may change its settings.
#[derive(Debug)]
pub(crate) struct Bucket(Mutex<State>);

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
        Arc::new(Self(Mutex::new(State::new(quota))))
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
    pub(crate) async fn take(self: &Arc<Self>, patience: &WaitBudget) -> Result<Spent, Refused> {
        let waiting = {
            let mut state = self.lock();
            let before = state.line.len();
            if before == 0
                && let Ok(spent) = self.try_take(&mut state)
            {
                return Ok(spent);
            }
            let now = Instant::now();
            let (wait, most) = (state.wait(before, now), patience.within(state.quota.wait));
            if before >= state.quota.queue || wait > most {
                return Err(Refused::Empty { rate: state.quota.rate, wait });
            }
            let until = now.checked_add(most);
            Waiting { bucket: self, ticket: state.line.join(), until, changes: state.changes }
        };
        // The wait needs no other bound than what was just calculated: nobody gets in between.
        patience.while_serving(waiting.turn()).await.unwrap_or(Err(Refused::Stopping))
    }

    /// Takes a token if there is one and nobody waits for it.
    pub(super) fn take_at_once(self: &Arc<Self>) -> Option<Spent> {
        let mut state = self.lock();
        if state.line.is_empty() { self.try_take(&mut state).ok() } else { None }
    }

    /// How much is left, without taking any of it.
    pub(crate) fn standing(&self) -> RateLimitStatus {
        let state = self.lock();
        let refill = state.full_at.get().saturating_sub(state.now());
        let limit = state.quota.burst.get();
        let missing = u32::try_from(refill.div_ceil(interval(&state.quota))).unwrap_or(u32::MAX);
        let remaining = if state.line.is_empty() { limit.saturating_sub(missing) } else { 0 };
        RateLimitStatus { limit, remaining, reset: Duration::from_nanos(refill) }
    }

    /// From now on it is as full as one that will be full in this time. No token that was taken before comes back.
    pub(super) fn refill_in(&self, time: Duration) {
        self.lock().refill_in(time);
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
    ticket: Waiter,
    /// How long it is ready to wait, if not for ever.
    until: Option<Instant>,
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
            let now = Instant::now();
            let wait = state.wait(state.line.before(&self.ticket), now);
            if self.until.is_some_and(|until| now + wait > until) {
                return Err(NotYet::Never(Refused::Empty { rate: state.quota.rate, wait }));
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
