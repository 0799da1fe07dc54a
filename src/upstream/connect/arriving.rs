//! The body of an answer over HTTP/1.1, which holds its connection until it is read to the end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::body::{Body, Bytes};
use axum::http::Response;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::http1::Http1;
use super::kept::Kept;

/// Dropped before its end, it takes its connection with it: what is left of the answer would be taken for the next.
struct Arriving {
    incoming: Incoming,
    connection: Option<Http1>,
    /// Where the connection goes; absent where it serves once.
    home: Option<Arc<Kept>>,
    /// How it broke, to be told when whoever reads comes back.
    broken: Option<hyper::Error>,
}

/// The answer, which drives its connection as it is read.
pub(super) fn arriving(
    answer: Response<Incoming>,
    connection: Http1,
    home: Option<Arc<Kept>>,
) -> Response<Body> {
    answer.map(|incoming| {
        let mut arriving = Arriving { incoming, connection: Some(connection), home, broken: None };
        if arriving.is_end_stream() {
            arriving.ended();
        }
        Body::new(arriving)
    })
}

impl Arriving {
    fn ended(&mut self) {
        let (Some(connection), Some(home)) = (self.connection.take(), self.home.take()) else { return };
        // One that still takes an upload, or is to be closed, is not.
        if connection.is_ready() {
            home.put(connection);
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let incoming = Pin::new(&mut self.incoming);
        let Some(connection) = &mut self.connection else { return incoming.poll_frame(cx) };
        if !connection.is_driven() {
            return incoming.poll_frame(cx);
        }
        // What is there already; else this asks for more. Only the connection, driven right behind, could bring it.
        let mut nobody = Context::from_waker(Waker::noop());
        if let Poll::Ready(frame) = incoming.poll_frame(&mut nobody) {
            return Poll::Ready(frame);
        }
        let driven = connection.drive(cx);
        Pin::new(&mut self.incoming).poll_frame(if driven { &mut nobody } else { cx })
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = self.poll_incoming(cx);
        if let Poll::Ready(Some(Err(error))) = polled {
            self.connection = None;
            // The client first gets what came before: hyper ends its connection at once, with all that it has not
            // sent yet.
            self.broken = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if matches!(polled, Poll::Ready(None)) || (polled.is_ready() && self.is_end_stream()) {
            self.ended();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
