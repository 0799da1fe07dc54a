//! Until when a call must be answered, whatever its attempts.
//!
//! The clock starts when the client's body is here: a slow client is not the upstream's fault, and costs it no time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

/// The end of a call.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    own: Duration,
    limit: Duration,
    announced: bool,
    /// Whether an attempt that was begun is seen through when the client waits no longer.
    outlives: bool,
    start: Arc<OnceLock<Instant>>,
}

impl Deadline {
    /// `own`: what the configuration allows. A client that announces less is answered while it still waits.
    pub(super) fn new(own: Duration, headers: &HeaderMap) -> Self {
        let announced = announced(headers).filter(|&announced| announced < own);
        let start = Arc::new(OnceLock::new());
        let limit = announced.unwrap_or(own);
        Self { own, limit, announced: announced.is_some(), outlives: false, start }
    }

    /// The same for a call whose client is answered by somebody else when its patience ends: what was begun then is
    /// seen through, and nothing is begun any more.
    pub(super) fn outliving(self) -> Self {
        Self { outlives: true, ..self }
    }

    /// How long the call may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// The client's body is here. Only the first time counts.
    pub(super) fn start(&self, now: Instant) {
        let _ = self.start.set(now);
    }

    /// When nothing is begun any more, if the clock has started.
    pub(super) fn end(&self) -> Option<Instant> {
        self.after(self.limit)
    }

    /// When an attempt is given up.
    pub(super) fn end_of_attempt(&self) -> Option<Instant> {
        self.after(if self.outlives { self.own } else { self.limit })
    }

    /// Whether an attempt is given up because the client waits less long than the upstream may take.
    pub(super) fn is_announced(&self) -> bool {
        self.announced && !self.outlives
    }

    fn after(&self, limit: Duration) -> Option<Instant> {
        self.start.get().and_then(|start| start.checked_add(limit))
    }
}

/// How SDKs say how long they wait, in seconds.
static ANNOUNCED: [HeaderName; 2] =
    [HeaderName::from_static("x-stainless-read-timeout"), HeaderName::from_static("x-stainless-timeout")];

/// The shortest wait a client announces, less a tenth for the answer's way back. SDKs are known to send
/// `NOT_GIVEN` and zero; what is no time above zero announces nothing.
fn announced(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |value: &HeaderValue| value.to_str().ok()?.trim().parse::<f64>().ok();
    let times = ANNOUNCED.iter().filter_map(|name| headers.get(name)).filter_map(seconds);
    let times = times.filter_map(|seconds| Duration::try_from_secs_f64(seconds * 0.9).ok());
    times.filter(|time| !time.is_zero()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RT32: odd values are ignored.
    #[test]
    fn a_client_announces_how_long_it_waits() {
        let read = "x-stainless-read-timeout";
        let total = "x-stainless-timeout";
        for (headers, expected) in [
            (vec![(read, "600")], Some(540_000)),
            (vec![(total, "1.5")], Some(1350)),
            (vec![(read, "600"), (total, "10")], Some(9000)),
            (vec![(read, "10"), (total, "NOT_GIVEN")], Some(9000)),
            (vec![(read, "NaN")], None),
            (vec![(read, "inf")], None),
            (vec![(read, "0")], None),
            (vec![(read, "-5")], None),
            (vec![(read, "1e300")], None),
            (vec![(read, "")], None),
            (vec![], None),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(announced(&map), expected.map(Duration::from_millis), "{headers:?}");
        }
    }

    /// RT32
    #[tokio::test(start_paused = true)]
    async fn the_shorter_of_both_counts_from_the_end_of_the_upload() {
        let mut headers = HeaderMap::new();
        headers.insert("x-stainless-timeout", HeaderValue::from_static("100"));
        for (own, limit, announced) in [(60, 60, false), (600, 90, true)] {
            let deadline = Deadline::new(Duration::from_secs(own), &headers);
            assert_eq!(deadline.end(), None);
            let now = Instant::now();
            deadline.start(now);
            deadline.start(now + Duration::from_secs(5));
            assert_eq!(deadline.end(), Some(now + Duration::from_secs(limit)));
            assert_eq!(deadline.is_announced(), announced);
        }
    }
}
