//! Makes a call out of attempts.
//!
//! [`policy`] decides, [`backoff`] and [`asked`] say how long to pause, [`budget`] what all callers together may
//! repeat, [`replay`] keeps the body. This layer asks, waits, and gives up. It never makes two attempts at a time.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::response::Response as Answer;
use tokio::time::{Instant, sleep_until};
use tower::{Layer, Service, ServiceExt};

use super::call::{Attempts, Kind, Missed, Unanswered, Why};
use super::health::UpstreamHealth;
use super::outgoing::{Outgoing, Terms};
use super::response_class::Said;
use crate::config::upstreams::Upstream as Settings;
use crate::failure::Failure;
use crate::quota::Asked;
use crate::quota::quota_metrics::Limit;
use crate::quota::rate_limiter::Token;
use crate::quota::wait_budget::WaitBudget;
use crate::rejection::Rejection;
use crate::shutdown::Stage;

pub(super) mod asked;
mod backoff;
pub(super) mod budget;
mod ending;
pub(super) mod policy;
#[cfg(test)]
mod policy_tests;
pub(super) mod replay;

use backoff::Backoff;
use ending::End;
use policy::{Ended, Outcome, Policy, Reason, Repeatability, Verdict, Wait};
use replay::Replay;

/// Asks again where that is safe and of use.
#[derive(Clone)]
pub(super) struct RetryLayer(Arc<Rules>);

struct Rules {
    policy: Policy,
    backoff: Backoff,
    /// From 0 to 1: where in its range a pause ends.
    jitter: fn() -> f64,
    /// Whether SDKs are told not to repeat what was refused for want of quota.
    quota_stops_sdk: bool,
    vitals: Arc<UpstreamHealth>,
}

impl RetryLayer {
    pub(super) fn new(settings: &Settings, vitals: Arc<UpstreamHealth>, jitter: fn() -> f64) -> Self {
        let retry = &settings.retry;
        Self(Arc::new(Rules {
            policy: Policy::new(settings),
            backoff: Backoff { base: retry.backoff_base, max: retry.backoff_max },
            jitter,
            quota_stops_sdk: retry.quota_stops_sdk,
            vitals,
        }))
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry { rules: Arc::clone(&self.0), inner }
    }
}

/// See [`RetryLayer`].
#[derive(Clone)]
pub(super) struct Retry<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S> Service<Outgoing> for Retry<S>
where
    S: Service<Outgoing, Response = Answer, Error = Missed> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Answer;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unanswered>> {
        // Each attempt waits for its own readiness.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, outgoing: Outgoing) -> Self::Future {
        let Self { rules, inner } = self.clone();
        Box::pin(async move { rules.run(inner, outgoing).await })
    }
}

type Attempted = Result<Answer, Missed>;

impl Rules {
    async fn run<S>(&self, mut inner: S, outgoing: Outgoing) -> Result<Answer, Unanswered>
    where
        S: Service<Outgoing, Response = Answer, Error = Missed>,
    {
        let Outgoing { terms, payload } = outgoing;
        self.vitals.budget.called(Instant::now());
        let mut replay = Replay::of(payload, &self.vitals.shelf, &terms.deadline);
        let mut end = End { attempts: Attempts::NONE, spent: false };
        let mut last = None;
        loop {
            // Inside of retry: the upstream counts tries. Before the breaker: what waits for its turn is not let in
            // yet.
            let token = match token(&terms).await {
                Ok(token) => token,
                Err(reason) => return self.refused(&terms, reason, (last, end)),
            };
            let began = Instant::now();
            let payload = replay.next();
            let attempt = Outgoing { terms: Arc::clone(&terms), payload };
            let result = match inner.ready().await {
                Ok(inner) => inner.call(attempt).await,
                Err(missed) => Err(missed),
            };
            if was_made(&result) {
                end.attempts.made += 1;
                token.into_iter().for_each(Token::commit);
            }
            let verdict = self.policy.judge(Ended {
                repeatability: self.repeatability(&terms),
                attempt: end.attempts.made,
                took: began.elapsed(),
                outcome: outcome(&result),
            });
            let (reason, wait) = match verdict {
                Verdict::Again { reason, wait } if replay.is_repeatable() => (reason, wait),
                Verdict::Done | Verdict::Again { .. } => return self.finish(&terms, result, end),
                Verdict::Spent => return self.finish(&terms, result, end.spent()),
            };
            // Apart: hardly any call needs it, and all of them would hold its room.
            match Box::pin(self.pause(&terms, end.attempts.made, wait)).await {
                Pause::Over => end.attempts.doubtful |= self.count(&terms, reason),
                Pause::Useless => return self.finish(&terms, result, end.spent()),
                // Another replica can do what this one has no time for.
                Pause::Stopping => return self.finish(&terms, result, end),
            }
            last = Some(result);
        }
    }

