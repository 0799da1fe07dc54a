//! One attempt: the request as the upstream gets it, the wait for its answer, and the answer in the client's terms.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::Response as Answer;
use tokio::time::timeout_at;
use tower::Service;

use super::call::{Kind, Missed};
use super::connect::{Asked, Transport};
use super::head::AttemptHead;
use super::masked::Masked;
use super::outgoing::{Outgoing, Terms};
use super::scrub::Secret;
use super::send::Sent;
use super::upstream_metrics::{Attempting, result_of};
use super::{answer, coding, response_class, stream};
use crate::failure::Failure;
use crate::trace_context::Traceparent;

/// Makes one attempt over a leaf.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) leaf: Transport,
    pub(super) rules: Arc<Rules>,
}

/// How attempts at one upstream are made.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) times: Times,
    /// How long a body may pause.
    pub(super) body_idle: Duration,
    /// How long a stream of events may pause.
    pub(super) sse_idle: Duration,
    /// Bytes of the longest event that is held until it is whole.
    pub(super) event_max: usize,
    /// How often in a row a broken download is asked to go on. 0: never.
    pub(super) resume_attempts: u32,
    /// Whether errors in an aggregator's wrapping are unwrapped.
    pub(super) unwrap: bool,
    /// Whether the credential is the operator's.
    pub(super) own_credential: bool,
    /// The operator's credential, which no answer may repeat.
    pub(super) secret: Option<Secret>,
    /// Answer headers let through beside the usual ones.
    pub(super) answer_headers: Arc<[HeaderName]>,
}

/// How long something may take, by the kind of the call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) submit: Duration,
    pub(super) fetch: Duration,
    pub(super) other: Duration,
}

impl Times {
    pub(super) const fn of(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Submit => self.submit,
            Kind::Fetch => self.fetch,
            Kind::Other => self.other,
        }
    }
}

impl Service<Outgoing> for Attempt {
    type Response = Answer;
    type Error = Missed;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Missed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Missed>> {
        // The leaf is waited for inside of the future, where time-outs run.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, outgoing: Outgoing) -> Self::Future {
        let (leaf, rules) = (self.leaf.clone(), Arc::clone(&self.rules));
        Box::pin(async move { rules.make(leaf, outgoing).await })
    }
}

impl Rules {
    async fn make(&self, leaf: Transport, outgoing: Outgoing) -> Result<Answer, Missed> {
        let attempt = outgoing.terms.tally.attempt(outgoing.terms.kind);
        let span = outgoing.terms.journey.attempt();
        #[cfg(feature = "otlp")]
        let spanning = super::span::Attempting::begin(&outgoing.terms, span);
        let result = self.made(leaf, outgoing, (&attempt, span)).await;
        #[cfg(feature = "otlp")]
        spanning.ended(&result);
        attempt.ended(result_of(&result));
        result
    }

    async fn made(
        &self,
        leaf: Transport,
        outgoing: Outgoing,
        (attempt, span): (&Attempting, Option<Traceparent>),
    ) -> Result<Answer, Missed> {
        let Outgoing { terms, payload } = outgoing;
        let sent = Sent {
            head_timeout: self.times.of(terms.kind),
            body_idle: self.body_idle,
            deadline: terms.deadline.clone(),
            meter: terms.tally.sent(),
        };
        let asked = Asked { head: &AttemptHead::of(&terms, span)?, wanted: &self.answer_headers };
        let answered = terms.journey.during(pin!(sent.send(&leaf, &asked, payload))).await;
        attempt.head_came();
        let (answer, patience) = answered?;
        let received = pin!(self.received(&terms, &leaf, answer));
        // What is read whole must come within the time of its head: nobody sees a byte of it before.
        match timeout_at(patience.until, terms.journey.during(received)).await {
            Ok(received) => received.map_err(Missed::from),
            Err(_) => Err(patience.over()),
        }
    }

    /// The answer in the client's terms.
    async fn received(
        &self,
        terms: &Terms,
        leaf: &Transport,
        answer: Response<Body>,
    ) -> Result<Answer, Failure> {
        let status = answer.status();
        if status.is_informational() {
            return Err(Failure::Garbled);
        }
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(Failure::Redirected);
        }
        if status == StatusCode::UNAUTHORIZED && self.own_credential {
            return Err(Failure::Credential);
        }
        let (head, body) = answer.into_parts();
        let mut headers = head.headers;
        if let Some(secret) = &self.secret {
            secret.out_of_headers(&mut headers);
        }
        let treatment = answer::Treatment {
            whole: terms.kind == Kind::Submit || answer::is_json(&headers),
            bodiless: terms.method() == Method::HEAD,
            // What is not about videos passes as it is, whatever its errors look like.
            unwrap: self.unwrap && terms.kind != Kind::Other,
            paid: terms.kind == Kind::Submit,
            coding: coding_of(terms, &headers),
        };
        if treatment.streams() {
            return Ok(self.masked(self.streamed(terms, leaf.clone(), (status, headers, body))));
        }
        let download = stream::Download::new(body, self.body_idle).metered(terms.tally.received());
        let answer = answer::received(status, headers, download, treatment).await?;
        // `paid` has given an error under a success's status the status that the error names.
        let is_ours = match answer.status() {
            StatusCode::UNAUTHORIZED => true,
            StatusCode::FORBIDDEN => response_class::is_about_credential(&answer),
            _ => false,
        };
        if is_ours && self.own_credential {
            return Err(Failure::Credential);
        }
        Ok(self.masked(answer::without(answer, self.secret.as_ref())))
    }

    /// The answer without our credential, where it goes on as it comes.
    fn masked(&self, answer: Answer) -> Answer {
        match &self.secret {
            Some(secret) if !answer::is_whole(&answer) => {
                answer.map(|body| Body::new(Masked::new(body, secret.clone())))
            }
            Some(_) | None => answer,
        }
    }
}

/// What happens to the content coding of an answer with these headers, if it is read whole.
fn coding_of(terms: &Terms, headers: &HeaderMap) -> answer::Coding {
    match terms.kind {
        Kind::Other => answer::Coding::Ignore,
        Kind::Submit | Kind::Fetch if coding::accepts(&terms.call.head.headers, headers) => {
            answer::Coding::Pass
        }
        Kind::Submit | Kind::Fetch => answer::Coding::Decode,
    }
}
