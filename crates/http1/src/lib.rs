//! A client's side of one HTTP/1.1 connection, which serves one request at a time.
//!
//! A gateway forwards: it has the head of a request in a shape of its own, and most headers of an answer go no further. So
//! a head is written without a map of headers in between, and only the headers of an answer that pass a filter are kept.
//! There is no task of the connection's own: the call that waits for an answer writes and reads, and then whoever reads
//! the answer's body. Only an upload that goes on behind its answer is left to a task.
//!
//! The page `docs/decisions/0001-http1-client.md` says why this is not hyper's client, and what that costs.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, Response};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;

mod connection_options;
mod framing;
mod read_buffer;
mod request_writer;
mod response_body;
mod response_head;

pub use connection_options::ConnectionOptions;
use read_buffer::ReadBuffer;
use request_writer::RequestWriter;
pub use response_body::ResponseBody;
use response_body::Source;
use response_head::ResponseHead;

/// The head of a request, without `host` and what frames the body.
pub trait RequestHead: Sync {
    /// Its method.
    fn method(&self) -> &Method;

    /// Writes path and query.
    fn write_target(&self, to: &mut Vec<u8>);

    /// Calls `show` with every header.
    fn each_header(&self, show: impl FnMut(&HeaderName, &HeaderValue));
}

/// Decides which headers of an answer are kept; the connection's own options are known to it.
pub trait HeaderFilter {
    /// Whether a header of this name is kept.
    fn passes(&self, name: &HeaderName, options: &ConnectionOptions<'_>) -> bool;
}

/// Why there is no answer, or none that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The connection ended, or the request's body did before its end. Whether the server acted on the request is open.
    Lost,
    /// Nothing was read of the request for too long: the stream failed with [`io::ErrorKind::TimedOut`].
    Stalled,
    /// What came is no answer.
    Malformed,
}

/// A request, and which headers of its answer are kept.
pub struct Call<'a, H, F, B> {
    /// The request's head.
    pub head: &'a H,
    /// Its body.
    pub body: B,
    /// Decides about the answer's headers.
    pub filter: &'a F,
}

/// A request without an answer.
#[derive(Debug)]
pub enum SendError<B> {
    /// Not a byte of it was sent, since the connection had ended. Here is its body again.
    Unsent(B),
    /// It may have been sent.
    Failed(Error),
}

/// A connection between requests, over a stream `S`, for requests with a body `B`.
pub struct Connection<S, B>(Box<State<S, B>>);

/// Apart, as it is large where TLS is spoken, and moved often.
struct State<S, B> {
    /// What `Host` says.
    host: HeaderValue,
    stream: S,
    received: ReadBuffer,
    request: RequestWriter<B>,
}

impl<S, B> Connection<S, B>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    /// Speaks HTTP over a stream. Every request gets this `host`.
    pub fn new(stream: S, host: HeaderValue) -> Self {
        let (received, request) = (ReadBuffer::default(), RequestWriter::default());
        Self(Box::new(State { host, stream, received, request }))
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.0.stream
    }

    /// Whether a request can be sent, as far as is known: the stream has not ended, and nothing has come that no request
    /// waits for.
    pub fn is_usable(&mut self) -> bool {
        let mut byte = [0];
        let mut unasked = ReadBuf::new(&mut byte);
        // No task is to be woken: it is looked at again before it is used. Nor may it be held up for fairness.
        let mut reading =
            pin!(unconstrained(poll_fn(|cx| Pin::new(&mut self.0.stream).poll_read(cx, &mut unasked))));
        reading.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Sends a request, and yields its answer. Once the answer's body has been read to its end, and if the connection can
    /// serve another request, it is given to `reuse`.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsent`] if the connection had ended before, else [`SendError::Failed`].
    pub async fn send<R: FnOnce(Self)>(
        mut self,
        call: Call<'_, impl RequestHead, impl HeaderFilter, B>,
        reuse: Option<R>,
    ) -> Result<Response<ResponseBody<S, B, R>>, SendError<B>> {
        let Call { head, body, filter } = call;
        if !self.is_usable() {
            return Err(SendError::Unsent(body));
        }
        let state = &mut *self.0;
        state.request.begin(head, &state.host, body);
        let method = head.method();
        let answer = poll_fn(|cx| self.0.poll_head(cx, method, filter)).await.map_err(SendError::Failed)?;
        let reuse = reuse.filter(|_| answer.keeps_alive && !self.0.request.is_cut());
        let source = if self.0.request.is_over() { Source::Whole(self) } else { self.leave_upload() };
        let mut response = Response::new(ResponseBody::new(source, answer.framing, reuse));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    /// An upload goes on when the answer is there, also if the answer is not read.
    fn leave_upload(self) -> Source<S, B> {
        let state = *self.0;
        let (reading, mut writing) = tokio::io::split(state.stream);
        let mut request = state.request;
        // Whatever goes wrong, the answer's body says it.
        tokio::spawn(async move {
            let _ = poll_fn(|cx| request.poll(Pin::new(&mut writing), cx)).await;
        });
        Source::Half(reading, state.received)
    }
}

impl<S, B> State<S, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body<Data = Bytes> + Unpin,
{
    /// Writes what can be written, and reads until the answer's head is there.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
        filter: &impl HeaderFilter,
    ) -> Poll<Result<ResponseHead, Error>> {
        let sent = self.request.poll(Pin::new(&mut self.stream), cx);
        match (sent, self.poll_answer(cx, method, filter)) {
            (_, Poll::Ready(Ok(head))) => Poll::Ready(Ok(head)),
            // A server that takes no more may have said why: that comes before the connection's end.
            (Poll::Ready(Err(_)), Poll::Pending) if self.request.is_unwanted() => Poll::Pending,
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error)),
            (Poll::Ready(Ok(())) | Poll::Pending, head) => head,
        }
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
        filter: &impl HeaderFilter,
    ) -> Poll<Result<ResponseHead, Error>> {
        loop {
            if !self.received.buffer.is_empty()
                && let Some(head) = response_head::take(&mut self.received.buffer, method, filter)?
            {
                return Poll::Ready(Ok(head));
            }
            match ready!(self.received.poll_more(Pin::new(&mut self.stream), cx)) {
                Ok(0) => return Poll::Ready(Err(Error::Lost)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Error::of_io(&error))),
            }
        }
    }
}

impl Error {
    fn of_io(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::TimedOut { Self::Stalled } else { Self::Lost }
    }
}

impl RequestHead for http::Request<()> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn write_target(&self, to: &mut Vec<u8>) {
        let target = self.uri().path_and_query();
        to.extend_from_slice(target.map_or("/", |target| target.as_str()).as_bytes());
    }

    fn each_header(&self, mut show: impl FnMut(&HeaderName, &HeaderValue)) {
        self.headers().iter().for_each(|(name, value)| show(name, value));
    }
}
