//! How much of a request's time went by in waiting for somebody else, and so was not the gateway's own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The waits of one request, which waits for one thing at a time.
#[derive(Debug)]
pub(super) struct Waits {
    /// When the request came: all nanoseconds count from here.
    came: Instant,
    /// Nanoseconds of waits that are over.
    over: AtomicU64,
    /// When the present wait began, and one nanosecond; 0 while nothing is waited for.
    began: AtomicU64,
}

impl Waits {
    /// Those of a request that came at this time.
    pub(super) const fn since(came: Instant) -> Self {
        Self { came, over: AtomicU64::new(0), began: AtomicU64::new(0) }
    }

    /// How much of the time until now was waited, the present wait included.
    pub(super) fn until(&self, now: Instant) -> Duration {
        let present = match self.began.load(Ordering::Relaxed) {
            0 => 0,
            began => self.nanos(now).saturating_sub(began - 1),
        };
        Duration::from_nanos(self.over.load(Ordering::Relaxed).saturating_add(present))
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.came).as_nanos()).unwrap_or(u64::MAX - 1)
    }
}

/// The present wait; it is over when this is dropped.
pub(super) struct Wait<'w>(&'w Waits);

impl<'w> Wait<'w> {
    pub(super) fn begin(waits: &'w Waits) -> Self {
        waits.began.store(waits.nanos(Instant::now()) + 1, Ordering::Relaxed);
        Self(waits)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let began = self.0.began.swap(0, Ordering::Relaxed);
        let took = self.0.nanos(Instant::now()).saturating_sub(began.saturating_sub(1));
        self.0.over.fetch_add(took, Ordering::Relaxed);
    }
}
