//! Whatever a server writes, this client reads what hyper's reads, or refuses it.
//!
//! Well-formed answers are changed at random, and both clients read the same bytes. `REELGATE_HTTP1_CASES` sets how many,
//! `REELGATE_HTTP1_SEED` which ones.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's support fails by panicking, as its tests do"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use reelgate_http1::{Call, Connection, ConnectionOptions, HeaderFilter, SendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What a client reads of an answer, unless it sees that something is wrong with it.
#[derive(Debug, PartialEq)]
struct Read {
    status: StatusCode,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

struct All;

impl HeaderFilter for All {
    fn passes(&self, _: &http::HeaderName, _: &ConnectionOptions<'_>) -> bool {
        true
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A server that writes these bytes once a request has come, and ends the connection.
fn server(bytes: &[u8]) -> DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let bytes = bytes.to_vec();
    tokio::spawn(async move {
        let mut request = [0; 1024];
        // Both clients write a request without a body at once.
        let _ = theirs.read(&mut request).await;
        for piece in bytes.chunks(7) {
            if theirs.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    ours
}

fn request(method: &Method) -> Request<Empty<Bytes>> {
    Request::builder()
        .method(method)
        .uri("/v1/videos")
        .header("host", "up")
        .body(Empty::new())
        .expect("a request")
}

async fn whole<B: Body<Data = Bytes>>(answer: Response<B>) -> Option<Read> {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut headers = listed(&parts.headers);
    headers.sort();
    Some(Read { status: parts.status, headers, body })
}

/// Without those that frame a body, of which this client shows one, or none beside chunks.
fn listed(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let listed = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    listed.filter(|(name, _)| !["content-length", "transfer-encoding"].contains(&name.as_str())).collect()
}

async fn by_hyper(method: &Method, bytes: &[u8]) -> Option<Read> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(server(bytes))).await.expect("no I/O yet");
    tokio::spawn(async move { drop(connection.await) });
    whole(sender.send_request(request(method)).await.ok()?).await
}

async fn by_ours(method: &Method, bytes: &[u8]) -> Option<Read> {
    let connection = Connection::new(server(bytes), HeaderValue::from_static("up"));
    let (head, body) = request(method).into_parts();
    let mut head = Request::from_parts(head, ());
    head.headers_mut().clear();
    let reuse: Option<fn(_)> = None;
    whole(connection.send(Call { head: &head, body, filter: &All }, reuse).await.ok()?).await
}

const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Type: application/json\r\n\r\n{\"id\":\"v_1\"}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: u\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
    "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\n\r\n\0\u{1}\u{2}\u{3}",
];

const PIECES: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    "0",
    "1",
    "5",
    "f",
    ";",
    ":",
    ",",
    "-",
    "+",
    "\0",
    "\u{80}",
    "chunked",
    "gzip, ",
    "Content-Length: 4\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: \r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "Connection: close\r\n",
];

/// An answer with some changes.
fn changed(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = ANSWERS[random.usize(..ANSWERS.len())].as_bytes().to_vec();
    for _ in 0..random.usize(0..4) {
        let at = random.usize(..=bytes.len());
        match random.u8(..5) {
            0 if at < bytes.len() => bytes[at] = random.u8(..),
            1 => drop(bytes.drain(at..(at + random.usize(..6)).min(bytes.len()))),
            2 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, PIECES[random.usize(..PIECES.len())].bytes())),
        }
    }
    bytes
}

