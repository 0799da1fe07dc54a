//! Bodies on their way through: nothing is buffered, nothing waits for ever, trailers are dropped, and a body
//! that breaks off never looks whole.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::idle::Idle;
use crate::metrics::meter::Meter;
use crate::rejection::Rejection;

/// An answer's body on its way to the client.
pub(super) struct Download {
    inner: Body,
    idle: Idle,
    meter: Meter,
}

impl Download {
    pub(super) fn new(inner: Body, idle: Duration) -> Self {
        Self { inner, idle: Idle::new(idle), meter: Meter::default() }
    }

    /// The same, with what comes of it counted.
    pub(super) fn metered(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => {}
                Poll::Ready(frame) => {
                    self.idle.moved();
                    self.meter.count_frame(&frame);
                    return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
                }
                Poll::Pending => {
                    ready!(self.idle.poll_expired(cx));
                    return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What both ends of an upload want to know of it.
#[derive(Debug)]
pub(super) struct Progress {
    /// Why the client's side of it ended early.
    pub(super) fault: OnceLock<Rejection>,
    phase: Mutex<Phase>,
    /// Told when the upstream has had all of it.
    sent: Notify,
}

/// Whose turn it is in an upload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// The client's: it is waited for, and has a time-out of its own.
    Client,
    /// The upstream's, since then: it has not taken what there is.
    Upstream(Instant),
    /// The upstream has had all of it since then, and owes an answer.
    Answer(Instant),
}

impl Progress {
    fn new() -> Self {
        let phase = Mutex::new(Phase::Upstream(Instant::now()));
        Self { fault: OnceLock::new(), phase, sent: Notify::new() }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the upstream has had all of it.
    pub(super) async fn sent(&self) {
        self.sent.notified().await;
    }

    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        if let Phase::Answer(_) = phase {
            self.sent.notify_one();
        }
    }
}

/// A request's body on its way to the upstream.
pub(super) struct Upload {
    inner: Body,
    idle: Idle,
    limit: u64,
    read: u64,
    progress: Arc<Progress>,
}

impl Upload {
    /// `limit`: most bytes it may have. `idle`: how long it may pause.
    pub(super) fn new(inner: Body, limit: u64, idle: Duration) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress::new());
        let upload = Self { inner, idle: Idle::new(idle), limit, read: 0, progress: Arc::clone(&progress) };
        (upload, progress)
    }

    /// Ends the upload with an error, so that the upstream never takes it for whole.
    fn break_off(&self, fault: Rejection) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // The first fault is the one that counts.
        let _ = self.progress.fault.set(fault);
        Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())))
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.idle.moved();
                    let (now, last) = (Instant::now(), self.inner.is_end_stream());
                    self.progress.enter(if last { Phase::Answer(now) } else { Phase::Upstream(now) });
                    let Ok(data) = frame.into_data() else { continue };
                    self.read = self.read.saturating_add(data.len() as u64);
                    if self.read > self.limit {
                        return self
                            .break_off(Rejection::BodyTooLarge { limit: self.limit, read: self.read });
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(_))) => return self.break_off(Rejection::BodyBroken),
                Poll::Ready(None) => {
                    self.progress.enter(Phase::Answer(Instant::now()));
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    self.progress.enter(Phase::Client);
                    ready!(self.idle.poll_expired(cx));
                    return self.break_off(Rejection::BodyStalled);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
