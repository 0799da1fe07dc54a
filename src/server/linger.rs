//! Requests that nobody reads to the end.
//!
//! A server that answers early and closes at once loses its answer: the client, still sending, sees a reset
//! instead. So an unread body is read on for a while, within bounds, and thrown away; and so is what follows a
//! head that could not be read.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::config::server::Limits;
use crate::metrics::meter::Metered;

/// How much of an unread body is read on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

impl Bounds {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { bytes: limits.linger_bytes, time: limits.linger_time }
    }
}

/// A request body that, dropped too early, is read on.
pub(super) struct Lingering {
    inner: Option<Metered<Incoming>>,
    bounds: Bounds,
    ended: Arc<AtomicBool>,
}

/// Tells whether a body was read to its end.
#[derive(Debug)]
pub(super) struct Ended(Option<Arc<AtomicBool>>);

impl Ended {
    pub(super) fn is_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|ended| ended.load(Ordering::Relaxed))
    }
}

/// Wraps a body that has something to read; others pass as they are.
pub(super) fn lingering(inner: Metered<Incoming>, bounds: Bounds) -> (axum::body::Body, Ended) {
    if inner.is_end_stream() {
        return (axum::body::Body::empty(), Ended(None));
    }
    let ended = Arc::new(AtomicBool::new(false));
    let body = Lingering { inner: Some(inner), bounds, ended: Arc::clone(&ended) };
    (axum::body::Body::new(body), Ended(Some(ended)))
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *inner).poll_frame(cx));
        // A body of known length ends with its last frame; nobody asks again. A broken one never ends.
        let ended = frame.is_none() || (matches!(frame, Some(Ok(_))) && inner.is_end_stream());
        if ended || matches!(frame, Some(Err(_))) {
            self.ended.store(ended, Ordering::Relaxed);
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the connection with it.
        if let (Some(inner), Ok(runtime)) = (self.inner.take(), Handle::try_current()) {
            let Bounds { bytes, time } = self.bounds;
            runtime.spawn(async move {
                // Whatever stops it, the connection is then closed.
                let _ = timeout(time, read_on(inner, bytes)).await;
            });
        }
    }
}

async fn read_on(mut body: Metered<Incoming>, bytes: u64) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > bytes {
            break;
        }
    }
}

/// Reads on from a socket on which nothing more is said, and where no body tells what is still to come.
pub(super) async fn read_on_from(stream: &TcpStream, bounds: Bounds) {
    let to_the_end = async {
        let mut buffer = vec![0; PIECE];
        let mut read = 0;
        while read < bounds.bytes && stream.readable().await.is_ok() {
            match stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(piece) => read += piece as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    };
    // Whatever stops it, the connection is then closed.
    let _ = timeout(bounds.time, to_the_end).await;
}

/// Bytes read at a time, to be thrown away.
const PIECE: usize = 16 << 10;
