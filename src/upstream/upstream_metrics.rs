//! What is counted of calls to one upstream.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use axum::response::Response as Answer;
use prometheus::{Histogram, IntCounter, IntCounterVec};
use tokio::time::Instant;
use tracing::error;

use super::call::{Kind, Missed, Why};
use super::paid::UnderSuccess;
use crate::failure::Failure;
use crate::metrics::meter::Meter;
use crate::metrics::{LabelCache, Metrics, Upstreams};
use crate::telemetry::Seldom;

/// What was said of upstreams that do not accept our credential.
static REFUSED: Seldom = Seldom::new();

/// What an attempt can come to: a status or its class, the name of a failure, or one of two ways in which its client
/// ends it. What was not made for the breaker's sake is told here as well.
pub(super) static RESULTS: [&str; 19] = [
    "2xx",
    "4xx",
    "3xx",
    "429",
    "500",
    "503",
    "5xx",
    "529",
    "unreachable",
    "connect_timeout",
    "tls",
    "timeout",
    "lost",
    "garbled",
    "redirected",
    "credential",
    "breaker_open",
    "upload_broken",
    "abandoned",
];

/// The names of all kinds.
static KINDS: [&str; 3] = [Kind::Fetch.name(), Kind::Submit.name(), Kind::Other.name()];

/// Counts under an upstream's name. Without a gateway around, as in tests of a call alone, nowhere.
#[derive(Clone, Debug, Default)]
pub(super) struct UpstreamMetrics(Option<Arc<Counts>>);

/// The series of one upstream, looked up once: counting an attempt takes no lock.
#[derive(Debug)]
pub(super) struct Counts {
    upstream: Arc<str>,
    metrics: Arc<Metrics>,
    kinds: LabelCache<OfKind, { KINDS.len() }>,
    /// Attempts that have not ended.
    under_way: AtomicUsize,
}

/// The series of one kind of calls.
#[derive(Debug)]
struct OfKind {
    attempts: IntCounter,
    duration: Histogram,
    answers: LabelCache<IntCounter, { RESULTS.len() }>,
}

/// An attempt, from its begin to its end. Dropped before it has come to something, it was abandoned.
#[must_use]
pub(super) struct Attempting {
    counts: Option<(Arc<Counts>, Kind)>,
    began: Instant,
    result: &'static str,
}

impl UpstreamMetrics {
    /// `counts`: where all workers count for this upstream, once one of them does.
    pub(super) fn new(
        metrics: Option<&Arc<Metrics>>,
        counts: &OnceLock<Arc<Counts>>,
        upstream: &Arc<str>,
    ) -> Self {
        Self(metrics.map(|metrics| Arc::clone(counts.get_or_init(|| Counts::new(metrics, upstream)))))
    }

    /// An attempt begins.
    pub(super) fn attempt(&self, kind: Kind) -> Attempting {
        let counts = self.0.as_ref().map(|counts| (Arc::clone(counts), kind));
        if let Some((counts, kind)) = &counts {
            counts.under_way.fetch_add(1, Ordering::Relaxed);
            counts.with(*kind, |of| of.attempts.inc());
        }
        Attempting { counts, began: Instant::now(), result: "abandoned" }
    }

    /// An attempt is not made, so that the upstream can recover.
    pub(super) fn shut(&self, kind: Kind) {
        if let Some(counts) = &self.0 {
            counts.answer(kind, "breaker_open");
        }
    }

    pub(super) fn retry(&self, reason: &'static str) {
        if let Some(Counts { upstream, metrics, .. }) = self.0.as_deref() {
            metrics.upstreams.retries.with_label_values(&[upstream, reason]).inc();
        }
    }

    pub(super) fn budget_exhausted(&self) {
        self.count(|upstreams| &upstreams.retry_budget_exhausted);
    }

    /// A create is repeated that may have been accepted.
    pub(super) fn possible_duplicate(&self) {
        self.count(|upstreams| &upstreams.possible_duplicates);
    }

    /// A download goes on where it had broken.
    pub(super) fn resumed(&self) {
        self.count(|upstreams| &upstreams.downloads_resumed);
    }

    /// Counts the bytes of bodies that are sent.
    pub(super) fn sent(&self) -> Meter {
        self.0.as_ref().map(|counts| counts.metrics.requests.bytes.to_upstreams.clone()).unwrap_or_default()
    }

    /// Counts the bytes of bodies that come back.
    pub(super) fn received(&self) -> Meter {
        self.0.as_ref().map(|counts| counts.metrics.requests.bytes.from_upstreams.clone()).unwrap_or_default()
    }

    fn count(&self, which: impl Fn(&Upstreams) -> &IntCounterVec) {
        if let Some(Counts { upstream, metrics, .. }) = self.0.as_deref() {
            which(&metrics.upstreams).with_label_values(&[upstream]).inc();
        }
    }
}

