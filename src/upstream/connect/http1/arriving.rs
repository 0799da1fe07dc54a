//! The body of an answer, which holds its connection until it is read to the end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use http_body::{Frame, SizeHint};
use tokio::io::ReadHalf;

use super::framing::{Framing, Garbled, Piece};
use super::reader::Reader;
use super::{Http1, Kept, Socket};

/// Dropped before its end, it takes its connection with it: what is left of the answer would be taken for the next.
pub(in crate::upstream::connect) struct Arriving {
    /// Where it comes from; absent once it is over.
    source: Option<Source>,
    framing: Framing,
    /// Where the connection goes; absent where it serves no more.
    home: Option<Arc<Kept<Http1>>>,
    /// How it broke, to be told when whoever reads comes back.
    broken: Option<io::Error>,
}

/// A connection that is read from.
pub(super) enum Source {
    Whole(Http1),
    /// The other half takes an upload, and serves no more afterwards.
    Half(ReadHalf<Socket>, Reader),
}

impl Source {
    fn reader(&mut self) -> &mut Reader {
        match self {
            Self::Whole(Http1(connection)) => &mut connection.reader,
            Self::Half(_, reader) => reader,
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Whole(Http1(connection)) => connection.poll_more(cx),
            Self::Half(socket, reader) => reader.poll_more(Pin::new(socket), cx),
        }
    }
}

impl Arriving {
    /// `home`: where a whole connection goes at the end.
    pub(super) fn new(source: Source, framing: Framing, home: Option<Arc<Kept<Http1>>>) -> Self {
        let mut arriving = Self { source: Some(source), framing, home, broken: None };
        arriving.end_if_over();
        arriving
    }

    fn end_if_over(&mut self) {
        if !self.framing.is_over() {
            return;
        }
        if let (Some(Source::Whole(connection)), Some(home)) = (self.source.take(), self.home.take())
            // More than was announced is no answer to the next request.
            && connection.0.reader.buffer.is_empty()
        {
            home.put(connection);
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            let Some(source) = &mut self.source else { return Poll::Ready(Ok(None)) };
            let piece = self.framing.take(&mut source.reader().buffer);
            match piece.map_err(|Garbled| io::Error::from(io::ErrorKind::InvalidData))? {
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

impl http_body::Body for Arriving {
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
