//! One request and its answer over a connection in memory, by this client and by hyper's: `cargo bench -p reelgate-http1`.
//!
//! Both are driven by the task that waits for the answer, and the server is a loop that writes the same bytes.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up shall stop")]

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use reelgate_http1::{Call, Connection, ConnectionOptions, HeaderFilter};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 65\r\ndate: Tue, 01 Dec 2026 \
    03:30:48 GMT\r\nserver: uvicorn\r\nopenai-version: 2020-10-01\r\nx-request-id: req_01a22fa7af19b0b414129d82c7c7ea7b\r\n\
    \r\n{\"id\":\"video_1\",\"object\":\"video\",\"status\":\"queued\",\"progress\": 0}";
/// Exchanges of one sample.
const EXCHANGES: usize = 1000;

fn main() {
    divan::main();
}

/// A server that answers each request.
fn server() -> DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        let mut request = [0; 4096];
        while theirs.read(&mut request).await.is_ok_and(|read| read > 0) {
            if theirs.write_all(ANSWER).await.is_err() {
                break;
            }
        }
    });
    ours
}

/// What a gateway sends on of a poll.
fn request() -> Request<Empty<Bytes>> {
    let request = Request::get("/v1/videos/video_01a22fa7af19b0b414129d82c7c7ea7b")
        .header("accept", "application/json")
        .header("user-agent", "OpenAI/Python 3.54.0")
        .header("x-stainless-lang", "python")
        .header("x-stainless-retry-count", "0")
        .header("authorization", "Bearer sk-0123456789abcdef0123456789abcdef")
        .header("x-request-id", "req_01a22fa7af19b0b414129d82c7c7ea7b");
    request.body(Empty::new()).expect("a request")
}

struct All;

impl HeaderFilter for All {
    fn passes(&self, _: &HeaderName, _: &ConnectionOptions<'_>) -> bool {
        true
    }
}

async fn read<B: Body<Data = Bytes>>(answer: Response<B>)
where
    B::Error: std::fmt::Debug,
{
    divan::black_box(answer.collect().await.expect("a body"));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[divan::bench(items_count = EXCHANGES)]
fn by_reelgate(bencher: divan::Bencher<'_, '_>) {
    let runtime = runtime();
    bencher.bench_local(|| {
        runtime.block_on(async {
            let idle = Arc::new(Mutex::new(Some(Connection::new(server(), HeaderValue::from_static("up")))));
            for _ in 0..EXCHANGES {
                let connection = idle.lock().expect("one thread").take().expect("it was given back");
                let (head, body) = request().into_parts();
                let (head, home) = (Request::from_parts(head, ()), Arc::clone(&idle));
                let reuse = move |connection| *home.lock().expect("one thread") = Some(connection);
                read(
                    connection
                        .send(Call { head: &head, body, filter: &All }, Some(reuse))
                        .await
                        .expect("an answer"),
                )
                .await;
            }
        });
    });
}

#[divan::bench(items_count = EXCHANGES)]
fn by_hyper(bencher: divan::Bencher<'_, '_>) {
    let runtime = runtime();
    bencher.bench_local(|| {
        runtime.block_on(async {
            let io = TokioIo::new(server());
            let (mut sender, mut connection) =
                hyper::client::conn::http1::handshake(io).await.expect("no I/O yet");
            for _ in 0..EXCHANGES {
                let mut request = request();
                request.headers_mut().insert("host", HeaderValue::from_static("up"));
                let exchange = async { read(sender.send_request(request).await.expect("an answer")).await };
                tokio::select! {
                    biased;
                    () = exchange => {}
                    _ = &mut connection => panic!("the connection ended"),
                }
            }
        });
    });
}
