//! Connections that wait for a request, and how long they may.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What can be kept.
pub(super) trait Reusable: Send + 'static {
    /// Whether a request can be sent, as far as is known by now.
    fn is_usable(&mut self) -> bool;
}

/// Connections that nobody uses. The last that came is the first to go: those that are not needed grow old, and are
/// closed.
pub(super) struct IdlePool<C> {
    limit: Duration,
    state: Mutex<State<C>>,
}

struct State<C> {
    /// With when they came; the oldest in front.
    waiting: VecDeque<(C, Instant)>,
    /// Whether somebody looks after them.
    swept: bool,
}

/// How often connections are looked after that the upstream may have closed.
const LOOK: Duration = Duration::from_secs(1);

impl<C: Reusable> IdlePool<C> {
    /// Keeps connections for `limit`.
    pub(super) fn new(limit: Duration) -> Arc<Self> {
        let state = State { waiting: VecDeque::new(), swept: false };
        Arc::new(Self { limit, state: Mutex::new(state) })
    }

    /// The last that came, unless it is too old. The upstream may have closed it.
    pub(super) fn take(&self) -> Option<C> {
        let (connection, since) = self.state().waiting.pop_back()?;
        (since.elapsed() < self.limit).then_some(connection)
    }

    pub(super) fn put(self: &Arc<Self>, connection: C) {
        let mut state = self.state();
        state.waiting.push_back((connection, Instant::now()));
        if !state.swept {
            state.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Closes what has waited for too long, or was closed by the upstream. When to look again, if anything is left.
    fn sweep(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        state.waiting.retain_mut(|(connection, since)| now < *since + self.limit && connection.is_usable());
        let oldest = state.waiting.front().map(|(_, since)| *since);
        state.swept = oldest.is_some();
        oldest.map(|since| (since + self.limit).min(now + LOOK))
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task for all of them, as long as there are any.
async fn sweep<C: Reusable>(kept: Weak<IdlePool<C>>) {
    while let Some(next) = kept.upgrade().and_then(|kept| kept.sweep()) {
        sleep_until(next).await;
    }
}
