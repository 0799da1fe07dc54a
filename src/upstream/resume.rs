//! Downloads that go on where they broke.
//!
//! An upstream that gave a strong entity tag and a length can be asked for just the bytes that are missing. The
//! client notices nothing but a pause, and what it gets is the very file, or a cut: nothing is ever pieced
//! together from two different files.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{self, HeaderName};
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{sleep, timeout};

use super::call::Kind;
use super::connect::{Asked, Transport};
use super::stream::Download;
use super::traced;
use super::upstream_metrics::{UpstreamMetrics, class_of};
use crate::failure::Failure;
use crate::journey::Journey;

mod content_range;
mod missing;
#[cfg(test)]
mod tests;

pub(super) use missing::Missing;

/// What is needed to ask again.
pub(super) struct Again {
    /// Where.
    pub(super) leaf: Transport,
    /// The request, as it was sent at first.
    pub(super) request: Request<()>,
    /// How long an answer's head may take.
    pub(super) head_timeout: Duration,
    /// How long a body may pause.
    pub(super) body_idle: Duration,
    /// How often in a row without a byte coming.
    pub(super) attempts: u32,
    /// Where that is counted.
    pub(super) tally: UpstreamMetrics,
    /// Where the request's way is written down.
    pub(super) journey: Journey,
}

/// The body of a download that goes on where it broke.
pub(super) struct Resumed {
    phase: Phase,
    missing: Missing,
    again: Again,
    /// Attempts since the last byte.
    made: u32,
}

enum Phase {
    Reading(Download),
    Asking(Asking),
    /// Nothing more comes.
    Over,
}

/// Waits, asks for the rest, and yields it; or what is to be done about an answer that is not the rest.
type Asking = Pin<Box<dyn Future<Output = (io::Error, Answered)> + Send>>;

/// What asking for the rest came to.
enum Answered {
    /// Here it is.
    Rest(Download),
    /// The upstream could not be asked, or could not answer: it may yet.
    Unable,
    /// It answered with something else, and always will.
    Other,
}

// === impl Again ===

/// Conditions of the client's that were met by the first answer, and would only be in the way.
const CONDITIONS: [HeaderName; 4] =
    [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];

impl Again {
    fn request(&self, missing: &Missing) -> Option<Request<()>> {
        let mut request = self.request.clone();
        let headers = request.headers_mut();
        for condition in &CONDITIONS {
            headers.remove(condition);
        }
        headers.insert(header::RANGE, missing.range()?);
        headers.insert(header::IF_RANGE, missing.etag().clone());
        traced::name(headers, self.journey.attempt());
        Some(request)
    }

    /// Asks for what is missing after a pause. `why` is what broke, to be told if nothing comes of it.
    fn ask(&self, missing: &Missing, pause: Duration, why: io::Error) -> Asking {
        let (leaf, request, missing) = (self.leaf.clone(), self.request(missing), missing.clone());
        let (head_timeout, body_idle, tally) = (self.head_timeout, self.body_idle, self.tally.clone());
        Box::pin(async move {
            sleep(pause).await;
            let Some(request) = request else { return (why, Answered::Other) };
            let asked = Asked { head: &request, wanted: &[] };
            let attempt = tally.attempt(Kind::Fetch);
            let answer = timeout(head_timeout, leaf.send(&asked, Body::empty())).await;
            let answer = answer.unwrap_or(Err(Failure::HeadTimeout));
            attempt.head_came();
            attempt.ended(
                answer.as_ref().map_or_else(|failure| failure.name(), |answer| class_of(answer.status())),
            );
            let answered = match answer {
                Ok(answer) => Answered::of(answer, &missing, body_idle).counted(&tally),
                Err(_) => Answered::Unable,
            };
            (why, answered)
        })
    }
}

impl Answered {
    fn of(answer: Response<Body>, missing: &Missing, body_idle: Duration) -> Self {
        let status = answer.status();
        if missing.is_met_by(status, answer.headers()) {
            Self::Rest(Download::new(answer.into_body(), body_idle))
        } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Self::Unable
        } else {
            Self::Other
        }
    }

    fn counted(self, tally: &UpstreamMetrics) -> Self {
        match self {
            Self::Rest(download) => {
                tally.resumed();
                Self::Rest(download.metered(tally.received()))
            }
            Self::Unable | Self::Other => self,
        }
    }
}

/// Pause before the attempt of this number, from 0, at most. What broke is often up again at once, and the
/// client waits.
fn pause_max(attempt: u32) -> Duration {
    Duration::from_millis(200).saturating_mul(1 << attempt.min(4))
}

/// The pause: at least half of the longest, so that an upstream that breaks every time is not asked without one.
fn pause(attempt: u32, jitter: f64) -> Duration {
    pause_max(attempt).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

// === impl Resumed ===

impl Resumed {
    pub(super) fn new(download: Download, missing: Missing, again: Again) -> Self {
        Self { phase: Phase::Reading(download), missing, again, made: 0 }
    }

    /// Counts what came.
    fn came(&mut self, bytes: &Bytes) -> io::Result<()> {
        let length = bytes.len() as u64;
        if length > self.missing.left() {
            self.phase = Phase::Over;
            return Err(io::Error::other("more came than was announced"));
        }
        self.missing.came(length);
        self.made = if length > 0 { 0 } else { self.made };
        Ok(())
    }

    /// It broke: asks for the rest, or tells so.
    fn broke(&mut self, why: io::Error) -> io::Result<()> {
        // An upstream that went quiet has been waited for long enough.
        let quiet = why.kind() == io::ErrorKind::TimedOut;
        if quiet || self.made >= self.again.attempts {
            self.phase = Phase::Over;
            return Err(why);
        }
        let pause = pause(self.made, fastrand::f64());
        self.made += 1;
        self.phase = Phase::Asking(self.again.ask(&self.missing, pause, why));
        Ok(())
    }

    fn answered(&mut self, why: io::Error, answered: Answered) -> io::Result<()> {
        match answered {
            Answered::Rest(download) => self.phase = Phase::Reading(download),
            Answered::Unable => return self.broke(why),
            Answered::Other => {
                self.phase = Phase::Over;
                return Err(why);
            }
        }
        Ok(())
    }
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            let moved = match &mut self.phase {
                Phase::Over => return Poll::Ready(None),
                Phase::Asking(asking) => {
                    let (why, answered) = ready!(asking.as_mut().poll(cx));
                    self.answered(why, answered)
                }
                Phase::Reading(download) => match ready!(Pin::new(download).poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        let bytes = frame.into_data().unwrap_or_default();
                        match self.came(&bytes) {
                            Ok(()) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                            error => error,
                        }
                    }
                    // Nothing of what is owed is missing.
                    None | Some(Err(_)) if self.missing.left() == 0 => return Poll::Ready(None),
                    None => self.broke(io::ErrorKind::UnexpectedEof.into()),
                    Some(Err(error)) => self.broke(error),
                },
            };
            if let Err(error) = moved {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.missing.left() == 0 || matches!(self.phase, Phase::Over)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.missing.left())
    }
}