    /// Waits until the next attempt may begin, unless there is no use in waiting.
    async fn pause(&self, terms: &Terms, attempts: u32, wait: Wait) -> Pause {
        let now = Instant::now();
        let delay = match wait {
            Wait::Asked(delay) => delay,
            Wait::Backoff => self.backoff.delay(attempts, (self.jitter)()),
        };
        let until = now + delay;
        let too_late = terms.deadline.end().is_some_and(|end| until >= end);
        let shut = self.vitals.breaker.open_until().is_some_and(|open| open > until);
        if too_late || shut {
            return Pause::Useless;
        }
        if !self.vitals.budget.take(now) {
            terms.tally.budget_exhausted();
            return Pause::Useless;
        }
        let draining = async {
            match terms.journey.underway() {
                Some(underway) => underway.reached(Stage::Draining).await,
                None => std::future::pending().await,
            }
        };
        let pause = pin!(async {
            tokio::select! {
                biased;
                () = terms.client.gone() => Pause::Useless,
                () = draining => Pause::Stopping,
                () = sleep_until(until) => Pause::Over,
            }
        });
        let pause = terms.journey.during(pause).await;
        terms.journey.waited("retry", now.elapsed());
        pause
    }

    /// Counts a repeat. Yields whether what is repeated may have been paid for: also where the upstream knows
    /// repeats by their key, for should all of them fail, nobody knows whether the first did.
    fn count(&self, terms: &Terms, reason: Reason) -> bool {
        terms.tally.retry(reason.name());
        terms.journey.mark(|marks| marks.retries.push(reason.name()));
        if reason.leaves_open() && self.repeatability(terms) == Repeatability::Paid {
            terms.tally.possible_duplicate();
        }
        reason.leaves_open() && terms.kind == Kind::Submit
    }

    fn repeatability(&self, terms: &Terms) -> Repeatability {
        self.policy.repeatability(terms.kind, terms.method())
    }
}

/// How a pause ends.
enum Pause {
    Over,
    /// Nobody would have anything of another attempt.
    Useless,
    /// The process was told to stop.
    Stopping,
}

/// A token for one attempt, where the upstream has a quota. Not waited for without end, nor without a client.
async fn token(terms: &Terms) -> Result<Option<Token>, Rejection> {
    let Some(allowance) = &terms.allowance else { return Ok(None) };
    let patience = WaitBudget { deadline: terms.deadline.end(), journey: Some(terms.journey.clone()) };
    let asked = Asked { class: terms.kind.into(), key: None, model: None, patience: &patience };
    tokio::select! {
        biased;
        taken = patience.turn(Limit::Upstream, allowance.take(&patience)) => taken.map(Some).map_err(|refused| refused.about(&asked)),
        // Nobody is left to be told.
        () = terms.client.gone() => Err(Rejection::Stopping),
    }
}

fn outcome(result: &Attempted) -> Outcome<'_> {
    match result {
        Ok(answer) => Outcome::Answered(Said::of(answer, SystemTime::now())),
        Err(Missed { why, .. }) => Outcome::Unanswered(why),
    }
}

fn was_made(result: &Attempted) -> bool {
    !matches!(result, Err(Missed { why: Why::Failed(Failure::BreakerOpen { .. }), .. }))
}
