//! An answer's body on its way out. Its head has been logged; a body that does not end well has a line of its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tracing::{info, warn};

use super::Arrival;
use super::log::micros;
use crate::failure::Cut;

/// The answer, whose body is looked after.
pub(super) fn watched(response: Response, arrival: Arrival) -> Response {
    // Nobody asks for the body of an answer to HEAD.
    if arrival.method == Method::HEAD || response.body().is_end_stream() {
        return response;
    }
    response.map(|body| {
        let whole = body.size_hint().exact();
        Body::new(Leaving { inner: body, arrival, sent: 0, whole, ended: false })
    })
}

struct Leaving {
    inner: Body,
    arrival: Arrival,
    /// Bytes that have left.
    sent: u64,
    /// Bytes that were announced.
    whole: Option<u64>,
    /// Whether nothing more is to be said.
    ended: bool,
}

impl Leaving {
    /// The upstream broke off.
    fn broke(&mut self, cut: Cut) {
        self.ended = true;
        let reason = match cut {
            Cut::Lost => "upstream_lost",
            Cut::Quiet => "upstream_quiet",
        };
        warn!(
            reason,
            request_id = self.arrival.journey.id().as_str(),
            bytes_out = self.sent,
            duration_us = micros(self.arrival.at.elapsed()),
            "{} {}: the upstream's answer broke off",
            self.arrival.method,
            self.arrival.path,
        );
    }

    fn is_whole(&self) -> bool {
        self.inner.is_end_stream() || self.whole.is_some_and(|whole| self.sent >= whole)
    }
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(Some(Err(error))) => self.broke(cut(error)),
            Poll::Ready(None) => match self.arrival.journey.cut() {
                // Whoever reads events was told in their words.
                Some(cut) => self.broke(cut),
                None => self.ended = true,
            },
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(cut) = self.arrival.journey.cut() {
            self.broke(cut);
        } else if !self.is_whole() {
            info!(
                reason = "connection_ended",
                request_id = self.arrival.journey.id().as_str(),
                bytes_out = self.sent,
                duration_us = micros(self.arrival.at.elapsed()),
                "{} {}: the client had not got all of its answer",
                self.arrival.method,
                self.arrival.path,
            );
        }
    }
}

/// How an answer broke off, by its error.
fn cut(error: &axum::Error) -> Cut {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let mut causes = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    if causes.any(|cause| cause.kind() == io::ErrorKind::TimedOut) { Cut::Quiet } else { Cut::Lost }
}
