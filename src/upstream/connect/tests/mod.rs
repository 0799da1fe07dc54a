//! Which connection a request leaves by, and what becomes of it, against a peer that does what the test says.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, Uri};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Asked, ConnectionSettings, Connections, Reuse};
use crate::config::upstreams::{Base, Upstream as Settings};
use crate::failure::Failure;

mod kept;
mod shared;
mod spares;

/// An upstream that does nothing of its own accord.
struct Upstream {
    listener: TcpListener,
    settings: Settings,
}

/// The upstream's end of a connection.
struct Peer(TcpStream);

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

impl Upstream {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = Base::loopback(listener.local_addr().expect("an address"));
        Self { listener, settings: Settings::at("main", base) }
    }

    fn connections(&self) -> Arc<Connections> {
        let transport = ConnectionSettings::of(&self.settings);
        Connections::new(&transport, transport.tls().expect("no certificates"))
    }

    fn uri(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.settings.base.authority).parse().expect("a URI")
    }

    fn request(&self, body: impl Into<Body>) -> Request<Body> {
        Request::post(self.uri("/v1/videos?a=b")).body(body.into()).expect("a request")
    }

    async fn accepts(&self) -> Peer {
        let (stream, _) = within("a connection", self.listener.accept()).await.expect("a connection");
        Peer(stream)
    }

    /// Whether somebody wants to connect.
    async fn is_wanted(&self) -> bool {
        settle().await;
        let accepting = std::pin::pin!(self.listener.accept());
        futures_now(accepting).is_some()
    }
}

impl Peer {
    /// Reads a head, and what came with it.
    async fn is_asked(&mut self) -> String {
        let mut seen = Vec::new();
        while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = within("a head", self.0.read_buf(&mut seen)).await.expect("a stream");
            assert!(read > 0, "it was closed after {seen:?}");
        }
        String::from_utf8(seen).expect("text")
    }

    async fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("a stream");
    }

    async fn answers(&mut self) -> String {
        let asked = self.is_asked().await;
        self.says(ANSWER).await;
        asked
    }

    /// Waits until the other side has closed it.
    async fn is_left(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = within("its end", self.0.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{rest:?}");
    }

    /// Breaks off, so that whatever is still sent is answered by a reset.
    fn resets(self) {
        self.0.set_zero_linger().expect("a socket");
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future).await.unwrap_or_else(|_| panic!("waited for {what} in vain"))
}

/// Lets everything happen that can happen by now: sockets are looked at, and tasks run.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn futures_now<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(&mut future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

async fn send(
    connections: &Connections,
    reuse: Reuse,
    request: Request<Body>,
) -> Result<Response<Body>, Failure> {
    let (head, body) = request.into_parts();
    let asked = Asked { head: &Request::from_parts(head, ()), wanted: &[] };
    within("an answer", connections.send(reuse, &asked, body)).await
}

async fn read(answer: Result<Response<Body>, Failure>) -> Bytes {
    let body = answer.expect("an answer").into_body();
    within("the body", body.collect()).await.expect("a whole body").to_bytes()
}

/// A call from beginning to end.
async fn call(connections: &Connections, reuse: Reuse, request: Request<Body>) -> Result<Bytes, Failure> {
    let answer = send(connections, reuse, request).await?;
    Ok(read(Ok(answer)).await)
}
