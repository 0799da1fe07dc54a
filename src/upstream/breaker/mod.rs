//! Leaves an upstream alone that fails, so that callers fail at once and it can recover.
//!
//! Sits inside of `retry`, around each attempt. [`state`] decides; this lets in, and tells it how attempts ended.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::Response as Answer;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::call::Missed;
use super::call::Why;
use super::outgoing::Outgoing;
use super::response_class::{Retryability, Said};
use crate::failure::Failure;

mod state;
#[cfg(test)]
mod tests;

use state::Entry;
pub(crate) use state::Position;
pub(super) use state::{Health, State};

/// The breaker of one upstream, shared by all who call it.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

impl Breaker {
    pub(super) fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    /// Until when nothing will be let in.
    pub(super) fn open_until(&self) -> Option<Instant> {
        self.state().open_until()
    }

    /// Failures in a row while it lets calls pass.
    pub(super) fn failures(&self) -> u32 {
        self.state().failures()
    }

    /// Where it stands. One that is open for long enough is half-open, also while nobody calls.
    pub(super) fn position(&self, now: Instant) -> Position {
        let state = self.state();
        let is_over = state.open_until().is_some_and(|until| until <= now);
        if is_over { Position::HalfOpen } else { state.position() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guards each attempt.
#[derive(Clone)]
pub(super) struct BreakerLayer(pub(super) Arc<Breaker>);

impl<S> Layer<S> for BreakerLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { breaker: Arc::clone(&self.0), inner }
    }
}

/// See [`BreakerLayer`].
#[derive(Clone)]
pub(super) struct Guarded<S> {
    breaker: Arc<Breaker>,
    inner: S,
}

impl<S> Service<Outgoing> for Guarded<S>
where
    S: Service<Outgoing, Response = Answer, Error = Missed>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Missed;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Missed>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Missed>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, outgoing: Outgoing) -> Self::Future {
        let visit = match Visit::enter(&self.breaker) {
            Ok(visit) => visit,
            Err(failure) => {
                outgoing.terms.tally.shut(outgoing.terms.kind);
                return Box::pin(async move { Err(failure.into()) });
            }
        };
        let attempt = self.inner.call(outgoing);
        Box::pin(async move {
            let result = attempt.await;
            visit.end(health(&result));
            result
        })
    }
}

/// One attempt behind the breaker. One that is dropped says nothing, and frees its place.
struct Visit {
    breaker: Arc<Breaker>,
    entry: Entry,
    health: Health,
}

impl Visit {
    fn enter(breaker: &Arc<Breaker>) -> Result<Self, Failure> {
        let entry = breaker.state().enter(Instant::now());
        let entry = entry.map_err(|retry_after| Failure::BreakerOpen { retry_after })?;
        Ok(Self { breaker: Arc::clone(breaker), entry, health: Health::Untold })
    }

    fn end(mut self, health: Health) {
        self.health = health;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.breaker.state().leave(self.entry, self.health, Instant::now());
    }
}

/// What an attempt says of the upstream. Refusals say that it lives.
fn health(result: &Result<Answer, Missed>) -> Health {
    match result {
        Ok(answer) if is_failing(answer.status()) && Retryability::of(answer) == Retryability::Plain => {
            Health::Bad { wait: Said::of(answer, SystemTime::now()).wait }
        }
        Ok(_) => Health::Good,
        // Whoever waits less long than the upstream may take proves nothing against it.
        Err(Missed { cut_short: true, .. } | Missed { why: Why::Rejected(_), .. }) => Health::Untold,
        Err(Missed { why: Why::Failed(failure), .. }) => match failure {
            Failure::Unreachable
            | Failure::ConnectTimeout
            | Failure::Tls
            | Failure::HeadTimeout
            | Failure::Lost
            | Failure::Garbled => Health::Bad { wait: None },
            Failure::Redirected | Failure::Credential => Health::Good,
            Failure::BreakerOpen { .. } => Health::Untold,
        },
    }
}

fn is_failing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}
