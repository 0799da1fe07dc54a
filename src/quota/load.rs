//! Load shedding: how many calls may be under way at once.

use std::sync::Arc;

use super::Class;
use super::concurrency_limit::{Closed, ConcurrencyLimit, Permit, Usage};
use super::quota_metrics::Limit;
use super::wait_budget::WaitBudget;
use crate::config::quota::Places;
use crate::rejection::Rejection;

/// The doors of the process. Calls that start a generation have one of their own: polls can never starve them.
#[derive(Debug)]
pub(crate) struct Load {
    submits: Arc<ConcurrencyLimit>,
    others: Arc<ConcurrencyLimit>,
}

impl Load {
    /// Doors with as many places each.
    pub(crate) fn new(places: Places) -> Self {
        Self { submits: ConcurrencyLimit::new(places), others: ConcurrencyLimit::new(places) }
    }

    /// Changes how many places there are.
    pub(crate) fn resize(&self, places: Places) {
        self.submits.resize(places);
        self.others.resize(places);
    }

    /// Lets a call in, which counts until the place is dropped. Above the limit it waits a little, then is refused.
    pub(crate) async fn enter(&self, class: Class, patience: &WaitBudget) -> Result<Permit, Rejection> {
        let entered = patience.turn(Limit::InFlight, self.gate(class).enter(patience)).await;
        entered.map_err(|why| match why {
            Closed::Full => Rejection::Overloaded,
            Closed::Stopping => Rejection::Stopping,
        })
    }

    /// How the places of creates, and those of all other calls, are used.
    pub(crate) fn usage(&self) -> [(Class, Usage); 2] {
        [(Class::Submit, self.submits.usage()), (Class::Other, self.others.usage())]
    }

    /// How many calls are under way.
    #[cfg(test)]
    pub(crate) fn in_flight(&self, class: Class) -> usize {
        self.gate(class).in_use()
    }

    fn gate(&self, class: Class) -> &Arc<ConcurrencyLimit> {
        match class {
            Class::Submit => &self.submits,
            Class::Fetch | Class::Other => &self.others,
        }
    }
}
