//! One HTTP/1.1 connection.
//!
//! hyper wants its connections driven by tasks of their own, and every request then passes from task to task and back:
//! five wake-ups for a poll of a job. Here whoever waits for the answer drives the connection, and so does whoever
//! reads its body; nobody drives it while it waits for a request. Only where something is sent while something else
//! is read, as in uploads, a task is needed.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::task::coop::unconstrained;

use super::error::{self, Broken};
use super::socket::Socket;
use crate::failure::Failure;

/// Bytes of an answer that are read at a time, at most. hyper would take 400 KiB from an upstream that is quicker than
/// the client, for each download.
const READ_MAX: usize = 128 << 10;

/// A connection that serves one request at a time.
pub(super) struct Http1 {
    sender: SendRequest<Body>,
    /// What moves bytes. Absent once a task drives it, or once it has ended.
    driven: Option<Box<http1::Connection<Socket, Body>>>,
}

impl Http1 {
    pub(super) async fn over(socket: Socket) -> Result<Self, Failure> {
        // Ready at once: nothing is exchanged.
        let made = http1::Builder::new().max_buf_size(READ_MAX).handshake(socket).await;
        let (sender, connection) = made.map_err(|_| Failure::Unreachable)?;
        Ok(Self { sender, driven: Some(Box::new(connection)) })
    }

    /// Whether a request can be sent, as far as is known by now.
    pub(super) fn is_usable(&mut self) -> bool {
        // Nobody is to be woken: it is looked at again before it is used.
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.is_ready()
    }

    /// Whether it has ended its last request, and was not closed when it was driven last.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Sends a request, and yields the head of its answer. The body comes only while the connection is driven.
    pub(super) async fn send(mut self, request: Request<Body>) -> Result<(Response<Incoming>, Self), Broken> {
        if !request.body().is_end_stream() {
            self.leave_to_task();
        }
        // It waits for nothing but the connection, which is driven right before: a waker of its own would only have
        // the task look twice, and without one it must not be held up for fairness.
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
        let answered = std::future::poll_fn(|cx| {
            if drive(&mut self.driven, cx) {
                answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            } else {
                answer.as_mut().poll(cx)
            }
        });
        match answered.await {
            Ok(answer) => Ok((answer, self)),
            Err(mut error) => Err(match error.take_message() {
                Some(request) => Broken::Unsent(Box::new(request)),
                None => Broken::Failed(error::of_sending(error.error())),
            }),
        }
    }

    /// Whether it moves only as it is driven.
    pub(super) fn is_driven(&self) -> bool {
        self.driven.is_some()
    }

    /// Lets it move. Whether that is still up to whoever uses it.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driven, cx)
    }

    /// An upload goes on when the answer is there, and when nobody reads the answer.
    fn leave_to_task(&mut self) {
        if let Some(connection) = self.driven.take() {
            // Whatever goes wrong, the request's answer or its body tells.
            tokio::spawn(async move { drop(connection.await) });
        }
    }
}

fn drive(driven: &mut Option<Box<http1::Connection<Socket, Body>>>, cx: &mut Context<'_>) -> bool {
    if let Some(connection) = driven
        && Pin::new(connection).poll(cx).is_ready()
    {
        // Dropped, it gives back a request that it has not begun with.
        *driven = None;
    }
    driven.is_some()
}

/// The request as HTTP/1.1 wants it: the path as its target, and the host in a header.
pub(super) fn address(request: &mut Request<Body>, host: &HeaderValue) {
    if request.uri().authority().is_some() {
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = target.map_or_else(Uri::default, Uri::from);
    }
    request.headers_mut().entry(header::HOST).or_insert_with(|| host.clone());
}
