//! A body on its way to an upstream, what is on disk read as the connection takes it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

use super::Doing;
use crate::request_body::{Piece, SpooledPart};

/// Bytes that are read at a time.
const READ: u64 = 128 << 10;

/// A body of these pieces.
pub(crate) fn sending(pieces: Vec<Piece>) -> Body {
    // A single piece in memory is what nearly every body is, and needs no queue.
    match <[Piece; 1]>::try_from(pieces) {
        Ok([Piece::Here(bytes)]) => Body::from(bytes),
        Ok([away]) => Body::new(Sending::new(vec![away])),
        Err(many) => Body::new(Sending::new(many)),
    }
}

/// What is still to be sent.
struct Sending {
    pieces: VecDeque<Piece>,
    /// What is being read of the first of them, which already is without it.
    reading: Option<Doing<BytesMut>>,
    /// Bytes that are being read.
    read: u64,
    /// What was sent last. Once the connection has let go of it, its memory is used again.
    sent: Bytes,
}

impl Sending {
    fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces: pieces.into(), reading: None, read: 0, sent: Bytes::new() }
    }

    /// Begins to read, if what comes next is to be read.
    fn read_on(&mut self) {
        let Some(Piece::SpooledPart(SpooledPart { stored, range, .. })) = self.pieces.front_mut() else {
            return;
        };
        let length = READ.min(range.end - range.start);
        let mut into = std::mem::take(&mut self.sent).try_into_mut().unwrap_or_default();
        into.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        self.reading = Some(stored.read(range.start, into));
        self.read = length;
        range.start += length;
        if range.is_empty() {
            self.pieces.pop_front();
        }
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.reading.is_none() {
            if let Some(Piece::Here(_)) = self.pieces.front()
                && let Some(Piece::Here(bytes)) = self.pieces.pop_front()
            {
                // Meanwhile.
                self.read_on();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            self.read_on();
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(cx));
        (self.reading, self.read) = (None, 0);
        let bytes = read?.freeze();
        self.read_on();
        self.sent = bytes.clone();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.reading.is_none() && self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.read + self.pieces.iter().map(Piece::len).sum::<u64>())
    }
}
