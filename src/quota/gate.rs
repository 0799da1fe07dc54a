//! A gate with a number of places: whoever passes holds one until it is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::line::{Line, Ticket};
use super::patience::{InVain, Patience};
use crate::config::quota::Places;

/// A number of places, and a bounded line before them.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Places,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// May be above the number of places after [`Gate::force`].
    in_use: usize,
    line: Line,
}

/// One place behind a gate, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Gate>);

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// No place came free in time, or too many wait already.
    Full,
    /// The process was told to stop.
    Stopping,
}

impl Gate {
    pub(super) fn new(places: Places) -> Arc<Self> {
        Arc::new(Self { places, state: Mutex::default() })
    }

    /// Lets the caller in, at once where a place is free and nobody waits for it.
    pub(super) async fn enter(self: &Arc<Self>, patience: &Patience) -> Result<Place, Closed> {
        let wait = patience.within(self.places.wait);
        let waiting = {
            let mut state = self.lock();
            if state.line.is_empty() && state.in_use < self.places.number {
                state.in_use += 1;
                return Ok(Place(Arc::clone(self)));
            }
            if wait.is_zero() || state.line.len() >= self.places.queue {
                return Err(Closed::Full);
            }
            Waiting { gate: self, ticket: state.line.join() }
        };
        patience.wait(wait, waiting.turn()).await.map_err(|why| match why {
            InVain::TimeUp => Closed::Full,
            InVain::Stopping => Closed::Stopping,
        })
    }

    /// A place for somebody who is in already, whether or not there is one.
    pub(super) fn force(self: &Arc<Self>) -> Place {
        self.lock().in_use += 1;
        Place(Arc::clone(self))
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.places.number
    }

    /// How many places are taken.
    pub(crate) fn in_use(&self) -> usize {
        self.lock().in_use
    }

    /// How many wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_use = state.in_use.saturating_sub(1);
        state.line.call_first();
    }
}

/// Somebody before the gate. Dropped, it leaves the line, whether it was let in or went away.
struct Waiting<'g> {
    gate: &'g Arc<Gate>,
    ticket: Ticket,
}

impl Waiting<'_> {
    async fn turn(&self) -> Place {
        loop {
            if let Some(place) = self.pass() {
                return place;
            }
            self.ticket.notified().await;
        }
    }

    fn pass(&self) -> Option<Place> {
        let mut state = self.gate.lock();
        let passes = state.line.is_first(&self.ticket) && state.in_use < self.gate.places.number;
        if passes {
            state.in_use += 1;
        }
        passes.then(|| Place(Arc::clone(self.gate)))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.lock().line.leave(&self.ticket);
    }
}
