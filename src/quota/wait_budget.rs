//! How long, and until what, a call is ready to wait for its turn.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::journey::Journey;
use crate::shutdown::Stage;

/// How long, and until what, a call is ready to wait. What it waits for has bounds of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitBudget {
    /// When the whole call must be answered.
    pub deadline: Option<Instant>,
    /// What it accompanies: waits end once the process is told to stop, and turns that do not come at once are counted.
    /// Calls of our own have none.
    pub journey: Option<Journey>,
}

/// Why a wait ended in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InVain {
    /// It took too long.
    TimeUp,
    /// The process was told to stop.
    Stopping,
}

impl WaitBudget {
    /// The time that may be waited where no more than `most` may be.
    pub(super) fn within(&self, most: Duration) -> Duration {
        self.deadline.map_or(most, |deadline| deadline.saturating_duration_since(Instant::now()).min(most))
    }

    /// Waits for `turn`, no longer than `most`, and no longer than the process serves.
    pub(super) async fn wait<T>(&self, most: Duration, turn: impl Future<Output = T>) -> Result<T, InVain> {
        let in_time = self.while_serving(timeout(most, turn)).await.ok_or(InVain::Stopping)?;
        in_time.map_err(|_| InVain::TimeUp)
    }

    /// Waits for `turn`, which has bounds of its own, no longer than the process serves.
    pub(super) async fn while_serving<T>(&self, turn: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // Whoever's turn it is gets it, also while the process stops.
            biased;
            done = turn => Some(done),
            () = self.stopping() => None,
        }
    }

    /// Resolves once the process is told to stop.
    async fn stopping(&self) {
        match self.journey.as_ref().and_then(Journey::underway) {
            Some(underway) => underway.reached(Stage::Draining).await,
            None => pending().await,
        }
    }
}
