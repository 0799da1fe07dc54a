//! Answers that hyper writes by itself.
//!
//! hyper answers a head it cannot parse with a status and nothing else, below everything that could give the
//! answer a body. Such an answer is recognised on its way out, by the request id that all of ours carry and it
//! lacks, and ours is sent in its place.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Finds hyper's own answers. `W` makes the whole answer for a status.
#[derive(Debug)]
pub(in crate::server) struct Bare<W> {
    words: W,
    ours: Option<Ours>,
}

/// The answer that replaces hyper's: the last thing on its connection.
#[derive(Debug)]
pub(super) struct Ours {
    /// What is left of it.
    pending: Vec<u8>,
    /// How many bytes hyper believes to have written with it; 0 once it has been told.
    claimed: usize,
}

impl<W> Bare<W> {
    pub(in crate::server) fn new(words: W) -> Self {
        Self { words, ours: None }
    }

    /// Whether an answer was replaced.
    pub(in crate::server) fn has_answered(&self) -> bool {
        self.ours.is_some()
    }
}

impl<W: Fn(u16) -> Vec<u8>> Bare<W> {
    /// What is to be written in the place of `written`, if that is hyper's own answer or what follows it.
    pub(super) fn instead_of(&mut self, written: &[u8]) -> Option<&mut Ours> {
        if self.ours.is_none() {
            let status = bare_status(written)?;
            self.ours = Some(Ours { pending: (self.words)(status), claimed: written.len() });
        }
        self.ours.as_mut()
    }
}

impl Ours {
    /// Sends what is left of it; then tells hyper that its own has been written.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        inner: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<usize>> {
        // Should a video ever look like hyper's answer, the connection ends with it, and nothing after it can
        // be taken for another answer.
        if self.claimed == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut *inner).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(std::mem::take(&mut self.claimed)))
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
