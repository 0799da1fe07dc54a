//! How much of a request's time went by in waiting for somebody else, and so was not the gateway's own.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
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

/// Something that may have to be waited for. Pinned by whoever asks: a future that held it would be copied, and twice as
/// large.
pub(crate) struct During<'w, F> {
    waiting: Pin<&'w mut F>,
    waits: &'w Waits,
    /// Begun when it was not there at once.
    wait: Option<Wait<'w>>,
}

impl<'w, F> During<'w, F> {
    pub(super) fn of(waiting: Pin<&'w mut F>, waits: &'w Waits) -> Self {
        Self { waiting, waits, wait: None }
    }
}

impl<F: Future> Future for During<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let polled = this.waiting.as_mut().poll(cx);
        if polled.is_ready() {
            this.wait = None;
        } else if this.wait.is_none() {
            this.wait = Some(Wait::begin(this.waits));
        }
        polled
    }
}

/// The present wait; it is over when this is dropped.
struct Wait<'w>(&'w Waits);

impl<'w> Wait<'w> {
    fn begin(waits: &'w Waits) -> Self {
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
