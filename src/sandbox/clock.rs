//! One clock for everything: tokio's, so that tests can pause it, with a date put to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Tells the time since the Unix epoch.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    started_at: Duration,
}

impl Clock {
    /// Starts with the system's date, which is not looked at again.
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Time since the Unix epoch.
    pub(super) fn now(&self) -> Duration {
        self.started_at + self.started.elapsed()
    }
}