impl Counts {
    fn new(metrics: &Arc<Metrics>, upstream: &Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            upstream: Arc::clone(upstream),
            metrics: Arc::clone(metrics),
            kinds: LabelCache::new(&KINDS),
            under_way: AtomicUsize::new(0),
        })
    }

    /// Attempts that have not ended.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    fn with(&self, kind: Kind, count: impl FnOnce(&OfKind)) {
        let Upstreams { attempts, duration, .. } = &self.metrics.upstreams;
        let labels = [&*self.upstream, kind.name()];
        let of = self.kinds.of(kind.name(), || OfKind {
            attempts: attempts.with_label_values(&labels),
            duration: duration.with_label_values(&labels),
            answers: LabelCache::new(&RESULTS),
        });
        if let Some(of) = of {
            count(of);
        }
    }

    fn answer(&self, kind: Kind, result: &'static str) {
        let answers = &self.metrics.upstreams.answers;
        let labels = [&*self.upstream, kind.name(), result];
        self.with(kind, |of| {
            if let Some(answers) = of.answers.of(result, || answers.with_label_values(&labels)) {
                answers.inc();
            }
        });
        if result == Failure::Credential.name() {
            // Every call will fail until somebody changes that.
            if REFUSED.is_due(&self.upstream) {
                error!(
                    upstream = &*self.upstream,
                    "the upstream did not accept the gateway's own credential"
                );
            }
            self.metrics.upstream_auth_failures.with_label_values(&[&*self.upstream]).inc();
        }
    }
}

impl Attempting {
    /// It has come to its answer's head, or to none.
    pub(super) fn head_came(&self) {
        if let Some((counts, kind)) = &self.counts {
            counts.with(*kind, |of| of.duration.observe(self.began.elapsed().as_secs_f64()));
        }
    }

    /// It has ended. `result`: one of [`RESULTS`].
    pub(super) fn ended(mut self, result: &'static str) {
        self.result = result;
    }
}

impl Drop for Attempting {
    fn drop(&mut self) {
        if let Some((counts, kind)) = &self.counts {
            counts.under_way.fetch_sub(1, Ordering::Relaxed);
            counts.answer(*kind, self.result);
        }
    }
}

/// The word for what an attempt came to.
pub(super) fn result_of(result: &Result<Answer, Missed>) -> &'static str {
    match result {
        Ok(answer) => match answer.extensions().get() {
            Some(UnderSuccess::Unreadable) => Failure::Garbled.name(),
            // It names no status, and leaves nothing open.
            Some(UnderSuccess::Refused) if answer.status() == StatusCode::BAD_GATEWAY => "4xx",
            Some(UnderSuccess::Made | UnderSuccess::Refused | UnderSuccess::Doubtful) | None => {
                class_of(answer.status())
            }
        },
        Err(Missed { why: Why::Failed(failure), .. }) => failure.name(),
        Err(Missed { why: Why::Rejected(_), .. }) => "upload_broken",
    }
}

/// The word for a status: what means something of its own stands alone.
pub(super) fn class_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        429 => "429",
        400..500 => "4xx",
        500 => "500",
        // The upstream began nothing, unlike with its neighbours.
        503 => "503",
        529 => "529",
        // Above 599 there is nothing, and nothing good.
        501.. => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_status_and_every_failure_has_a_word_that_is_listed() {
        let mut words: Vec<&str> =
            (100..=999).filter_map(|code| StatusCode::from_u16(code).ok()).map(class_of).collect();
        let retry_after = Duration::ZERO;
        let failures = [
            Failure::Unreachable,
            Failure::ConnectTimeout,
            Failure::Tls,
            Failure::HeadTimeout,
            Failure::Lost,
            Failure::Garbled,
            Failure::Redirected,
            Failure::Credential,
            Failure::BreakerOpen { retry_after },
        ];
        words.extend(failures.map(Failure::name));
        words.extend(["upload_broken", "abandoned"]);
        assert!(words.iter().all(|word| RESULTS.contains(word)));
        assert!(RESULTS.iter().all(|result| words.contains(result)), "a word that nobody says");
    }

    /// Alerts on unknown outcomes go by these words.
    #[test]
    fn a_success_is_counted_by_what_its_body_says() {
        for (said, status, word) in [
            (UnderSuccess::Made, 200, "2xx"),
            (UnderSuccess::Unreadable, 200, "garbled"),
            (UnderSuccess::Refused, 429, "429"),
            (UnderSuccess::Refused, 502, "4xx"),
            (UnderSuccess::Doubtful, 502, "5xx"),
        ] {
            let mut answer = Answer::default();
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            answer.extensions_mut().insert(said);
            assert_eq!(result_of(&Ok(answer)), word, "{said:?} {status}");
        }
    }

    #[test]
    fn what_means_something_of_its_own_stands_alone() {
        let word = |status| class_of(StatusCode::from_u16(status).expect("a status"));
        let words = [200, 206, 304, 404, 429, 499, 500, 503, 529, 502, 799].map(word);
        assert_eq!(words, ["2xx", "2xx", "3xx", "4xx", "429", "4xx", "500", "503", "529", "5xx", "5xx"]);
    }
}
