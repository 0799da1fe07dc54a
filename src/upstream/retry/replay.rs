//! Keeping a body so that another attempt can send the very same bytes, within bounds.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::super::call::Payload;
use super::super::deadline::Deadline;
use crate::request_body::Piece;

/// How many bytes may be kept: of one body, and of all at a time.
#[derive(Debug)]
pub(crate) struct Shelf {
    each: u64,
    total: u64,
    kept: AtomicU64,
}

/// Some of the shelf's bytes; given back when dropped.
pub(crate) struct Kept {
    shelf: Arc<Shelf>,
    bytes: u64,
}

impl Shelf {
    pub(crate) fn new(each: u64, total: u64) -> Self {
        Self { each, total, kept: AtomicU64::new(0) }
    }

    fn nothing(self: &Arc<Self>) -> Kept {
        Kept { shelf: Arc::clone(self), bytes: 0 }
    }
}

impl Kept {
    /// Whether a body of so many bytes may be kept at all.
    fn takes(&self, bytes: u64) -> bool {
        bytes <= self.shelf.each
    }

    /// Takes room for so many bytes more; whether there was any.
    fn grow(&mut self, bytes: u64) -> bool {
        let Shelf { each, total, kept } = &*self.shelf;
        if self.bytes.saturating_add(bytes) > *each {
            return false;
        }
        let grown = |kept: u64| kept.checked_add(bytes).filter(|kept| kept <= total);
        let had_room = kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok();
        if had_room {
            self.bytes += bytes;
        }
        had_room
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.shelf.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The body of a call, for one attempt after the other.
pub(crate) enum Replay {
    Empty,
    /// To be sent once; `None` once it was.
    Once(Option<Vec<Piece>>),
    Whole {
        segments: Vec<Piece>,
        _kept: Kept,
    },
    /// Recorded as it comes.
    Streaming {
        recording: Arc<Mutex<Recording>>,
        limit: u64,
        idle: Duration,
    },
}

impl Replay {
    /// Starts the deadline, if the body is here; else its end does.
    pub(crate) fn of(payload: Payload, shelf: &Arc<Shelf>, deadline: &Deadline) -> Self {
        match payload {
            Payload::Empty => {
                deadline.start(Instant::now());
                Self::Empty
            }
            Payload::Whole(segments) => {
                deadline.start(Instant::now());
                let mut kept = shelf.nothing();
                // What is on disk takes no room.
                let length = segments.iter().map(Piece::held).sum();
                if kept.grow(length) {
                    Self::Whole { segments, _kept: kept }
                } else {
                    Self::Once(Some(segments))
                }
            }
            Payload::Streaming { body, limit, idle } => {
                let recording = Recording::new(body, shelf.nothing(), deadline.clone());
                Self::Streaming { recording: Arc::new(Mutex::new(recording)), limit, idle }
            }
        }
    }

    /// What the next attempt sends.
    pub(crate) fn next(&mut self) -> Payload {
        match self {
            Self::Empty => Payload::Empty,
            Self::Once(segments) => Payload::Whole(segments.take().unwrap_or_default()),
            Self::Whole { segments, .. } => Payload::Whole(segments.clone()),
            Self::Streaming { recording, limit, idle } => {
                let body = Body::new(Playback::new(Arc::clone(recording)));
                Payload::Streaming { body, limit: *limit, idle: *idle }
            }
        }
    }

    /// Whether another attempt would send all of it again.
    pub(crate) fn is_repeatable(&self) -> bool {
        match self {
            Self::Empty | Self::Whole { .. } => true,
            Self::Once(_) => false,
            Self::Streaming { recording, .. } => lock(recording).is_whole(),
        }
    }
}

/// A body that is still arriving, and what came of it so far.
pub(crate) struct Recording {
    live: Body,
    /// A copy: the pieces themselves would keep the connection's buffers. `None` once it was too much.
    copy: Option<Vec<u8>>,
    kept: Kept,
    /// Whether anything came of it yet.
    begun: bool,
    ended: bool,
    deadline: Deadline,
    /// Which playback may read on: an attempt that was given up may still hold its own.
    turn: u32,
}

impl Recording {
    fn new(live: Body, kept: Kept, deadline: Deadline) -> Self {
        // What is announced to be too much is not begun to be kept.
        let copy = kept.takes(live.size_hint().lower()).then(Vec::new);
        Self { live, copy, kept, begun: false, ended: false, deadline, turn: 0 }
    }

    /// Whether all that came of it can be sent again.
    fn is_whole(&self) -> bool {
        self.copy.is_some() || !self.begun
    }

    /// The next frame from the client.
    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.live).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.begun = true;
            self.keep(data);
        }
        if frame.is_none() || self.live.is_end_stream() {
            self.ended = true;
            self.deadline.start(Instant::now());
        }
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn keep(&mut self, data: &Bytes) {
        let Some(copy) = &mut self.copy else { return };
        if self.kept.grow(data.len() as u64) {
            copy.extend_from_slice(data);
        } else {
            self.copy = None;
            self.kept = self.kept.shelf.nothing();
        }
    }
}

/// A body as one attempt sends it: what was recorded, then what still comes.
struct Playback {
    recording: Arc<Mutex<Recording>>,
    turn: u32,
    /// Bytes of the copy that were sent.
    played: usize,
}

impl Playback {
    fn new(recording: Arc<Mutex<Recording>>) -> Self {
        let turn = {
            let mut recording = lock(&recording);
            recording.turn += 1;
            recording.turn
        };
        Self { recording, turn, played: 0 }
    }

    /// What was recorded and not yet sent.
    fn left<'r>(&self, recording: &'r Recording) -> &'r [u8] {
        recording.copy.as_ref().and_then(|copy| copy.get(self.played..)).unwrap_or_default()
    }
}

impl HttpBody for Playback {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let recording = Arc::clone(&self.recording);
        let mut recording = lock(&recording);
        if recording.turn != self.turn {
            // Another attempt has the body now: this one must never look whole.
            return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
        }
        let left = self.left(&recording);
        if !left.is_empty() {
            let left = Bytes::copy_from_slice(left);
            self.played += left.len();
            return Poll::Ready(Some(Ok(Frame::data(left))));
        }
        if recording.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(recording.poll_live(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.played += data.len();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let recording = lock(&self.recording);
        recording.ended && self.left(&recording).is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let recording = lock(&self.recording);
        let left = self.left(&recording).len() as u64;
        let live = recording.live.size_hint().exact();
        live.map_or_else(SizeHint::new, |live| SizeHint::with_exact(live + left))
    }
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}
