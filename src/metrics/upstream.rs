//! Attempts at upstreams, and what came of them. Who makes attempts looks its series up once.

use prometheus::{Error, HistogramVec, IntCounterVec, IntGaugeVec};

use super::registering::Registering;

/// Everything that is counted of upstreams.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams {
    /// Attempts made, by kind of call.
    pub(crate) attempts: IntCounterVec,
    /// How they ended.
    pub(crate) answers: IntCounterVec,
    /// How long they took.
    pub(crate) duration: HistogramVec,
    /// Attempts beside a call's first, by what made them necessary.
    pub(crate) retries: IntCounterVec,
    /// Calls that were not asked again for want of a retry budget.
    pub(crate) retry_budget_exhausted: IntCounterVec,
    /// Creates that were asked again although an earlier attempt may have been accepted.
    pub(crate) possible_duplicates: IntCounterVec,
    /// Downloads that went on where they had broken.
    pub(crate) downloads_resumed: IntCounterVec,
    /// Where a breaker stands. Set when the page is asked for.
    pub(crate) breaker_state: IntGaugeVec,
}

/// Upper bounds of attempts, in seconds.
const DURATIONS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 300.0];

impl Upstreams {
    #[rustfmt::skip]
    pub(super) fn new(new: &Registering) -> Result<Self, Error> {
        Ok(Self {
            attempts: new.counters("upstream_attempts_total", "Attempts made at an upstream.", &["upstream", "kind"])?,
            answers: new.counters("upstream_answers_total", "How attempts ended: with a status or its class, or without an answer. abandoned: nobody waited for it any more; upload_broken: the client's body broke off; breaker_open: the attempt was not made.", &["upstream", "kind", "result"])?,
            duration: new.times("upstream_attempt_duration_seconds", "Time from an attempt's begin to its answer's head, or to its failure, in seconds.", (&["upstream", "kind"], &DURATIONS))?,
            retries: new.counters("retries_total", "Attempts beside a call's first, by what made them necessary.", &["upstream", "reason"])?,
            retry_budget_exhausted: new.counters("retry_budget_exhausted_total", "Calls that were not asked again because the upstream's retry budget was used up.", &["upstream"])?,
            possible_duplicates: new.counters("possible_duplicates_total", "Creates that were asked again although an earlier attempt may have been accepted.", &["upstream"])?,
            downloads_resumed: new.counters("downloads_resumed_total", "Downloads that broke off and went on where they had broken.", &["upstream"])?,
            breaker_state: new.gauges("breaker_state", "An upstream's breaker: 0 closed, 1 half-open, 2 open.", &["upstream"])?,
        })
    }

    /// Shows at zero what is alerted on, since a counter that is not there before it rises is not seen to rise; and
    /// what has many series, so that no client makes them.
    pub(crate) fn start(&self, upstream: &str, kinds: &[&str]) {
        for counters in [&self.retry_budget_exhausted, &self.possible_duplicates, &self.downloads_resumed] {
            counters.with_label_values(&[upstream]);
        }
        for kind in kinds {
            self.duration.with_label_values(&[upstream, kind]);
        }
    }
}