#[tokio::test]
async fn reads_what_hyper_reads_or_refuses_it() {
    let seed = number("REELGATE_HTTP1_SEED", 1);
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut same, mut refused) = (0, 0);
    for case in 0..number("REELGATE_HTTP1_CASES", 20_000) {
        let bytes = changed(&mut random);
        let method = if random.u8(..8) == 0 { Method::HEAD } else { Method::GET };
        let limit = Duration::from_secs(20);
        let both = async { (by_hyper(&method, &bytes).await, by_ours(&method, &bytes).await) };
        let (hyper, ours) = timeout(limit, both).await.expect("both come to an end");
        let shown = || format!("seed {seed}, case {case}: {method} {:?}", String::from_utf8_lossy(&bytes));
        match (hyper, ours) {
            (hyper, Some(ours)) => {
                assert_eq!(Some(ours), hyper, "{}", shown());
                same += 1;
            }
            (_, None) => refused += 1,
        }
    }
    assert!(same > refused / 4 && refused > 0, "{same} read alike, {refused} refused");
}

const NEXT: &[u8] = b"HTTP/1.1 200 OK\r\nx-next: yes\r\ncontent-length: 4\r\n\r\nnext";

/// A server that writes these bytes for the first request and [`NEXT`] for the second, and says when the first are written.
fn server_of_two(bytes: &[u8]) -> (DuplexStream, oneshot::Receiver<()>) {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let (bytes, (written, all_written)) = (bytes.to_vec(), oneshot::channel());
    tokio::spawn(async move {
        let mut request = [0; 1024];
        let _ = theirs.read(&mut request).await;
        let _ = theirs.write_all(&bytes).await;
        let _ = written.send(());
        if theirs.read(&mut request).await.is_ok_and(|read| read > 0) {
            let _ = theirs.write_all(NEXT).await;
        }
    });
    (ours, all_written)
}

/// The end of one answer is the beginning of the next: what is left of one never becomes another request's answer.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_used_again_reads_the_next_answer_or_none() {
    let seed = number("REELGATE_HTTP1_SEED", 1);
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut used_again, mut not_used) = (0, 0);
    for case in 0..number("REELGATE_HTTP1_CASES", 20_000) / 4 {
        let bytes = changed(&mut random);
        let shown = || format!("seed {seed}, case {case}: {:?}", String::from_utf8_lossy(&bytes));
        let (stream, all_written) = server_of_two(&bytes);
        let (head, _) = Request::get("/v1/videos").body(()).expect("a request").into_parts();
        let head = Request::from_parts(head, ());
        let given_back = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&given_back);
        let reuse = move |connection| *slot.lock().expect("one thread") = Some(connection);
        let connection = Connection::new(stream, HeaderValue::from_static("up"));
        let first = async {
            let call = Call { head: &head, body: Empty::<Bytes>::new(), filter: &All };
            whole(connection.send(call, Some(reuse)).await.ok()?).await
        };
        // The clock is paused: an answer that is not whole, on a connection that stays open, takes no time.
        let _ = timeout(Duration::from_secs(1), first).await;
        let _ = all_written.await;
        let Some(connection) = given_back.lock().expect("one thread").take() else {
            not_used += 1;
            continue;
        };
        let call = Call { head: &head, body: Empty::new(), filter: &All };
        let no_reuse: Option<fn(_)> = None;
        match connection.send(call, no_reuse).await {
            Ok(answer) => {
                let next = whole(answer).await.expect("a whole answer");
                assert_eq!(next.headers, [("x-next".to_owned(), b"yes".to_vec())], "{}", shown());
                assert_eq!(next.body, "next", "{}", shown());
                used_again += 1;
            }
            Err(SendError::Unsent(_)) => not_used += 1,
            Err(SendError::Failed(error)) => panic!("{error:?}: {}", shown()),
        }
    }
    assert!(used_again > not_used / 10 && not_used > 0, "{used_again} used again, {not_used} not");
}

/// What hyper reads of well-formed answers is read here, too.
#[tokio::test]
async fn reads_every_well_formed_answer() {
    for answer in ANSWERS {
        let ours = by_ours(&Method::GET, answer.as_bytes()).await;
        assert!(ours.is_some(), "{answer}");
        assert_eq!(ours, by_hyper(&Method::GET, answer.as_bytes()).await, "{answer}");
    }
}
