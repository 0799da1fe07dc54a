//! What is counted. Labels come from the configuration and from closed vocabularies, never from a request.

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};

/// Label of a model that nobody configured, or of a request that has none.
pub const NO_MODEL: &str = "unknown";

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests answered, by route, model, status and outcome.
    pub requests: IntCounterVec,
    /// Seconds from a request's head to its answer's head, by route.
    pub duration: HistogramVec,
    /// Requests that have no answer yet.
    pub in_flight: IntGauge,
    /// Requests refused by the gateway itself, by route and reason.
    pub rejections: IntCounterVec,
    /// Values changed on the client's behalf, by model and field.
    pub adjustments: IntCounterVec,
    /// Paid calls that were answered after their client had left.
    pub orphaned: IntCounter,
    /// Job slots that are held, by what they belong to and its name. Set when the page is asked for.
    pub slots_in_use: IntGaugeVec,
    /// Creates that wait for a job slot.
    pub slots_waiting: IntGaugeVec,
    /// What was asked of the ledger's store, by operation and result.
    pub ledger_operations: IntCounterVec,
    /// Whether Redis answers.
    pub redis_up: OptionalGauge,
    /// Paid calls that are claimed and not settled.
    pub ledger_open: IntGauge,
    /// Attempts made at an upstream, by kind of call.
    pub attempts: IntCounterVec,
    /// Attempts beside a call's first, by what made them necessary.
    pub retries: IntCounterVec,
    /// Calls that were not asked again for want of a retry budget.
    pub retry_budget_exhausted: IntCounterVec,
    /// Where an upstream's breaker stands: 0 closed, 1 half-open, 2 open.
    pub breaker_state: IntGaugeVec,
    /// Creates that were asked again although the first attempt may have been accepted.
    pub possible_duplicates: IntCounterVec,
}

/// Upper bounds of the duration histogram, in seconds: local refusals take microseconds, creates seconds.
const DURATIONS: [f64; 14] =
    [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// If two metrics have one name, which a test rules out.
    #[rustfmt::skip]
    pub fn new() -> Result<Self, prometheus::Error> {
        let new = Registering(Registry::new());
        new.build_info()?;
        // One line a metric: what it is called, what it counts, by what.
        Ok(Self {
            requests: new.counters("requests_total", "Requests answered.", &["route", "model", "status", "outcome"])?,
            rejections: new.counters("rejections_total", "Requests refused by the gateway itself, without a call to an upstream.", &["route", "code"])?,
            adjustments: new.counters("adjustments_total", "Values changed on the client's behalf before forwarding.", &["model", "field"])?,
            duration: new.durations("request_duration_seconds", "Time from a request's head to its answer's head.", &["route"])?,
            in_flight: new.gauge("requests_in_flight", "Requests that have no answer yet.")?,
            orphaned: new.counter("orphaned_jobs_total", "Paid calls that were answered after their client had left. The log names their jobs.")?,
            attempts: new.counters("upstream_attempts_total", "Attempts made at an upstream.", &["upstream", "kind"])?,
            retries: new.counters("retries_total", "Attempts beside a call's first, by what made them necessary.", &["upstream", "reason"])?,
            retry_budget_exhausted: new.counters("retry_budget_exhausted_total", "Calls that were not asked again because the upstream's retry budget was used up.", &["upstream"])?,
            possible_duplicates: new.counters("possible_duplicates_total", "Creates that were asked again although the first attempt may have been accepted.", &["upstream"])?,
            breaker_state: new.gauges("breaker_state", "An upstream's breaker: 0 closed, 1 half-open, 2 open.", &["upstream"])?,
            slots_in_use: new.gauges("slots_in_use", "Job slots that are held.", &["scope", "name"])?,
            slots_waiting: new.gauges("slots_waiting", "Creates that wait for a job slot.", &["scope", "name"])?,
            ledger_operations: new.counters("ledger_operations_total", "What was asked of the ledger's store, and whether it was done.", &["operation", "result"])?,
            ledger_open: new.gauge("ledger_open", "Paid calls that are under way and have no outcome yet.")?,
            redis_up: new.gauges("redis_up", "Whether Redis answers, where one is configured: 1 or 0.", &[]).map(OptionalGauge)?,
            registry: new.0,
        })
    }

    /// The page Prometheus scrapes.
    #[must_use]
    pub fn page(&self) -> Vec<u8> {
        let mut page = Vec::new();
        // Writing into memory cannot fail; a metric that cannot be encoded is left out of the page.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut page);
        page
    }
}

/// A gauge that is on the page only once it was set.
#[derive(Clone, Debug)]
pub struct OptionalGauge(IntGaugeVec);

impl OptionalGauge {
    /// Sets it, and shows it from now on.
    pub fn set(&self, value: i64) {
        self.0.with_label_values::<&str>(&[]).set(value);
    }
}

/// Registers as it makes. Names get the prefix that all of them have.
struct Registering(Registry);

impl Registering {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        self.registered(IntCounterVec::new(options(name, help), labels)?)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.registered(IntCounter::with_opts(options(name, help))?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
        self.registered(IntGaugeVec::new(options(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.registered(IntGauge::with_opts(options(name, help))?)
    }

    fn durations(&self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, prometheus::Error> {
        let options = HistogramOpts::from(options(name, help)).buckets(DURATIONS.to_vec());
        self.registered(HistogramVec::new(options, labels)?)
    }

    fn build_info(&self) -> Result<(), prometheus::Error> {
        let build = self.gauges("build_info", "Always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(())
    }

    fn registered<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("reelgate_{name}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_registers_and_has_a_help_text() {
        let metrics = Metrics::new().expect("distinct names");
        metrics.requests.with_label_values(&["/v1/videos", NO_MODEL, "200", "forwarded"]).inc();
        let page = String::from_utf8(metrics.page()).expect("UTF-8");
        assert!(page.contains("# HELP reelgate_requests_total"), "{page}");
        assert!(page.contains("reelgate_build_info{version="), "{page}");
    }
}
