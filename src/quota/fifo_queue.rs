//! First come, first served.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

/// What somebody in a line holds. Its bearer waits for it to be called, and then looks whether it is first.
pub(super) type Waiter = Arc<Notify>;

/// Those who wait for something, in the order in which they came. Lives behind the lock of what they wait for, so
/// that joining and taking are one step.
#[derive(Debug, Default)]
pub(super) struct FifoQueue(VecDeque<Waiter>);

impl FifoQueue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A place behind everybody else.
    pub(super) fn join(&mut self) -> Waiter {
        let ticket = Waiter::default();
        self.0.push_back(Arc::clone(&ticket));
        ticket
    }

    /// Gives a place up, also after it was the bearer's turn.
    pub(super) fn leave(&mut self, ticket: &Waiter) {
        let Some(place) = self.0.iter().position(|other| Arc::ptr_eq(other, ticket)) else { return };
        self.0.remove(place);
        if place == 0 {
            self.call_first();
        }
    }

    /// Whether nobody is before the bearer.
    pub(super) fn is_first(&self, ticket: &Waiter) -> bool {
        self.0.front().is_some_and(|first| Arc::ptr_eq(first, ticket))
    }

    /// How many are before the bearer.
    pub(super) fn before(&self, ticket: &Waiter) -> usize {
        self.0.iter().take_while(|other| !Arc::ptr_eq(other, ticket)).count()
    }

    /// Lets everybody look again.
    pub(super) fn call_all(&self) {
        self.0.iter().for_each(|ticket| ticket.notify_one());
    }

    /// Lets whoever is first look again.
    pub(super) fn call_first(&self) {
        if let Some(first) = self.0.front() {
            // Kept for a bearer that is not listening just now.
            first.notify_one();
        }
    }
}
