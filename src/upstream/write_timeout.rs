//! Connections to an upstream that takes nothing of what it is sent.
//!
//! hyper lets go of a connection only once everything it wrote is taken, even where nobody wants it any more. Without
//! a bound it would keep, for as long as the upstream likes, the upload on its way and with it the client's own
//! connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use crate::idle::Idle;

/// A socket that fails once the other side has not taken a byte for too long.
#[derive(Debug)]
pub(super) struct WriteTimeout<S> {
    inner: S,
    idle: Idle,
}

impl<S> WriteTimeout<S> {
    pub(super) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, idle: Idle::new(limit) }
    }
}

impl<S: Connection> Connection for WriteTimeout<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

impl<S: Read + Unpin> Read for WriteTimeout<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl<S: Write + Unpin> Write for WriteTimeout<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.idle.bound(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.idle.bound(cx, written)
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

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::{Instant, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn pair() -> (TokioIo<WriteTimeout<TokioIo<DuplexStream>>>, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(8);
        (TokioIo::new(WriteTimeout::new(TokioIo::new(ours), LIMIT)), theirs)
    }

    /// TO08
    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_takes_nothing_is_given_up() {
        let (mut socket, _theirs) = pair();
        let began = Instant::now();
        let error = socket.write_all(&[0; 9]).await.expect_err("nobody reads");
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, LIMIT));
    }

    /// TO08: no matter how long all of it takes, or how long there is nothing to send.
    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_takes_little_at_a_time_gets_it_all() {
        let (mut socket, mut theirs) = pair();
        let reading = tokio::spawn(async move {
            let mut taken = Vec::new();
            while theirs.read_buf(&mut taken).await.expect("a stream") > 0 {
                sleep(LIMIT.checked_sub(Duration::from_secs(1)).expect("longer")).await;
            }
            taken.len()
        });
        socket.write_all(&[0; 100]).await.expect("it is read");
        sleep(10 * LIMIT).await;
        socket.write_all(&[0; 100]).await.expect("it is read");
        drop(socket);
        assert_eq!(reading.await.expect("no panic"), 200);
    }
}
