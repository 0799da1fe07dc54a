//! Connections that calls share, free and paid ones alike: HTTP/2 says what became of a request whose connection
//! ends, so that nothing is lost that need not be.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::dial::{Dialled, Dialler};
use super::http2::{Http2, Stream};
use crate::failure::Failure;

/// The HTTP/2 connections to one upstream: one, or more where it takes few requests at a time on each.
pub(super) struct Shared {
    /// Whether HTTP/2 is what the upstream speaks, as far as is known.
    spoken: AtomicBool,
    /// How long a connection is kept that nobody uses.
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connections: Vec<Http2>,
    /// What becomes of the connection that is being made.
    dialling: Option<watch::Receiver<Option<Result<(), Failure>>>>,
    /// Whether somebody looks after the connections.
    swept: bool,
}

impl Shared {
    pub(super) fn new(spoken: bool, limit: Duration) -> Arc<Self> {
        Arc::new(Self { spoken: AtomicBool::new(spoken), limit, state: Mutex::default() })
    }

    pub(super) fn is_spoken(&self) -> bool {
        self.spoken.load(Ordering::Relaxed)
    }

    /// A place on a connection that has one.
    pub(super) fn stream(&self) -> Option<Stream> {
        let mut state = self.state();
        state.connections.retain(Http2::is_usable);
        state.connections.iter().find(|connection| connection.has_room()).map(Http2::stream)
    }

    /// A place in the shortest line.
    pub(super) fn crowded(&self) -> Option<Stream> {
        let state = self.state();
        let usable = state.connections.iter().filter(|connection| connection.is_usable());
        usable.min_by_key(|connection| connection.open()).map(Http2::stream)
    }

    /// A place on that connection, unless another has come meanwhile.
    pub(super) fn adopt(self: &Arc<Self>, connection: Http2) -> Stream {
        self.spoken.store(true, Ordering::Relaxed);
        self.stream().unwrap_or_else(|| {
            let stream = connection.stream();
            self.keep(connection);
            stream
        })
    }

    /// Makes a connection, or waits for the one that is being made: calls that come together want one, not one each.
    pub(super) async fn dialled(self: &Arc<Self>, dialler: &Dialler) -> Result<(), Failure> {
        let mut made = {
            let mut state = self.state();
            state.dialling.get_or_insert_with(|| self.dial(dialler)).clone()
        };
        // In a task of its own: it is not the concern of the first who asked alone.
        match made.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(made)) => *made,
            Ok(None) | Err(_) => Err(Failure::Unreachable),
        }
    }

    fn dial(self: &Arc<Self>, dialler: &Dialler) -> watch::Receiver<Option<Result<(), Failure>>> {
        let (made, waiting) = watch::channel(None);
        let (shared, dialler) = (Arc::downgrade(self), dialler.clone());
        tokio::spawn(async move {
            let dialled = dialler.dial().await;
            let Some(shared) = shared.upgrade() else { return };
            shared.state().dialling = None;
            made.send_replace(Some(dialled.map(|dialled| match dialled {
                Dialled::Http2(connection) => shared.keep(connection),
                Dialled::Http1(_) => shared.spoken.store(false, Ordering::Relaxed),
            })));
        });
        waiting
    }

    fn keep(self: &Arc<Self>, connection: Http2) {
        let mut state = self.state();
        state.connections.push(connection);
        if !state.swept {
            state.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what nobody has used for too long. When to look again, if anything is left.
    fn sweep(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        let end = |connection: &Http2| connection.idle_since().unwrap_or(now) + self.limit;
        state.connections.retain(|connection| connection.is_usable() && now < end(connection));
        state.swept = !state.connections.is_empty();
        state.connections.iter().map(end).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task for all of them, as long as there are any.
async fn sweep(shared: Weak<Shared>) {
    while let Some(next) = shared.upgrade().and_then(|shared| shared.sweep()) {
        sleep_until(next).await;
    }
}
