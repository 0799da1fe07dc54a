//! Jobs: what was asked for, and what came of it.

use std::time::Duration;

use prometheus::{CounterVec, Error, HistogramVec, IntCounterVec, IntGauge};

use super::NO_MODEL;
use super::registering::Registering;

/// Jobs, their durations, and what they cost. Clones count in the same place.
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    seen: IntCounterVec,
    /// Jobs that nobody has seen at their end. Set when the page is asked for.
    pub(crate) unfinished: IntGauge,
    duration: HistogramVec,
    seconds: IntCounterVec,
    cost: CounterVec,
}

/// What is known of a job that is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    /// The configured name of its model.
    pub model: Option<&'a str>,
    /// Seconds of video.
    pub seconds: Option<u32>,
    /// What it costs, in the currency of `price_per_second`.
    pub price: Option<f64>,
}

/// Upper bounds of how long jobs take, in seconds.
const DURATIONS: [f64; 8] = [5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

impl Jobs {
    #[rustfmt::skip]
    pub(super) fn new(new: &Registering) -> Result<Self, Error> {
        Ok(Self {
            seen: new.counters("jobs_total", "Jobs that an upstream took (submitted), and how they were first seen to end: completed, failed, or deleted before that. Each once, however often it is asked for.", &["model", "state"])?,
            unfinished: new.gauge("jobs_unfinished", "Jobs that this process knows and that nobody has seen at their end.")?,
            duration: new.times("job_duration_seconds", "Time from a create to when its job was first seen at its end, in seconds: completed or failed.", (&["model", "state"], &DURATIONS))?,
            seconds: new.counters("video_seconds_total", "Seconds of video that jobs were to make (requested) and made (completed), where the length is known.", &["model", "stage"])?,
            cost: new.sums("video_cost_total", "Cost of jobs that were taken (requested) and of those that completed, in the currency of price_per_second, where a price is configured.", &["model", "stage"])?,
        })
    }

    /// An upstream took a job.
    pub(crate) fn submitted(&self, order: Order<'_>) {
        self.seen.with_label_values(&[order.name(), "submitted"]).inc();
        self.made(order, "requested");
    }

    /// A job has made its video, so long after it was asked for.
    pub(crate) fn completed(&self, order: Order<'_>, took: Duration) {
        self.ended(order, "completed", took);
        self.made(order, "completed");
    }

    /// A job has failed, so long after it was asked for.
    pub(crate) fn failed(&self, order: Order<'_>, took: Duration) {
        self.ended(order, "failed", took);
    }

    /// A job was deleted before it was seen to end.
    pub(crate) fn deleted(&self, order: Order<'_>) {
        self.seen.with_label_values(&[order.name(), "deleted"]).inc();
    }

    fn ended(&self, order: Order<'_>, state: &str, took: Duration) {
        let labels = [order.name(), state];
        self.seen.with_label_values(&labels).inc();
        self.duration.with_label_values(&labels).observe(took.as_secs_f64());
    }

    fn made(&self, order: Order<'_>, stage: &str) {
        let labels = [order.name(), stage];
        if let Some(seconds) = order.seconds {
            self.seconds.with_label_values(&labels).inc_by(seconds.into());
        }
        // A counter only takes what is above zero, and a price may be none.
        if let Some(price) = order.price.filter(|price| *price > 0.0) {
            self.cost.with_label_values(&labels).inc_by(price);
        }
    }
}

impl<'a> Order<'a> {
    fn name(self) -> &'a str {
        self.model.unwrap_or(NO_MODEL)
    }
}
