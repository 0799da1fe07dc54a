//! A gate with a number of places: whoever passes holds one until it is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fifo_queue::{FifoQueue, Waiter};
use super::wait_budget::{InVain, WaitBudget};
use crate::config::quota::Places;

/// A number of places, and a bounded line before them. Outlives a reload, which may change their number.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit(Mutex<State>);

#[derive(Debug)]
struct State {
    places: Places,
    /// May be above the number of places after [`ConcurrencyLimit::force`] and [`ConcurrencyLimit::resize`].
    in_use: usize,
    line: FifoQueue,
}

/// One place behind a gate, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<ConcurrencyLimit>);

/// How the places behind a gate are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Places there are.
    pub limit: usize,
    /// Places that are taken.
    pub in_use: usize,
    /// Those who wait for one.
    pub waiting: usize,
}

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// No place came free in time, or too many wait already.
    Full,
    /// The process was told to stop.
    Stopping,
}

impl ConcurrencyLimit {
    pub(super) fn new(places: Places) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { places, in_use: 0, line: FifoQueue::default() })))
    }

    /// Changes the number of places, and the bounds of waits that begin now. Where there are more, those who wait are
    /// let in; where there are fewer, whoever is in stays in.
    pub(super) fn resize(&self, places: Places) {
        let mut state = self.lock();
        state.places = places;
        state.line.call_first();
    }

    /// Lets everybody in from now on.
    pub(super) fn open(&self) {
        let mut state = self.lock();
        state.places.number = usize::MAX;
        state.line.call_first();
    }

    /// Lets the caller in, at once where a place is free and nobody waits for it.
    pub(super) async fn enter(self: &Arc<Self>, patience: &WaitBudget) -> Result<Permit, Closed> {
        match self.enter_at_once() {
            Some(place) => Ok(place),
            // Apart: few wait, and the room it takes would be moved about with every request.
            None => Box::pin(self.wait(patience)).await,
        }
    }

    fn enter_at_once(self: &Arc<Self>) -> Option<Permit> {
        let mut state = self.lock();
        let is_free = state.line.is_empty() && state.in_use < state.places.number;
        if is_free {
            state.in_use += 1;
        }
        is_free.then(|| Permit(Arc::clone(self)))
    }

    async fn wait(self: &Arc<Self>, patience: &WaitBudget) -> Result<Permit, Closed> {
        let (waiting, wait) = {
            let mut state = self.lock();
            let wait = patience.within(state.places.wait);
            if wait.is_zero() || state.line.len() >= state.places.queue {
                return Err(Closed::Full);
            }
            (Waiting { gate: self, ticket: state.line.join() }, wait)
        };
        patience.wait(wait, waiting.turn()).await.map_err(|why| match why {
            InVain::TimeUp => Closed::Full,
            InVain::Stopping => Closed::Stopping,
        })
    }

    /// A place for somebody who is in already, whether or not there is one.
    pub(super) fn force(self: &Arc<Self>) -> Permit {
        self.lock().in_use += 1;
        Permit(Arc::clone(self))
    }

    /// How many places there are, how many are taken, and how many wait for one.
    pub(crate) fn usage(&self) -> Usage {
        let state = self.lock();
        Usage { limit: state.places.number, in_use: state.in_use, waiting: state.line.len() }
    }

    /// How many places are taken.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        self.lock().in_use
    }

    /// How many wait for a place.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Whether it is one behind this gate.
    pub(super) fn is_behind(&self, gate: &Arc<ConcurrencyLimit>) -> bool {
        Arc::ptr_eq(&self.0, gate)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_use = state.in_use.saturating_sub(1);
        state.line.call_first();
    }
}

/// Somebody before the gate. Dropped, it leaves the line, whether it was let in or went away.
struct Waiting<'g> {
    gate: &'g Arc<ConcurrencyLimit>,
    ticket: Waiter,
}

impl Waiting<'_> {
    async fn turn(&self) -> Permit {
        loop {
            if let Some(place) = self.pass() {
                return place;
            }
            self.ticket.notified().await;
        }
    }

    fn pass(&self) -> Option<Permit> {
        let mut state = self.gate.lock();
        let passes = state.line.is_first(&self.ticket) && state.in_use < state.places.number;
        if passes {
            state.in_use += 1;
        }
        passes.then(|| Permit(Arc::clone(self.gate)))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.lock().line.leave(&self.ticket);
    }
}
