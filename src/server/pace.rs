//! Refusing must not keep the process from serving.
//!
//! A refusal takes nearly as long as forwarding. Clients that are told to come back later, and come at once, would
//! have all of the processor, so the next call on a connection whose last one found no room is looked at only after a
//! pause.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Stands in the extensions of an answer to a call that found no room.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoRoom;

/// How soon one connection's next call is looked at.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// The next call waits for so long.
    pub(super) fn pause(&self, length: Duration) {
        *self.until() = Instant::now().checked_add(length);
    }

    /// Waits until the next call's turn has come.
    pub(super) async fn turn(&self) {
        let until = self.until().take();
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_call_waits_and_the_next_does_not() {
        let (pace, began) = (Pace::default(), Instant::now());
        pace.turn().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        pace.pause(Duration::from_millis(300));
        pace.turn().await;
        assert_eq!(began.elapsed(), Duration::from_millis(300));
        pace.turn().await;
        assert_eq!(began.elapsed(), Duration::from_millis(300));
    }
}
