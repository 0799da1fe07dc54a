//! Sending one request and waiting for the head of its answer.

use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use tokio::time::{Instant, sleep_until};

use super::call::Missed;
use super::call::{Payload, Why};
use super::connect::{Asked, Transport};
use super::deadline::Deadline;
use super::head::AttemptHead;
use super::stream::{Phase, Progress, Upload};
use crate::failure::Failure;
use crate::metrics::meter::{Meter, Metered};
use crate::spool::sending;

/// How long sending may take.
pub(super) struct Sent {
    pub(super) head_timeout: Duration,
    pub(super) body_idle: Duration,
    pub(super) deadline: Deadline,
    /// Counts what is taken of the body.
    pub(super) meter: Meter,
}

/// Until when something is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) until: Instant,
    /// Whether it is the client that waits no longer.
    cut_short: bool,
}

impl Patience {
    /// That it is over.
    pub(super) fn over(self) -> Missed {
        Missed { why: Failure::HeadTimeout.into(), cut_short: self.cut_short }
    }
}

impl Sent {
    /// Yields the answer's head, and until when the rest may take if it must be whole.
    pub(super) async fn send(
        &self,
        leaf: &Transport,
        asked: &Asked<'_, AttemptHead<'_>>,
        payload: Payload,
    ) -> Result<(Response<Body>, Patience), Missed> {
        let (body, progress) = match payload {
            Payload::Empty => (Body::empty(), None),
            Payload::Whole(segments) => (Body::new(self.metered(sending(segments))), None),
            Payload::Streaming { body, limit, idle } => {
                let (upload, progress) = Upload::new(body, limit, idle);
                (Body::new(self.metered(upload)), Some(progress))
            }
        };
        let answer = self.head(pin!(leaf.send(asked, body)), progress.as_deref()).await;
        answer.map_err(|missed| {
            // A client that breaks off looks like a failed upstream from here; only the body knows better.
            match progress.as_ref().and_then(|progress| progress.fault.get()) {
                Some(fault) => Missed { why: Why::Rejected(fault.clone()), ..missed },
                None => missed,
            }
        })
    }

    fn metered<B>(&self, body: B) -> Metered<B> {
        Metered::new(body, self.meter.clone())
    }

    async fn head(
        &self,
        mut answer: Pin<&mut impl Future<Output = Result<Response<Body>, Failure>>>,
        progress: Option<&Progress>,
    ) -> Result<(Response<Body>, Patience), Missed> {
        let began = Phase::Answer(Instant::now());
        let phase = || progress.map_or(began, Progress::phase);
        let sent = || async {
            match progress {
                Some(progress) => progress.sent().await,
                None => std::future::pending().await,
            }
        };
        loop {
            let patience = self.patience(phase());
            tokio::select! {
                biased;
                answer = &mut answer => return match answer {
                    Ok(answer) => Ok((answer, self.patience(phase()))),
                    Err(failure) => Err(failure.into()),
                },
                // From here on, another time counts.
                () = sent() => continue,
                () = sleep_until(patience.until) => {}
            }
            if self.patience(phase()).until <= patience.until {
                return Err(patience.over());
            }
        }
    }

    /// Until when the upstream must have moved. A long upload is no slow answer, and costs the call none of its
    /// time.
    fn patience(&self, phase: Phase) -> Patience {
        let own = match phase {
            // Looked at again then; the client's own time-out ends it.
            Phase::Client => Instant::now() + self.body_idle,
            Phase::Upstream(since) => since + self.body_idle,
            Phase::Answer(since) => {
                let own = since + self.head_timeout;
                if let Some(end) = self.deadline.end_of_attempt().filter(|&end| end < own) {
                    return Patience { until: end, cut_short: self.deadline.is_announced() };
                }
                own
            }
        };
        Patience { until: own, cut_short: false }
    }
}
