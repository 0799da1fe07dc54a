//! How much of a request's time went by in waiting for somebody else, and so was not the gateway's own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::http::Extensions;
use tokio::time::Instant;

/// The waits of one request. Clones count in the same place; a request waits for one thing at a time.
#[derive(Clone, Debug)]
pub(crate) struct Waits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// When the request came: all nanoseconds count from here.
    came: Instant,
    /// Nanoseconds of waits that are over.
    over: AtomicU64,
    /// When the present wait began, and one nanosecond; 0 while nothing is waited for.
    began: AtomicU64,
}

impl Waits {
    /// Those of a request that came at this time.
    pub(crate) fn since(came: Instant) -> Self {
        Self(Arc::new(Inner { came, over: AtomicU64::new(0), began: AtomicU64::new(0) }))
    }

    /// Those of the request with these extensions. Without any, as of calls of our own, they count for nobody.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self::since(Instant::now()))
    }

    /// Waits for what is not ours. What is there at once costs no look at the clock, and what is dropped was waited
    /// for until then.
    pub(crate) async fn during<T>(&self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await {
            return done;
        }
        let _wait = Wait::begin(&self.0);
        waiting.await
    }

    /// How much of the time until now was waited, the present wait included.
    pub(crate) fn until(&self, now: Instant) -> Duration {
        let Inner { over, began, .. } = &*self.0;
        let present = match began.load(Ordering::Relaxed) {
            0 => 0,
            began => self.0.nanos(now).saturating_sub(began - 1),
        };
        Duration::from_nanos(over.load(Ordering::Relaxed).saturating_add(present))
    }
}

impl Inner {
    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.came).as_nanos()).unwrap_or(u64::MAX - 1)
    }
}

/// The present wait; it is over when this is dropped.
struct Wait<'w>(&'w Inner);

impl<'w> Wait<'w> {
    fn begin(waits: &'w Inner) -> Self {
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn waits_add_up_and_what_lies_between_them_does_not() {
        let waits = Waits::since(Instant::now());
        assert_eq!(waits.during(ready(7)).await, 7);
        waits.during(sleep(SECOND)).await;
        sleep(SECOND).await;
        waits.during(sleep(2 * SECOND)).await;
        assert_eq!(waits.until(Instant::now()), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_counts_until_then() {
        let waits = Waits::since(Instant::now());
        let given_up = timeout(SECOND, waits.during(pending::<()>())).await;
        assert!(given_up.is_err());
        sleep(SECOND).await;
        assert_eq!(waits.until(Instant::now()), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_present_wait_counts_for_whoever_looks() {
        let waits = Waits::since(Instant::now());
        let inner = waits.clone();
        let waiting = tokio::spawn(async move { inner.during(sleep(3 * SECOND)).await });
        sleep(SECOND).await;
        assert_eq!(waits.until(Instant::now()), SECOND);
        waiting.await.expect("no panic");
        assert_eq!(waits.until(Instant::now()), 3 * SECOND);
    }
}
