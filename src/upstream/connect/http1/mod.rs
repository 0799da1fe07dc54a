//! One HTTP/1.1 connection, which serves one request at a time.
//!
//! Forwarding is what Reelgate is for, and this is where polls spend their time: heads go from the client's map to the
//! wire and from the wire to the map that the client gets, without another map in between, and whoever waits for an
//! answer or reads it moves the bytes. No task, and nobody else, is woken for that. Only an upload that goes on behind
//! its answer is left to a task.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use axum::body::Body;
use axum::http::{HeaderValue, Response};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::coop::unconstrained;

mod answer;
mod arriving;
mod departing;
mod framing;
mod reader;

use super::error::{self, Broken};
use super::kept::{Kept, Reusable};
use super::socket::Socket;
use super::{Asked, Head};
use crate::failure::Failure;
use answer::Heard;
use arriving::{Arriving, Source};
use departing::Departing;
use reader::Reader;

/// A connection between requests.
pub(super) struct Http1(Box<Inner>);

/// Apart, as it is large where TLS is spoken, and moved often.
struct Inner {
    /// What `Host` says.
    host: HeaderValue,
    socket: Socket,
    reader: Reader,
    departing: Departing,
}

impl Http1 {
    pub(super) fn over(socket: Socket, host: HeaderValue) -> Self {
        let (reader, departing) = (Reader::default(), Departing::default());
        Self(Box::new(Inner { host, socket, reader, departing }))
    }

    /// Sends a request, and yields its answer, whose body brings the connection `home` once it is read.
    pub(super) async fn send<H: Head>(
        mut self,
        asked: &Asked<'_, H>,
        body: Body,
        home: Option<Arc<Kept<Http1>>>,
    ) -> Result<Response<Arriving>, Broken> {
        if !self.is_usable() {
            let failure = if self.0.was_refused() { Failure::Tls } else { Failure::Unreachable };
            return Err(Broken::Unsent(body, failure));
        }
        let inner = &mut *self.0;
        inner.departing.begin(asked.head, &inner.host, body);
        let heard = poll_fn(|cx| self.0.poll_heard(cx, asked)).await.map_err(Broken::Failed)?;
        let home = home.filter(|_| heard.keeps && !self.0.departing.is_cut());
        let source = if self.0.departing.is_over() { Source::Whole(self) } else { self.leave_upload() };
        let mut answer = Response::new(Arriving::new(source, heard.framing, home));
        *answer.status_mut() = heard.status;
        *answer.headers_mut() = heard.headers;
        Ok(answer)
    }

    /// An upload goes on when the answer is there, and when nobody reads the answer.
    fn leave_upload(self) -> Source {
        let inner = *self.0;
        let (reading, writing) = tokio::io::split(inner.socket);
        let (mut departing, mut writing) = (inner.departing, writing);
        // Whatever goes wrong, the answer's body tells.
        tokio::spawn(async move {
            let _ = poll_fn(|cx| departing.poll(Pin::new(&mut writing), cx)).await;
        });
        Source::Half(reading, inner.reader)
    }
}

impl Reusable for Http1 {
    /// Neither has it ended, nor has come what nobody asked for.
    fn is_usable(&mut self) -> bool {
        let mut byte = [0];
        let mut unasked = ReadBuf::new(&mut byte);
        // Nobody is to be woken: it is looked at again before it is used. Nor may it be held up for fairness.
        let mut reading =
            pin!(unconstrained(poll_fn(|cx| Pin::new(&mut self.0.socket).poll_read(cx, &mut unasked))));
        reading.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }
}

impl Inner {
    /// Writes what can be written, and reads until the answer's head is there.
    fn poll_heard<H: Head>(
        &mut self,
        cx: &mut Context<'_>,
        asked: &Asked<'_, H>,
    ) -> Poll<Result<Heard, Failure>> {
        let left = self.departing.poll(Pin::new(&mut self.socket), cx);
        match (left, self.poll_answer(cx, asked)) {
            (_, Poll::Ready(Ok(heard))) => Poll::Ready(Ok(heard)),
            (_, Poll::Ready(Err(_))) if self.was_refused() => Poll::Ready(Err(Failure::Tls)),
            // An upstream that takes no more may have said why: that comes before the connection's end.
            (Poll::Ready(Err(_)), Poll::Pending) if self.departing.is_unwanted() => Poll::Pending,
            (Poll::Ready(Err(failure)), _) => Poll::Ready(Err(failure)),
            (Poll::Ready(Ok(())) | Poll::Pending, heard) => heard,
        }
    }

    /// Whether the upstream's TLS refused the connection before it read anything.
    fn was_refused(&self) -> bool {
        self.socket.refusal().has_come()
    }

    fn poll_answer<H: Head>(
        &mut self,
        cx: &mut Context<'_>,
        asked: &Asked<'_, H>,
    ) -> Poll<Result<Heard, Failure>> {
        loop {
            if !self.reader.buffer.is_empty()
                && let Some(heard) = answer::take(&mut self.reader.buffer, asked.head.method(), asked.wanted)?
            {
                return Poll::Ready(Ok(heard));
            }
            match ready!(self.poll_more(cx)) {
                Ok(0) => return Poll::Ready(Err(Failure::Lost)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error::of_io(&error))),
            }
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.reader.poll_more(Pin::new(&mut self.socket), cx)
    }
}
