//! Counting bytes as they pass.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use prometheus::IntCounter;

/// Counts bytes; without a counter, nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Option<IntCounter>);

impl Meter {
    pub(super) const fn of(counter: IntCounter) -> Self {
        Self(Some(counter))
    }

    /// So many bytes came by.
    pub(crate) fn count(&self, bytes: usize) {
        if let Some(counter) = &self.0 {
            counter.inc_by(bytes as u64);
        }
    }

    /// What was asked of a body came to this.
    pub(crate) fn count_frame<E>(&self, frame: &Option<Result<Frame<Bytes>, E>>) {
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.count(data.len());
        }
    }
}

/// A body whose bytes are counted as they are taken.
#[derive(Debug)]
pub(crate) struct Metered<B> {
    inner: B,
    meter: Meter,
}

impl<B> Metered<B> {
    pub(crate) const fn new(inner: B, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Metered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        self.meter.count_frame(&frame);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
