//! Clients that do not take what they asked for.
//!
//! Such a client holds up its upstream, since nothing is buffered for it. It is waited for, but not for ever.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::idle::Idle;

/// Ends writing to a client that has not taken a byte for too long.
#[derive(Debug)]
pub(in crate::server) struct WriteIdle {
    idle: Idle,
    expired: bool,
}

impl WriteIdle {
    pub(in crate::server) fn new(limit: Duration) -> Self {
        Self { idle: Idle::new(limit), expired: false }
    }

    /// Whether it was this that ended the connection.
    pub(in crate::server) fn is_expired(&self) -> bool {
        self.expired
    }

    /// The outcome of a write, or the end of waiting for it.
    pub(super) fn bound(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let waited = written.is_pending();
        let bound = self.idle.bound(cx, written);
        self.expired |= waited && bound.is_ready();
        bound
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::{Instant, sleep};

    use super::super::Socket;
    use super::super::bare::Bare;
    use super::super::head_time::Heads;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    type Words = fn(u16) -> Vec<u8>;

    fn pair() -> (Socket<DuplexStream, Words>, DuplexStream) {
        let (inner, client) = tokio::io::duplex(8);
        let words: Words = |_| Vec::new();
        let write_idle = WriteIdle::new(LIMIT);
        (
            Socket {
                inner,
                heads: Heads::default().into(),
                bare: Bare::new(words),
                write_idle,
                ahead: Bytes::new(),
            },
            client,
        )
    }

    /// LM15
    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (mut socket, _client) = pair();
        let began = Instant::now();
        let error = socket.write_all(&[0; 9]).await.expect_err("nobody reads");
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, LIMIT));
        assert!(socket.write_idle.is_expired());
    }

    /// TO04: no matter how long it takes.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_little_at_a_time_is_served() {
        let (mut socket, mut client) = pair();
        let reading = tokio::spawn(async move {
            let mut taken = Vec::new();
            while client.read_buf(&mut taken).await.expect("a stream") > 0 {
                sleep(LIMIT - Duration::from_secs(1)).await;
            }
            taken.len()
        });
        socket.write_all(&[0; 200]).await.expect("it is read");
        assert!(!socket.write_idle.is_expired());
        drop(socket);
        assert_eq!(reading.await.expect("no panic"), 200);
    }

    /// What the upstream takes its time over is not the client's fault.
    #[tokio::test(start_paused = true)]
    async fn only_the_wait_for_the_client_counts() {
        let (mut socket, mut client) = pair();
        for _ in 0..3 {
            socket.write_all(&[0; 8]).await.expect("there is room");
            sleep(2 * LIMIT).await;
            let mut taken = [0; 8];
            client.read_exact(&mut taken).await.expect("they were sent");
        }
    }
}
