//! Bytes that have come and were not looked at yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Bytes that are read at a time at first: an answer about a job fits.
const READ_MIN: usize = 4 << 10;
/// Bytes that are read at a time, at most. More would be faster by little, and is held for each download whose upstream
/// is quicker than its client.
pub(crate) const READ_MAX: usize = 128 << 10;

/// Reads as much at a time as there seems to be.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    pub(crate) buffer: BytesMut,
    size: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), size: READ_MIN }
    }
}

impl ReadBuffer {
    /// Reads on; yields how many bytes came, 0 at the end.
    pub(crate) fn poll_more(
        &mut self,
        socket: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.buffer.reserve(self.size);
        let read = ready!(poll_read_buf(socket, cx, &mut self.buffer))?;
        if read >= self.size {
            self.size = (self.size * 2).min(READ_MAX);
        } else if read < self.size / 4 {
            self.size = (self.size / 2).max(READ_MIN);
        }
        Poll::Ready(Ok(read))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn it_reads_more_at_a_time_while_there_is_much_and_less_again() {
        let (mut ours, mut theirs) = tokio::io::duplex(4 * READ_MAX);
        let mut received = ReadBuffer::default();
        let mut sizes = Vec::new();
        for bytes in [4 * READ_MAX, 10, 10, 10, 10, 10, 10] {
            theirs.write_all(&vec![0; bytes]).await.expect("room");
            let mut left = bytes;
            while left > 0 {
                let read = poll_fn(|cx| received.poll_more(Pin::new(&mut ours), cx)).await.expect("a stream");
                assert!(read <= 2 * READ_MAX, "{read}");
                left -= read;
                received.buffer.clear();
                sizes.push(received.size);
            }
        }
        assert!(sizes.contains(&READ_MAX), "{sizes:?}");
        assert_eq!(sizes.last(), Some(&READ_MIN), "{sizes:?}");
    }
}
