//! Lines before limits, and slots.

use std::time::Duration;

use prometheus::{Error, HistogramVec, IntCounterVec, IntGaugeVec};

use super::registering::Registering;

/// How limits hold calls up.
#[derive(Debug)]
pub(crate) struct Quotas {
    waits: IntCounterVec,
    seconds: HistogramVec,
    /// Job slots that are held, by what they belong to and its name. Set when the page is asked for.
    pub(crate) slots_in_use: IntGaugeVec,
    /// Job slots there are.
    pub(crate) slots_limit: IntGaugeVec,
    /// Creates that wait for a job slot.
    pub(crate) slots_waiting: IntGaugeVec,
}

/// Upper bounds of waits for a turn, in seconds.
const WAITS: [f64; 9] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

impl Quotas {
    #[rustfmt::skip]
    pub(super) fn new(new: &Registering) -> Result<Self, Error> {
        Ok(Self {
            waits: new.counters("quota_waits_total", "Calls that a limit did not let pass at once: passed after a wait, or refused.", &["scope", "result"])?,
            seconds: new.times("quota_wait_seconds", "How long calls stood in line before a limit, whether they passed in the end or were refused, in seconds.", (&["scope"], &WAITS))?,
            slots_in_use: new.gauges("slots_in_use", "Job slots that are held.", &["scope", "name"])?,
            slots_limit: new.gauges("slots_limit", "Job slots there are (max_jobs).", &["scope", "name"])?,
            slots_waiting: new.gauges("slots_waiting", "Creates that wait for a job slot.", &["scope", "name"])?,
        })
    }

    /// A call was not let pass at once. `waited`: how long it stood in line, if it did.
    pub(crate) fn held_up(&self, scope: &str, passed: bool, waited: Option<Duration>) {
        let result = if passed { "passed" } else { "refused" };
        self.waits.with_label_values(&[scope, result]).inc();
        if let Some(waited) = waited {
            self.seconds.with_label_values(&[scope]).observe(waited.as_secs_f64());
        }
    }
}
