//! What is counted. Labels come from the configuration and from closed vocabularies, never from a request.

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub mod upstreams;

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
    /// Attempts, repeats, and the health of upstreams.
    pub upstreams: upstreams::Upstreams,
}

/// Upper bounds of the duration histogram, in seconds: local refusals take microseconds, creates seconds.
const DURATIONS: [f64; 14] =
    [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// If two metrics have one name, which a test rules out.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let requests = counter(
            "reelgate_requests_total",
            "Requests answered.",
            &["route", "model", "status", "outcome"],
        )?;
        let rejections = counter(
            "reelgate_rejections_total",
            "Requests refused by the gateway itself, without a call to an upstream.",
            &["route", "code"],
        )?;
        let adjustments = counter(
            "reelgate_adjustments_total",
            "Values changed on the client's behalf before forwarding.",
            &["model", "field"],
        )?;
        let duration = HistogramVec::new(
            HistogramOpts::new(
                "reelgate_request_duration_seconds",
                "Time from a request's head to its answer's head.",
            )
            .buckets(DURATIONS.to_vec()),
            &["route"],
        )?;
        registry.register(Box::new(duration.clone()))?;
        let orphaned = IntCounter::new(
            "reelgate_orphaned_jobs_total",
            "Paid calls that were answered after their client had left. The log names their jobs.",
        )?;
        registry.register(Box::new(orphaned.clone()))?;
        let in_flight = IntGauge::new("reelgate_requests_in_flight", "Requests that have no answer yet.")?;
        registry.register(Box::new(in_flight.clone()))?;
        let build = IntGaugeVec::new(Opts::new("reelgate_build_info", "Always 1."), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let upstreams = upstreams::Upstreams::register(&registry)?;
        Ok(Self { registry, requests, duration, in_flight, rejections, adjustments, orphaned, upstreams })
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
