//! What accompanies a request, from its head to the last byte of its answer.
//!
//! One thing for all of it: what identifies the request, what it is counted by, who ends it, and what it has come
//! through so far. Whoever learns something leaves it here, and the edge reads it: a request whose client leaves has no
//! answer that could carry a note, and yet somebody will ask what became of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Extensions;
use tokio::time::Instant;

use crate::failure::Cut;
use crate::metrics::Metrics;
use crate::request_id::RequestId;
use crate::shutdown::Underway;
use crate::trace_context::{SpanId, Traceparent};

mod marks;
mod waits;

pub(crate) use marks::{InLine, Marks};
pub(crate) use waits::During;

use waits::Waits;

/// The journey of one request, in its extensions. Its clones are the same journey.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journey(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    start: Start,
    waits: Waits,
    marks: Mutex<Marks>,
}

/// What is known of a request when it comes.
#[derive(Debug)]
pub(crate) struct Start {
    /// What identifies it in everybody's logs.
    pub(crate) id: RequestId,
    /// Its place in its trace, if it has one.
    pub(crate) trace: Option<Trace>,
    /// Keeps the process from ending before it, and tells of that end. Absent where there is no socket.
    pub(crate) underway: Option<Underway>,
    /// Where it, its turns and its attempts are counted. Without a gateway around, as in tests of a call alone, nowhere.
    pub(crate) metrics: Option<Arc<Metrics>>,
}

/// A request's place in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Our own span, which those of its attempts are children of.
    pub(crate) own: Traceparent,
    /// The client's span. `None` where the trace begins here.
    pub(crate) parent: Option<SpanId>,
}

/// Waits shorter than this are none: the work around them takes as long.
const WAIT_MIN: Duration = Duration::from_millis(1);

impl Default for Start {
    fn default() -> Self {
        Self { id: RequestId::random(), trace: None, underway: None, metrics: None }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self::since(Instant::now())
    }
}

impl Journey {
    /// That of a request that came at this time.
    #[must_use]
    pub(crate) fn begin(came: Instant, start: Start) -> Self {
        Self(Arc::new(Inner { start, waits: Waits::since(came), marks: Mutex::default() }))
    }

    /// That of the request with these extensions. Without an edge around, as for calls of our own, one that nobody
    /// reads.
    #[must_use]
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// What identifies the request.
    #[must_use]
    pub(crate) fn id(&self) -> &RequestId {
        &self.0.start.id
    }

    /// The request's place in its trace, if it has one.
    #[must_use]
    pub(crate) fn trace(&self) -> Option<Trace> {
        self.0.start.trace
    }

    /// Tells when the process is to end.
    #[must_use]
    pub(crate) fn underway(&self) -> Option<&Underway> {
        self.0.start.underway.as_ref()
    }

    /// Where it is counted.
    #[must_use]
    pub(crate) fn metrics(&self) -> Option<&Arc<Metrics>> {
        self.0.start.metrics.as_ref()
    }
}

/// Its marks.
impl Journey {
    /// Leaves something.
    pub(crate) fn mark(&self, leave: impl FnOnce(&mut Marks)) {
        leave(&mut self.marks());
    }

    /// What was left so far.
    #[cfg(any(test, feature = "otlp"))]
    #[must_use]
    pub(crate) fn read(&self) -> Marks {
        self.marks().clone()
    }

    /// The template of the route that took the request.
    #[must_use]
    pub(crate) fn route(&self) -> Option<&'static str> {
        self.marks().route
    }

    /// How the upstream's answer broke off, if it has.
    #[must_use]
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.marks().cut
    }

    /// An attempt begins. Yields its span, where the request has a trace.
    #[must_use]
    pub(crate) fn attempt(&self) -> Option<Traceparent> {
        let span = self.trace().map(|trace| trace.own.child());
        let mut marks = self.marks();
        marks.attempts += 1;
        marks.spans.extend(span.map(|span| span.span));
        span
    }

    /// It stood in line for something. `what`: a word for the log.
    pub(crate) fn waited(&self, what: &'static str, took: Duration) {
        if took >= WAIT_MIN {
            self.marks().waits.push((what, took));
        }
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its waits.
impl Journey {
    /// Waits for what is not ours. What is there at once costs no look at the clock, and what is dropped was waited
    /// for until then.
    pub(crate) fn during<'w, F: Future>(&'w self, waiting: Pin<&'w mut F>) -> During<'w, F> {
        During::of(waiting, &self.0.waits)
    }

    /// How much of the time until now was waited, the present wait included.
    pub(crate) fn waited_until(&self, now: Instant) -> Duration {
        self.0.waits.until(now)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_what_takes_its_time_is_a_wait() {
        let journey = Journey::default();
        journey.waited("key", Duration::from_micros(999));
        journey.waited("slots", Duration::from_millis(1500));
        journey.waited("retry", Duration::from_millis(20));
        assert_eq!(InLine(&journey.read().waits).to_string(), "slots=1500ms retry=20ms");
    }

    #[tokio::test(start_paused = true)]
    async fn every_attempt_has_a_span_of_its_own() {
        let own = Traceparent::begin(true);
        let start = Start { trace: Some(Trace { own, parent: None }), ..Start::default() };
        let journey = Journey::begin(Instant::now(), start);
        let [first, second] = [journey.attempt(), journey.attempt()].map(|span| span.expect("a trace"));
        assert_ne!(first.span, second.span);
        assert_eq!((first.trace, second.trace), (own.trace, own.trace));
        assert_eq!(journey.read().spans, [first.span, second.span]);
        assert_eq!(Journey::default().attempt(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_add_up_and_what_lies_between_them_does_not() {
        let journey = Journey::default();
        assert_eq!(journey.during(pin!(ready(7))).await, 7);
        journey.during(pin!(sleep(SECOND))).await;
        sleep(SECOND).await;
        journey.during(pin!(sleep(2 * SECOND))).await;
        assert_eq!(journey.waited_until(Instant::now()), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_counts_until_then() {
        let journey = Journey::default();
        let given_up = timeout(SECOND, journey.during(pin!(pending::<()>()))).await;
        assert!(given_up.is_err());
        sleep(SECOND).await;
        assert_eq!(journey.waited_until(Instant::now()), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_present_wait_counts_for_whoever_looks() {
        let journey = Journey::default();
        let inner = journey.clone();
        let waiting = tokio::spawn(async move { inner.during(pin!(sleep(3 * SECOND))).await });
        sleep(SECOND).await;
        assert_eq!(journey.waited_until(Instant::now()), SECOND);
        waiting.await.expect("no panic");
        assert_eq!(journey.waited_until(Instant::now()), 3 * SECOND);
    }
}
