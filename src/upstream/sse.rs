//! Streams of server-sent events on their way to the client.
//!
//! Only whole events leave, each as soon as it is whole. A stream that the upstream breaks off ends in an error
//! event of ours, which SDKs raise; a cut socket would be theirs to guess about.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame};

use super::coding::is_identity;
use super::stream::Download;
use crate::error::{Dialect, event};
use crate::failure::Cut;
use crate::journey::Journey;

mod events;
#[cfg(test)]
mod tests;

use events::Events;

/// Whether an answer is a stream of events that can be read along with.
pub(super) fn is_event_stream(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    status == StatusCode::OK && kind.eq_ignore_ascii_case(b"text/event-stream") && is_identity(headers)
}

/// What is said to the client if the stream breaks off.
#[derive(Debug)]
pub(super) struct LastWord {
    /// Whose error objects the client reads.
    pub(super) dialect: Dialect,
    /// The id that the answer's head carries.
    pub(super) request_id: HeaderValue,
    /// Where it is written down that there was need of one.
    pub(super) journey: Journey,
}

/// The body of such an answer.
pub(super) struct EventStream {
    inner: Download,
    events: Events,
    /// The beginning of an event that is not whole yet.
    held: BytesMut,
    /// Longest event that is held, in bytes.
    event_max: usize,
    /// Whether the beginning of an event has left because it grew too long.
    torn: bool,
    last_word: LastWord,
    /// What leaves before anything else is read.
    leaving: VecDeque<Bytes>,
    ended: bool,
}

impl EventStream {
    /// `event_max`: bytes of the longest event that is held until it is whole. A longer one passes as it comes.
    pub(super) fn new(inner: Download, event_max: usize, last_word: LastWord) -> Self {
        Self {
            inner,
            events: Events::default(),
            held: BytesMut::new(),
            event_max,
            torn: false,
            last_word,
            leaving: VecDeque::new(),
            ended: false,
        }
    }

    fn take(&mut self, mut bytes: Bytes) {
        let whole = self.events.read(&bytes);
        let events = bytes.split_to(whole);
        if !events.is_empty() {
            self.torn = false;
            if self.held.is_empty() {
                // Whole events in a frame of their own are what nearly every server sends, and need no copy.
                self.leaving.push_back(events);
            } else {
                self.held.extend_from_slice(&events);
                self.let_go();
            }
        }
        self.held.extend_from_slice(&bytes);
        if self.torn || self.held.len() > self.event_max {
            self.torn = true;
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if !self.held.is_empty() {
            self.leaving.push_back(self.held.split().freeze());
        }
    }

    /// The upstream broke off.
    fn cut(&mut self, error: io::Error) -> io::Result<()> {
        self.ended = true;
        // Half an event is not for the client.
        self.held.clear();
        if self.torn {
            // It has half an event already, and would read ours as its other half.
            return Err(error);
        }
        if !self.events.closed() {
            let cut = if error.kind() == io::ErrorKind::TimedOut { Cut::Quiet } else { Cut::Lost };
            let LastWord { dialect, request_id, journey } = &self.last_word;
            journey.mark(|marks| marks.cut = Some(cut));
            let text = event::error(cut, *dialect, request_id.to_str().unwrap_or_default());
            self.leaving.push_back(text.into());
        }
        Ok(())
    }
}

impl HttpBody for EventStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(bytes) = self.leaving.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    self.take(bytes);
                }
                Some(Err(error)) => {
                    if let Err(error) = self.cut(error) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                None => {
                    self.ended = true;
                    self.let_go();
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.leaving.is_empty()
    }
}
