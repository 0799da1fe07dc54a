//! One HTTP/2 connection, which serves many requests at a time.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use super::error::{self, Broken};
use super::socket::{Refusal, Socket};
use crate::failure::Failure;

/// Bytes of one stream that may be under way. A client that does not read its download holds up its own stream, and
/// never the connection.
const STREAM_WINDOW: u32 = 1 << 20;
/// Bytes of all streams of a connection that may be under way; close to the most the protocol allows.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// How often a connection in use is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);

type Connection = http2::Connection<TokioIo<Socket>, Body, TokioExecutor>;

/// A connection that calls share.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: SendRequest<Body>,
    state: Arc<State>,
}

struct State {
    /// Until it has ended.
    connection: Mutex<Option<Connection>>,
    /// Requests whose answers are not read to the end.
    open: AtomicUsize,
    /// When the last of them began or ended.
    used: Mutex<Instant>,
    /// Whether the upstream's TLS refused the connection. hyper's errors do not tell.
    refusal: Refusal,
}

/// A place on the connection.
pub(super) struct Stream {
    sender: SendRequest<Body>,
    open: Open,
}

/// Counts for as long as it is there.
struct Open(Arc<State>);

impl Http2 {
    pub(super) async fn over(socket: Socket) -> Result<Self, Failure> {
        let refusal = socket.refusal().clone();
        let made = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING)
            .handshake(TokioIo::new(socket.reading_on()));
        let (sender, connection) = made.await.map_err(|_| Failure::Unreachable)?;
        let state = Arc::new(State {
            connection: Mutex::new(Some(connection)),
            open: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
            refusal,
        });
        tokio::spawn(drive(Arc::clone(&state)));
        Ok(Self { sender, state })
    }

    /// Whether the upstream has not closed it, nor said that it will.
    pub(super) fn is_usable(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether it takes another request at once.
    pub(super) fn has_room(&self) -> bool {
        let most = |connection: &Connection| connection.current_max_send_streams();
        self.is_usable() && self.open() < self.state.connection().as_ref().map_or(0, most)
    }

    /// Requests under way.
    pub(super) fn open(&self) -> usize {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Since when it is of no use; absent while it is of some.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.open() == 0).then(|| *self.state.used())
    }

    pub(super) fn stream(&self) -> Stream {
        self.state.open.fetch_add(1, Ordering::Relaxed);
        *self.state.used() = Instant::now();
        Stream { sender: self.sender.clone(), open: Open(Arc::clone(&self.state)) }
    }
}

impl Stream {
    /// Sends a request, and yields the head of its answer.
    pub(super) async fn send(mut self, request: Request<Body>) -> Result<Response<Body>, Broken> {
        match self.sender.try_send_request(request).await {
            Ok(answer) => Ok(answer.map(|incoming| Body::new(Counted { incoming, open: Some(self.open) }))),
            Err(mut error) => {
                let refused = self.open.0.refusal.has_come().then_some(Failure::Tls);
                Err(match error.take_message() {
                    Some(request) => {
                        Broken::Unsent(request.into_body(), refused.unwrap_or(Failure::Unreachable))
                    }
                    None => Broken::Failed(refused.unwrap_or_else(|| error::of_sending(error.error()))),
                })
            }
        }
    }
}

impl State {
    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> MutexGuard<'_, Instant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        *self.0.used() = Instant::now();
    }
}

/// Lets the connection move until it ends.
async fn drive(state: Arc<State>) {
    std::future::poll_fn(|cx| {
        let mut connection = state.connection();
        let ended = connection.as_mut().is_none_or(|connection| Pin::new(connection).poll(cx).is_ready());
        if ended {
            // Gone, it tells whoever wants to send.
            *connection = None;
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}

/// The body of an answer, which counts as long as it is read.
struct Counted {
    incoming: Incoming,
    open: Option<Open>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.open = None;
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
