//! A time-out on waiting, for bodies and sockets alike.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A time-out on waiting. It runs only while something is waited for: a peer that takes long over what it was
/// given must not be mistaken for one that gives nothing. What never waits never needs the clock.
#[derive(Debug)]
pub(crate) struct Idle {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Idle {
    /// Expires after waiting for `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, sleep: None, waiting: false }
    }

    /// Ready once nothing has come for too long. To be polled while waiting.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !self.waiting {
            self.waiting = true;
            sleep.as_mut().reset(Instant::now() + limit);
        }
        sleep.as_mut().poll(cx)
    }

    /// The outcome of a write, or the end of waiting for it.
    pub(crate) fn bound(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.moved();
            return written;
        }
        self.poll_expired(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What was waited for has come; the next wait begins anew.
    pub(crate) fn moved(&mut self) {
        self.waiting = false;
    }
}
