//! A client's socket as HTTP sees it: bytes pass through, and what HTTP cannot see is seen to here.
//!
//! One file a concern, none of which does I/O; they are put together below.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) mod bare;
pub(super) mod head_time;
pub(super) mod write_idle;

use bare::Bare;
use head_time::Heads;
use write_idle::WriteIdle;

/// A socket with everything that is seen to on it. `W` words what [`Bare`] puts in the place of hyper's answers.
#[derive(Debug)]
pub(super) struct Socket<S, W> {
    pub(super) inner: S,
    /// Told of bytes that come.
    pub(super) heads: Arc<Heads>,
    /// Gives hyper's own answers a body.
    pub(super) bare: Bare<W>,
    /// Ends the wait for a client that takes nothing.
    pub(super) write_idle: WriteIdle,
    /// What was read already, before anything else comes.
    pub(super) ahead: Bytes,
}

impl<S: AsyncRead + Unpin, W: Unpin> AsyncRead for Socket<S, W> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let length = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.heads.begun();
        }
        read
    }
}

impl<S, W> AsyncWrite for Socket<S, W>
where
    S: AsyncWrite + Unpin,
    W: Fn(u16) -> Vec<u8> + Unpin,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { inner, bare, write_idle, heads, .. } = self.get_mut();
        let written = match bare.instead_of(buf) {
            Some(ours) => ours.poll_write(cx, inner),
            None => Pin::new(inner).poll_write(cx, buf),
        };
        heads.untaken(written.is_pending());
        write_idle.bound(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { inner, bare, write_idle, heads, .. } = self.get_mut();
        // hyper's own answers are a head and nothing else.
        let ours = match bufs {
            [first] => bare.instead_of(first),
            _ => None,
        };
        let written = match ours {
            Some(ours) => ours.poll_write(cx, inner),
            None => Pin::new(inner).poll_write_vectored(cx, bufs),
        };
        heads.untaken(written.is_pending());
        write_idle.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
