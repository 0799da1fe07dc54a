//! What a token bucket remembers: how full it is, and which tokens may still come back.
//!
//! Both count in nanoseconds since the bucket was made. A bucket is full again at one moment, which every token
//! taken moves on by the time it takes to refill one (GCRA's theoretical arrival time).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};

/// When the bucket is full again. Shared with governor's limiter, which lets nobody look at its own. Used under the
/// bucket's lock only.
#[derive(Clone, Debug, Default)]
pub(super) struct FullAt(Arc<AtomicU64>);

impl FullAt {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The bucket is full again then, and then alone.
    pub(super) fn set(&self, full_at: u64) {
        self.0.store(full_at, Ordering::Relaxed);
    }

    /// The bucket is full sooner by this much.
    pub(super) fn bring_forward(&self, by: u64) {
        self.set(self.get().saturating_sub(by));
    }
}

impl StateStore for FullAt {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, full_at) = decide(Some(self.get().into()))?;
        self.0.store(full_at.as_u64(), Ordering::Relaxed);
        Ok(outcome)
    }
}

/// Tokens that were taken and may still be given back, in the order they were taken.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    next: u64,
    tokens: VecDeque<Token>,
}

#[derive(Debug)]
struct Token {
    number: u64,
    /// When the bucket is full again if nothing is taken after this one.
    full_at: u64,
    /// How much sooner it would have been full without it.
    cost: u64,
}

impl Unsettled {
    /// Remembers a token. Yields the number it is known by.
    pub(super) fn add(&mut self, full_at: u64, cost: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.tokens.push_back(Token { number, full_at, cost });
        number
    }

    /// The bucket has become another: every moment and every cost is what these make of it.
    pub(super) fn convert(&mut self, moment: impl Fn(u64) -> u64, cost: impl Fn(u64) -> u64) {
        for token in &mut self.tokens {
            token.full_at = moment(token.full_at);
            token.cost = cost(token.cost);
        }
    }

    /// Forgets a token that is spent for good.
    pub(super) fn settle(&mut self, number: u64) {
        self.remove(number);
    }

    /// Forgets a token that comes back. Yields what it is still worth, in nanoseconds of refilling: at most its cost,
    /// and nothing once the bucket would be full again with it gone. A full bucket does not hold what is poured
    /// in, or more than a burst could be taken out later.
    pub(super) fn give_back(&mut self, number: u64, now: u64) -> u64 {
        let Some((place, token)) = self.remove(number) else { return 0 };
        let worth = token.full_at.saturating_sub(now).min(token.cost);
        for later in self.tokens.iter_mut().skip(place) {
            later.full_at = later.full_at.saturating_sub(worth);
        }
        worth
    }

    fn remove(&mut self, number: u64) -> Option<(usize, Token)> {
        let place = self.tokens.binary_search_by_key(&number, |token| token.number).ok()?;
        Some((place, self.tokens.remove(place)?))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }
}
