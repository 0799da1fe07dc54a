//! Connections opened ahead, so that a paid call need not wait for TCP and TLS.
//!
//! Each serves one request and is closed. Without traffic there are none: one is opened when another is taken, and
//! one that grows old is not replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracing::debug;

use super::dial::{Dialled, Dialler};
use super::http1::Http1;
use super::idle_pool::IdlePool;

/// Connections that have served nobody.
pub(super) struct Preconnect {
    kept: Arc<IdlePool<Http1>>,
    most: usize,
    dialling: AtomicUsize,
}

impl Preconnect {
    /// At most that many, and none older than `age`.
    pub(super) fn new(most: usize, age: Duration) -> Arc<Self> {
        Arc::new(Self { kept: IdlePool::new(age), most, dialling: AtomicUsize::new(0) })
    }

    pub(super) fn take(&self) -> Option<Http1> {
        self.kept.take()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Opens one for the next call, unless there are enough.
    pub(super) fn open(self: &Arc<Self>, dialler: &Dialler) {
        if self.kept.len() + self.dialling.load(Ordering::Relaxed) >= self.most {
            return;
        }
        self.dialling.fetch_add(1, Ordering::Relaxed);
        let (spares, dialler) = (Arc::downgrade(self), dialler.clone());
        tokio::spawn(async move {
            let dialled = dialler.dial().await;
            // Nobody waits for it any more once these connections are not used on.
            let Some(spares) = spares.upgrade() else { return };
            spares.dialling.fetch_sub(1, Ordering::Relaxed);
            match dialled {
                Ok(Dialled::Http1(connection)) => spares.kept.put(connection),
                // The next call will share its own.
                Ok(Dialled::Http2(_)) => {}
                // Whoever needs a connection will see for themselves.
                Err(failure) => debug!(?failure, "no spare connection"),
            }
        });
    }
}
