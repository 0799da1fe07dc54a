//! Answers that hyper writes by itself.
//!
//! hyper answers a head it cannot parse with a status and nothing else, below everything that could give the
//! answer a body. This wrapper of the socket recognises such an answer, by the request id that all of ours
//! carry and it lacks, and sends ours in its place.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket whose bare error answers are given a body.
pub(super) struct Bare<S> {
    inner: S,
    /// Makes the whole answer for a status.
    answer: fn(u16) -> Vec<u8>,
    /// What is left of an answer that replaces hyper's.
    pending: Vec<u8>,
    /// How many bytes hyper believes to have written with it.
    claimed: usize,
    /// Whether ours was sent: it is the last thing on its connection.
    last: bool,
}

impl<S> Bare<S> {
    pub(super) fn new(inner: S, answer: fn(u16) -> Vec<u8>) -> Self {
        Self { inner, answer, pending: Vec::new(), claimed: 0, last: false }
    }
}

/// The status of an answer hyper made by itself, if `written` is one.
fn bare_status(written: &[u8]) -> Option<u16> {
    let status = written.strip_prefix(b"HTTP/1.1 4").or_else(|| written.strip_prefix(b"HTTP/1.0 4"))?;
    let digits = status.get(..2)?;
    let finds = |text: &[u8]| memchr::memmem::find(written, text).is_some();
    let is_whole = finds(b"\r\ncontent-length: 0\r\n") && written.ends_with(b"\r\n\r\n");
    if finds(b"request-id: ") || !is_whole {
        return None;
    }
    let [tens, ones] = digits else { return None };
    Some(400 + u16::from(tens.wrapping_sub(b'0')) * 10 + u16::from(ones.wrapping_sub(b'0')))
}

impl<S: AsyncWrite + Unpin> Bare<S> {
    /// Sends what is left of our answer; then tells hyper that its own has been written.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Should a video ever look like hyper's answer, the connection ends with it, and nothing after it can
        // be taken for another answer.
        if self.claimed == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(std::mem::take(&mut self.claimed)))
    }

    /// Whether `written` is hyper's own answer, which ours then replaces.
    fn replaces(&mut self, written: &[u8]) -> bool {
        if self.last {
            return true;
        }
        let Some(status) = bare_status(written) else { return false };
        self.pending = (self.answer)(status);
        self.claimed = written.len();
        self.last = true;
        true
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bare<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(buf) {
            return self.poll_pending(cx);
        }
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [first] = bufs
            && self.replaces(first)
        {
            return self.poll_pending(cx);
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bare<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_our_request_id_is_hypers() {
        let bare =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(bare_status(bare), Some(431));
        for ours in [
            &b"HTTP/1.1 404 Not Found\r\nx-request-id: req_1\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\nrequest-id: req_1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 400 in the middle of a body",
            b"",
        ] {
            assert_eq!(bare_status(ours), None, "{:?}", String::from_utf8_lossy(ours));
        }
    }
}
