//! What clients ask, and what they get.

use prometheus::{Error, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::meter::Meter;
use super::registering::Registering;

/// Label of a request that no route took.
pub(crate) const NO_ROUTE: &str = "none";

/// The templates of all routes, and [`NO_ROUTE`]; those that are asked for most stand first.
pub(crate) static ROUTES: [&str; 10] = [
    "/v1/videos/{id}",
    "/v1/videos",
    "/v1/videos/{id}/content",
    "/v1/*",
    "/v1/videos/{id}/remix",
    "/v1/videos/edits",
    "/v1/videos/extensions",
    "/v1/videos/characters",
    "/v1/videos/characters/{id}",
    NO_ROUTE,
];

/// Requests and their answers.
#[derive(Debug)]
pub(crate) struct Requests {
    /// Requests answered, by model, route, status, outcome and fault domain.
    pub(crate) answered: IntCounterVec,
    /// The times of each route. All are there from the start: what clients ask for first makes no series.
    times: [(&'static str, Times); ROUTES.len()],
    /// Requests that have no answer yet.
    pub(crate) in_flight: IntGauge,
    /// Open connections of clients.
    pub(crate) connections: IntGauge,
    /// Requests refused by the gateway itself, by route, code and field.
    pub(crate) rejections: IntCounterVec,
    /// Values changed on the client's behalf, by model and field.
    pub(crate) adjustments: IntCounterVec,
    /// Paid calls that were answered with the answer of an earlier try.
    pub(crate) replays: IntCounter,
    /// Bytes of bodies.
    pub(crate) bytes: Bytes,
}

/// Bytes of bodies, without their framing: from whom they came, or to whom they went.
#[derive(Debug)]
pub(crate) struct Bytes {
    pub(crate) from_clients: Meter,
    pub(crate) to_clients: Meter,
    pub(crate) from_upstreams: Meter,
    pub(crate) to_upstreams: Meter,
}

/// The times of one route.
#[derive(Debug)]
pub(crate) struct Times {
    /// Seconds from a request's head to its answer's head.
    pub(crate) duration: Histogram,
    /// Those of them that the gateway itself took.
    pub(crate) overhead: Histogram,
}

/// Upper bounds of durations, in seconds: local refusals take microseconds, creates seconds.
const DURATIONS: [f64; 12] = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0];
/// Upper bounds of what the gateway itself takes, in seconds: what is above a millisecond waited for a disk, or for
/// the processor.
const OVERHEADS: [f64; 12] =
    [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.1, 1.0];

impl Requests {
    #[rustfmt::skip]
    pub(super) fn new(new: &Registering) -> Result<Self, Error> {
        let duration = new.times("request_duration_seconds", "Time from a request's head to its answer's head, in seconds.", (&["route"], &DURATIONS))?;
        let overhead = new.times("request_overhead_seconds", "Of the time from a request's head to its answer's head, what the gateway itself took, in seconds: without waits for the client's body, for a turn in line, for pauses between attempts and for the upstream, and with those for the ledger's disk.", (&["route"], &OVERHEADS))?;
        Ok(Self {
            answered: new.counters("requests_total", "Requests answered, by outcome and by whose fault it is that they did not go well.", &["model", "route", "status", "outcome", "fault"])?,
            times: ROUTES.map(|route| (route, Times::of(route, &duration, &overhead))),
            in_flight: new.gauge("requests_in_flight", "Requests that have no answer yet.")?,
            connections: new.gauge("connections", "Open connections of clients.")?,
            rejections: new.counters("rejections_total", "Requests refused by the gateway itself, by the code in the answer and the field it is about.", &["code", "route", "param"])?,
            adjustments: new.counters("adjustments_total", "Values changed on the client's behalf before forwarding.", &["model", "field"])?,
            replays: new.counter("replays_total", "Repeats of paid calls that were given the answer of an earlier try.")?,
            bytes: Bytes::new(new)?,
        })
    }

    /// The times of a route.
    pub(crate) fn times(&self, route: &str) -> Option<&Times> {
        self.times.iter().find(|(known, _)| *known == route).map(|(_, times)| times)
    }
}

impl Times {
    fn of(route: &str, duration: &HistogramVec, overhead: &HistogramVec) -> Self {
        Self {
            duration: duration.with_label_values(&[route]),
            overhead: overhead.with_label_values(&[route]),
        }
    }
}

impl Bytes {
    fn new(new: &Registering) -> Result<Self, Error> {
        let help = "Bytes of bodies, without framing, from (in) and to (out) clients and upstreams.";
        let bytes = new.counters("body_bytes_total", help, &["side", "direction"])?;
        let meter = |side, direction| Meter::of(bytes.with_label_values(&[side, direction]));
        Ok(Self {
            from_clients: meter("client", "in"),
            to_clients: meter("client", "out"),
            from_upstreams: meter("upstream", "in"),
            to_upstreams: meter("upstream", "out"),
        })
    }
}
