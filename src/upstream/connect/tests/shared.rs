//! HTTP/2, whose frames are written by hand where a proper server would not say what the test is about.

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::{advance, pause};

use super::*;
use crate::config::upstreams::Protocol;

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

async fn upstream() -> Upstream {
    let mut upstream = Upstream::new().await;
    upstream.settings.protocol = Protocol::Http2;
    upstream
}

impl Peer {
    async fn frame(&mut self, kind: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let frame = [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat();
        self.0.write_all(&frame).await.expect("a stream");
    }

    /// Reads on until a request's head has come; yields its stream.
    async fn is_asked_by_frames(&mut self) -> u32 {
        let mut preface = [0; 24];
        self.0.read_exact(&mut preface).await.expect("a preface");
        self.frame(SETTINGS, 0, &[]).await;
        loop {
            let mut head = [0; 9];
            within("a frame", self.0.read_exact(&mut head)).await.expect("a frame");
            let [a, b, c, kind, _, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut payload).await.expect("a payload");
            if kind == HEADERS {
                return u32::from_be_bytes(stream);
            }
        }
    }
}

/// Serves a connection properly, this many requests at a time, once the gate lets them.
fn serve(peer: Peer, streams: u32, gate: &Arc<Semaphore>) {
    let gate = Arc::clone(gate);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let gate = Arc::clone(&gate);
        async move {
            let target = request.uri().to_string();
            gate.acquire().await.expect("open").forget();
            Ok::<_, std::convert::Infallible>(Response::new(Body::from(target)))
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_concurrent_streams(streams);
    tokio::spawn(async move { drop(builder.serve_connection(TokioIo::new(peer.0), service).await) });
}

/// RT16: paid ones as well, and also when they come together.
#[tokio::test]
async fn all_calls_share_one_connection() {
    let upstream = upstream().await;
    let connections = upstream.connections();
    let gate = Arc::new(Semaphore::new(9));
    let ask = |reuse| call(&connections, reuse, upstream.request("body"));
    let accept = async { serve(upstream.accepts().await, 100, &gate) };
    let (one, two, three, ()) =
        tokio::join!(ask(Reuse::Fresh), ask(Reuse::Pooled), ask(Reuse::Fresh), accept);
    for body in [one, two, three, ask(Reuse::Fresh).await] {
        assert_eq!(body.expect("an answer"), upstream.uri("/v1/videos?a=b").to_string());
    }
    assert!(!upstream.is_wanted().await, "neither others nor spares");
}

#[tokio::test]
async fn an_upstream_that_takes_few_at_a_time_gets_another_connection() {
    let upstream = upstream().await;
    let connections = upstream.connections();
    let gate = Arc::new(Semaphore::new(1));
    let ask = || call(&connections, Reuse::Pooled, upstream.request(""));
    let accept = async { serve(upstream.accepts().await, 1, &gate) };
    let (first, ()) = tokio::join!(ask(), accept);
    first.expect("an answer");
    let accept = async {
        let peer = upstream.accepts().await;
        serve(peer, 1, &gate);
        gate.add_permits(2);
    };
    let (one, two, ()) = tokio::join!(ask(), ask(), accept);
    assert!(one.is_ok() && two.is_ok());
}

/// RT15: what the upstream did nothing about, by its own word, was not sent.
#[tokio::test]
async fn a_request_that_was_certainly_not_looked_at_is_as_good_as_unsent() {
    let no_error = [0, 0, 0, 0, 0, 0, 0, 0];
    for (kind, stream, payload) in [(GOAWAY, 0, &no_error[..]), (RST_STREAM, 1, &[0, 0, 0, 7])] {
        let upstream = upstream().await;
        let connections = upstream.connections();
        let serve = async {
            let mut peer = upstream.accepts().await;
            assert_eq!(peer.is_asked_by_frames().await, 1);
            peer.frame(kind, stream, payload).await;
            peer
        };
        let paid = call(&connections, Reuse::Fresh, upstream.request("paid"));
        let (_peer, answer) = tokio::join!(serve, paid);
        assert_eq!(answer.expect_err("refused"), Failure::Unreachable, "frame {kind}");
    }
}

/// RT03: all other ends leave open what became of it.
#[tokio::test]
async fn a_request_that_may_have_been_looked_at_is_lost() {
    // It goes away having looked at this one; it has cancelled it; it failed at it.
    let looked_at = [0, 0, 0, 1, 0, 0, 0, 0];
    let failed = [0, 0, 0, 1, 0, 0, 0, 2];
    for (kind, stream, payload) in [
        (GOAWAY, 0, &looked_at[..]),
        (GOAWAY, 0, &failed[..]),
        (RST_STREAM, 1, &[0, 0, 0, 8]),
        (RST_STREAM, 1, &[0, 0, 0, 2]),
        (SETTINGS, 0, &[]),
    ] {
        let upstream = upstream().await;
        let connections = upstream.connections();
        let serve = async {
            let mut peer = upstream.accepts().await;
            peer.is_asked_by_frames().await;
            peer.frame(kind, stream, payload).await;
        };
        let paid = call(&connections, Reuse::Fresh, upstream.request("paid"));
        let ((), answer) = tokio::join!(serve, paid);
        assert_eq!(answer.expect_err("lost"), Failure::Lost, "frame {kind} {payload:?}");
    }
}

#[tokio::test]
async fn a_connection_that_goes_away_is_not_used_again() {
    let upstream = upstream().await;
    let connections = upstream.connections();
    let serve_one = async {
        let mut peer = upstream.accepts().await;
        peer.is_asked_by_frames().await;
        peer.frame(GOAWAY, 0, &[0; 8]).await;
        peer
    };
    let (_peer, answer) = tokio::join!(serve_one, call(&connections, Reuse::Pooled, upstream.request("")));
    answer.expect_err("refused");
    let gate = Arc::new(Semaphore::new(1));
    let accept = async { serve(upstream.accepts().await, 100, &gate) };
    let (answer, ()) = tokio::join!(call(&connections, Reuse::Pooled, upstream.request("")), accept);
    answer.expect("another connection");
}

#[tokio::test]
async fn calls_that_wait_for_one_connection_share_its_failure() {
    let upstream = upstream().await;
    let connections = upstream.connections();
    let requests = [upstream.request(""), upstream.request("")];
    drop(upstream.listener);
    let [one, two] = requests.map(|request| call(&connections, Reuse::Pooled, request));
    let (one, two) = tokio::join!(one, two);
    assert_eq!(
        (one.expect_err("nobody"), two.expect_err("nobody")),
        (Failure::Unreachable, Failure::Unreachable)
    );
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_in_time() {
    let upstream = upstream().await;
    let connections = upstream.connections();
    let gate = Arc::new(Semaphore::new(1));
    let accept = async { serve(upstream.accepts().await, 100, &gate) };
    let (answer, ()) = tokio::join!(call(&connections, Reuse::Pooled, upstream.request("")), accept);
    answer.expect("an answer");
    settle().await;
    pause();
    assert!(connections.shared.stream().is_some());
    advance(upstream.settings.pool_idle).await;
    settle().await;
    advance(Duration::from_millis(2)).await;
    settle().await;
    assert!(connections.shared.stream().is_none());
}
