//! What a request has come through so far.
//!
//! Whoever learns something of it leaves it here; the edge reads it. A request whose client leaves has no answer that
//! could carry a note, and yet somebody will ask what became of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Extensions;
use tokio::time::Instant;

use crate::failure::Cut;
use crate::trace_context::{SpanId, Traceparent};

/// The trail of one request, in its extensions. Its clones are the same trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    trace: Option<Trace>,
    marks: Mutex<Marks>,
}

/// A request's place in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Our own span, which those of its attempts are children of.
    pub(crate) own: Traceparent,
    /// The client's span. `None` where the trace begins here.
    pub(crate) parent: Option<SpanId>,
}

/// What was left on a trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// Template of the route that took the request.
    pub(crate) route: Option<&'static str>,
    /// Configured name of the client's key.
    pub(crate) client: Option<Arc<str>>,
    /// The model as the client named it.
    pub(crate) asked: Option<Box<str>>,
    /// Configured name of the model that is to answer.
    pub(crate) model: Option<Arc<str>>,
    /// What was changed on the client's behalf.
    pub(crate) adjusted: Option<Arc<str>>,
    /// Name of the upstream that was chosen.
    pub(crate) upstream: Option<Arc<str>>,
    /// The record of a paid call.
    pub(crate) ledger_id: Option<Arc<str>>,
    /// The job that a paid call made, as the upstream names it.
    pub(crate) job: Option<Box<str>>,
    /// Attempts that were begun.
    pub(crate) attempts: u32,
    /// Their spans, where the request has a trace.
    pub(crate) spans: Vec<SpanId>,
    /// Why there was another attempt, each time.
    pub(crate) retries: Vec<&'static str>,
    /// What it waited for, and how long.
    pub(crate) waits: Vec<(Wait, Duration)>,
    /// How the answer of the upstream broke off.
    pub(crate) cut: Option<Cut>,
}

/// What a request may wait for before it goes upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A place among the calls in flight.
    InFlight,
    /// Tokens of its key, its model and everybody.
    Quota,
    /// A job slot.
    Slots,
    /// A token of the upstream.
    Upstream,
    /// The answer to an earlier try.
    EarlierTry,
    /// The pause before another attempt.
    Retry,
}

impl Wait {
    /// Its word in the log.
    const fn name(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Quota => "quota",
            Self::Slots => "slots",
            Self::Upstream => "upstream",
            Self::EarlierTry => "earlier_try",
            Self::Retry => "retry",
        }
    }
}

/// Waits shorter than this are none: the work around them takes as long.
const WAIT_MIN: Duration = Duration::from_millis(1);

impl Trail {
    /// An empty one.
    #[must_use]
    pub(crate) fn new(trace: Option<Trace>) -> Self {
        Self(Arc::new(Inner { trace, marks: Mutex::default() }))
    }

    /// The trail of the request with these extensions. Without an edge around, one that nobody reads.
    #[must_use]
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// The request's place in its trace, if it has one.
    #[must_use]
    pub(crate) fn trace(&self) -> Option<Trace> {
        self.0.trace
    }

    /// Leaves something.
    pub(crate) fn mark(&self, leave: impl FnOnce(&mut Marks)) {
        leave(&mut self.marks());
    }

    /// What was left so far.
    #[must_use]
    pub(crate) fn read(&self) -> Marks {
        self.marks().clone()
    }

    /// How the upstream's answer broke off, if it has.
    #[must_use]
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.marks().cut
    }

    /// An attempt begins. Yields its span, where the request has a trace.
    #[must_use]
    pub(crate) fn attempt(&self) -> Option<Traceparent> {
        let span = self.0.trace.map(|trace| trace.own.child());
        let mut marks = self.marks();
        marks.attempts += 1;
        marks.spans.extend(span.map(|span| span.span));
        span
    }

    /// Waits for something that may take its time.
    pub(crate) async fn wait<T>(&self, what: Wait, waited_for: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let result = waited_for.await;
        let took = began.elapsed();
        if took >= WAIT_MIN {
            self.marks().waits.push((what, took));
        }
        result
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All waits as one text, each with its milliseconds. Nothing where there was none.
pub(crate) struct Waits<'m>(pub(crate) &'m [(Wait, Duration)]);

impl fmt::Display for Waits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, took)) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{}={}ms", what.name(), took.as_millis())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_takes_its_time_is_a_wait() {
        let trail = Trail::default();
        trail.wait(Wait::Quota, async {}).await;
        trail.wait(Wait::Slots, tokio::time::sleep(Duration::from_millis(1500))).await;
        trail.wait(Wait::Retry, tokio::time::sleep(Duration::from_millis(20))).await;
        assert_eq!(Waits(&trail.read().waits).to_string(), "slots=1500ms retry=20ms");
    }

    #[test]
    fn every_attempt_has_a_span_of_its_own() {
        let own = Traceparent::begin(true);
        let trail = Trail::new(Some(Trace { own, parent: None }));
        let [first, second] = [trail.attempt(), trail.attempt()].map(|span| span.expect("a trace"));
        assert_ne!(first.span, second.span);
        assert_eq!((first.trace, second.trace), (own.trace, own.trace));
        assert_eq!(trail.read().spans, [first.span, second.span]);
        assert_eq!(Trail::default().attempt(), None);
    }
}
