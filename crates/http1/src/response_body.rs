//! The body of an answer, which holds its connection until it is read to the end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf};

use crate::Connection;
use crate::framing::{Framing, Malformed, Piece};
use crate::read_buffer::ReadBuffer;

/// The body of an answer. Dropped before its end, it takes its connection with it: what is left of the answer would be
/// taken for the next.
pub struct ResponseBody<S, B, R> {
    /// Where it comes from; absent once it is over.
    source: Option<Source<S, B>>,
    framing: Framing,
    /// What takes the connection at the end; absent where it serves no more requests.
    reuse: Option<R>,
    /// How it broke, which is said when the reader comes back.
    broken: Option<io::Error>,
}

/// A connection that is read from.
pub(crate) enum Source<S, B> {
    Whole(Connection<S, B>),
    /// The other half takes an upload, and serves no more requests afterwards.
    Half(ReadHalf<S>, ReadBuffer),
}

impl<S: AsyncRead + Unpin, B> Source<S, B> {
    fn received(&mut self) -> &mut ReadBuffer {
        match self {
            Self::Whole(Connection(state)) => &mut state.received,
            Self::Half(_, received) => received,
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Whole(Connection(state)) => state.received.poll_more(Pin::new(&mut state.stream), cx),
            Self::Half(stream, received) => received.poll_more(Pin::new(stream), cx),
        }
    }
}

impl<S, B, R> ResponseBody<S, B, R>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: FnOnce(Connection<S, B>),
{
    pub(crate) fn new(source: Source<S, B>, framing: Framing, reuse: Option<R>) -> Self {
        let mut body = Self { source: Some(source), framing, reuse, broken: None };
        body.end_if_over();
        body
    }

    fn end_if_over(&mut self) {
        if !self.framing.is_over() {
            return;
        }
        if let (Some(Source::Whole(connection)), Some(reuse)) = (self.source.take(), self.reuse.take())
            // More than was announced is no answer to the next request.
            && connection.0.received.buffer.is_empty()
        {
            reuse(connection);
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            let Some(source) = &mut self.source else { return Poll::Ready(Ok(None)) };
            let piece = self.framing.take(&mut source.received().buffer);
            match piece.map_err(|Malformed| io::Error::from(io::ErrorKind::InvalidData))? {
                Piece::Data(data) => {
                    self.end_if_over();
                    return Poll::Ready(Ok(Some(data)));
                }
                Piece::Over => {
                    self.end_if_over();
                    return Poll::Ready(Ok(None));
                }
                Piece::Missing => {}
            }
            if ready!(source.poll_more(cx))? == 0 {
                self.source = None;
                let is_over = self.framing == Framing::Rest;
                return Poll::Ready(if is_over {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                });
            }
        }
    }
}

impl<S, B, R> Body for ResponseBody<S, B, R>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Unpin,
    R: FnOnce(Connection<S, B>) + Unpin,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match ready!(self.poll_piece(cx)) {
            Ok(piece) => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
            Err(error) => {
                self.source = None;
                // The client first gets what came before: hyper ends its connection at once, with all that it has not
                // sent yet.
                self.broken = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none() && self.broken.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.framing.length().map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
