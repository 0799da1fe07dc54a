//! Whether the disk is quick enough to be waited for by a worker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How the disk did of late.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    /// Until when it is not trusted, in milliseconds since then.
    slow_until: AtomicU64,
}

/// Longer than copying a piece of memory takes, even on a busy machine, and shorter than what anybody would notice.
const QUICK: Duration = Duration::from_millis(5);

/// How long a disk is not trusted that was slow. Threads look as well: one that stays slow is not trusted all that time.
const SLOW: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), slow_until: AtomicU64::new(0) }
    }

    /// Whether it was slow a moment ago.
    pub(super) fn is_slow(&self) -> bool {
        self.millis(Instant::now()) < self.slow_until.load(Ordering::Relaxed)
    }

    /// Does what takes the disk, and looks how long it takes.
    pub(super) fn of<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        let now = Instant::now();
        if now.duration_since(began) > QUICK {
            self.slow_until.fetch_max(self.millis(now + SLOW), Ordering::Relaxed);
        }
        done
    }

    /// As if it had been slow now.
    #[cfg(test)]
    pub(super) fn distrust(&self) {
        self.slow_until.store(self.millis(Instant::now() + SLOW), Ordering::Relaxed);
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_was_slow_is_not_trusted_for_a_second() {
        let pace = Pace::new();
        assert_eq!(pace.of(|| 7), 7);
        assert!(!pace.is_slow());
        pace.distrust();
        tokio::time::advance(SLOW - Duration::from_millis(1)).await;
        assert!(pace.is_slow());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!pace.is_slow());
    }
}
