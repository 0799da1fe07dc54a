//! A request on its way out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Method;
use bytes::{Buf, BufMut, BytesMut};
use tokio::io::AsyncWrite;

use super::super::error;
use super::{Asked, Head};
use crate::failure::Failure;

/// Writes a request's head and body, framed. Between requests it has nothing to write.
#[derive(Default)]
pub(super) struct Departing {
    /// The head, or what frames a piece; goes before the piece.
    text: BytesMut,
    /// The piece of the body that is being written.
    piece: Bytes,
    /// Where the next piece comes from; absent once the last has come.
    body: Option<Body>,
    /// What may come of it, where that was announced; else it goes in chunks.
    announced: Option<u64>,
    /// Whether a chunk was written, which ends in front of the next.
    in_chunks: bool,
    /// Whether it could not leave as a whole.
    is_cut: bool,
}

/// Bytes of a head, about; most have fewer.
const HEAD: usize = 1 << 10;

impl Departing {
    /// Takes a request.
    pub(super) fn begin<H: Head>(&mut self, asked: &Asked<'_, H>, body: Body) {
        let length = body.size_hint().exact();
        self.text.clear();
        self.text.reserve(HEAD);
        write_head(&mut self.text, asked, length);
        *self = Self {
            text: std::mem::take(&mut self.text),
            body: (!body.is_end_stream()).then_some(body),
            announced: length,
            ..Self::default()
        };
    }

    /// Whether nothing more is going to leave.
    pub(super) fn is_over(&self) -> bool {
        self.is_cut || (self.body.is_none() && !self.has_unwritten())
    }

    /// Whether it could not leave as a whole.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Writes on until all of it has left.
    pub(super) fn poll(
        &mut self,
        socket: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        let left = self.poll_leave(socket, cx);
        self.is_cut = matches!(left, Poll::Ready(Err(_)));
        left
    }

    fn poll_leave(
        &mut self,
        mut socket: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        loop {
            // The first piece goes with the head.
            if self.piece.is_empty() && self.body.is_some() && self.poll_piece(cx)?.is_ready() {
                continue;
            }
            if !self.has_unwritten() {
                // TLS holds back until it is told to go.
                let flushed = socket.as_mut().poll_flush(cx).map_err(|error| error::of_io(&error))?;
                return if self.body.is_some() { Poll::Pending } else { flushed.map(Ok) };
            }
            ready!(self.poll_write(socket.as_mut(), cx)).map_err(|error| error::of_io(&error))?;
        }
    }

    fn has_unwritten(&self) -> bool {
        self.text.has_remaining() || self.piece.has_remaining()
    }

    fn poll_write(
        &mut self,
        socket: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let written = if self.piece.is_empty() {
            ready!(socket.poll_write(cx, &self.text))?
        } else {
            ready!(socket.poll_write_vectored(cx, &[IoSlice::new(&self.text), IoSlice::new(&self.piece)]))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let of_text = written.min(self.text.len());
        self.text.advance(of_text);
        self.piece.advance(written - of_text);
        Poll::Ready(Ok(()))
    }

    /// Takes the next piece of the body, or its end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let Some(body) = &mut self.body else { return Poll::Pending };
        match ready!(Pin::new(body).poll_frame(cx)) {
            Some(Err(_)) => return Poll::Ready(Err(Failure::Lost)),
            Some(Ok(frame)) => {
                let piece = frame.into_data().unwrap_or_default();
                if !piece.is_empty() {
                    self.frame(piece).ok_or(Failure::Lost)?;
                }
            }
            None => {
                self.body = None;
                self.end().ok_or(Failure::Lost)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// `None` if it is more than was announced.
    fn frame(&mut self, piece: Bytes) -> Option<()> {
        match &mut self.announced {
            Some(left) => {
                *left = left.checked_sub(piece.len() as u64)?;
                if *left == 0 {
                    self.body = None;
                }
            }
            None => {
                let before = if self.in_chunks { "\r\n" } else { "" };
                self.text.put_slice(format!("{before}{:x}\r\n", piece.len()).as_bytes());
                self.in_chunks = true;
            }
        }
        self.piece = piece;
        Some(())
    }

    /// `None` if it is less than was announced.
    fn end(&mut self) -> Option<()> {
        match self.announced {
            Some(left) => (left == 0).then_some(()),
            None => {
                self.text.put_slice(if self.in_chunks { b"\r\n0\r\n\r\n" } else { b"0\r\n\r\n" });
                Some(())
            }
        }
    }
}

fn write_head<H: Head>(text: &mut BytesMut, asked: &Asked<'_, H>, length: Option<u64>) {
    let method = asked.head.method();
    text.put_slice(method.as_str().as_bytes());
    text.put_u8(b' ');
    asked.head.write_target(text);
    text.put_slice(b" HTTP/1.1\r\nhost: ");
    text.put_slice(asked.host.as_bytes());
    text.put_slice(b"\r\n");
    asked.head.each_header(|name, value| {
        text.put_slice(name.as_str().as_bytes());
        text.put_slice(b": ");
        text.put_slice(value.as_bytes());
        text.put_slice(b"\r\n");
    });
    match length {
        // A body is expected of these alone.
        Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {}
        Some(length) => {
            text.put_slice(b"content-length: ");
            text.put_slice(itoa::Buffer::new().format(length).as_bytes());
            text.put_slice(b"\r\n");
        }
        None => text.put_slice(b"transfer-encoding: chunked\r\n"),
    }
    text.put_slice(b"\r\n");
}
