//! A body that does not end as it should.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

/// On an answer: close the connection instead of sending it. [`super::run`] does so.
#[derive(Clone, Copy)]
pub(super) struct HangUp;

/// Some bytes, then a break or silence.
pub(super) struct Broken {
    rest: Bytes,
    end: End,
    /// Whether the server had a turn to send what it holds since the last byte.
    flushed: bool,
}

/// How the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The connection breaks.
    Cut,
    /// Nothing more comes.
    Silence,
}

impl Broken {
    /// These bytes, then that end.
    pub(super) fn new(bytes: Bytes, end: End) -> Self {
        Self { rest: bytes, end, flushed: false }
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.rest.is_empty() {
            let bytes = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.end == End::Silence {
            return Poll::Pending;
        }
        if !self.flushed {
            // An error at once would make hyper drop the bytes before it; while it waits, it sends them.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::other("cut by a sandbox fault"))))
    }
}
