//! TO01, TO02, TO03, TO06, TO08: how long an upstream is waited for, and a client that is still sending.

use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::support::gateway::Gateway;
use crate::support::request::{create, form_to, get, post, text};
use crate::support::upstream::{Reply, Upstream};

/// One attempt a call, so that one wait is measured.
const ONCE: &str = "retry.attempts = 1\nbreaker.consecutive = 0\n";

async fn gateway(base: &str, settings: &str) -> Gateway {
    Gateway::configured(&format!("[upstreams.main]\nbase_url = \"{base}\"\n{ONCE}{settings}")).await
}

/// Asserts that a wait of 200 ms lasts that long, and not much longer on a busy machine.
fn assert_bounded(began: Instant, what: &str) {
    let took = began.elapsed();
    assert!((Duration::from_millis(195)..Duration::from_secs(5)).contains(&took), "{what}: {took:?}");
}

/// TO01: whether TCP gets no answer or TLS none; and nothing was sent, so the SDK may ask again.
#[tokio::test]
async fn connecting_is_bounded() {
    // A backlog that is full: whoever comes next is not answered.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let full = socket.listen(1).expect("a listener");
    let address = full.local_addr().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    // Connections are taken, but nobody says anything.
    let mute = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mute_address = mute.local_addr().expect("an address");

    for base in [format!("http://{address}/v1"), format!("https://{mute_address}/v1")] {
        let gateway = gateway(&base, "connect_timeout = \"200ms\"").await;
        for request in [create(r#"{"prompt":"a"}"#), get("/v1/videos/video_1")] {
            let began = Instant::now();
            let answer = gateway.ask(&request).await;
            assert_bounded(began, &base);
            assert_eq!((answer.status(), answer.code().as_deref()), (504, Some("upstream_connect_timeout")));
            assert_eq!(answer.header("x-should-retry"), None, "{base}");
        }
    }
}

/// TO02: a head that comes byte by byte is waited for no longer than one that does not come.
#[tokio::test]
async fn a_dripping_head_is_bounded_in_total() {
    let pause = Duration::from_millis(20);
    for dripping in [
        Reply::default().read().drip("H", pause),
        Reply::raw("HTTP/1.1 200 OK\r\nx-slow: ").drip("x", pause),
        Reply::raw("HTTP/1.1 200 OK\r\n").drip("x-slow: x\r\n", pause),
        Reply::default().read().drip("HTTP/1.1 102 Processing\r\n\r\n", pause),
        // JSON is read whole before its head leaves.
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
            .drip(" ", pause),
    ] {
        let upstream = Upstream::start(dripping.clone()).await;
        let settings = "submit_timeout = \"200ms\"\nfetch_timeout = \"200ms\"\nother_timeout = \"200ms\"\nbody_idle = \"1h\"";
        let gateway = gateway(&upstream.base_url(), settings).await;
        for (request, code) in [
            (create(r#"{"prompt":"a"}"#), "upstream_outcome_unknown"),
            (get("/v1/videos/video_1"), "upstream_timeout"),
            (post("/v1/responses", "{}"), "upstream_timeout"),
        ] {
            let began = Instant::now();
            let answer = gateway.ask(&request).await;
            // What starts with garbage is seen at once to be none.
            if answer.status() != 502 {
                assert_bounded(began, &format!("{dripping:?}"));
                assert_eq!((answer.status(), answer.code().as_deref()), (504, Some(code)), "{dripping:?}");
            }
        }
    }
}

/// TO02: nor is it read on for ever.
#[tokio::test]
async fn an_endless_head_is_no_answer() {
    let line = format!("x-long: {}\r\n", "x".repeat(1000));
    let upstream = Upstream::start(Reply::raw("HTTP/1.1 200 OK\r\n").repeat(line, usize::MAX)).await;
    let gateway = gateway(&upstream.base_url(), "").await;
    for (request, code) in [
        (create(r#"{"prompt":"a"}"#), "upstream_outcome_unknown"),
        (get("/v1/videos/video_1"), "upstream_bad_answer"),
    ] {
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), answer.code().as_deref()), (502, Some(code)));
    }
}

/// TO03
#[tokio::test]
async fn a_download_that_goes_quiet_is_visibly_cut() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n";
    for sent in [
        format!("{head}content-length: 10\r\n\r\nfirst"),
        format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"),
    ] {
        let upstream = Upstream::start(Reply::raw(&sent).stall()).await;
        let gateway = gateway(&upstream.base_url(), "body_idle = \"200ms\"").await;
        let began = Instant::now();
        let answer = gateway.ask(&get("/v1/videos/video_1/content")).await;
        assert_bounded(began, &sent);
        assert_eq!((answer.status(), &*answer.text(), answer.whole), (200, "first", false));
    }
}

/// TO03, TO04: and one that drips is not.
#[tokio::test]
async fn a_download_that_drips_outlives_every_wait() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n\r\n";
    let upstream = Upstream::start(Reply::raw(head).drip("x", Duration::from_millis(20))).await;
    let settings = "body_idle = \"200ms\"\nfetch_timeout = \"200ms\"\nfetch_deadline = \"200ms\"";
    let gateway = gateway(&upstream.base_url(), settings).await;
    let mut client = gateway.connect().await;
    client.send(get("/v1/videos/video_1/content").bytes()).await;
    let began = Instant::now();
    let (_, mut framing) = client.head_of_answer("GET").await;
    while began.elapsed() < Duration::from_secs(1) {
        assert!(client.piece(&mut framing).await.expect("it goes on").is_some());
    }
}

/// TO06: what is judged never reaches the upstream; what streams is broken off there, and never ends well.
#[tokio::test]
async fn a_body_that_goes_quiet_is_told_so_and_counts_as_no_request() {
    let upstream = Upstream::start(Reply::job()).await;
    let base = upstream.base_url();
    let toml = format!(
        "[limits]\nbody_idle = \"200ms\"\n[upstreams.main]\nbase_url = \"{base}\"\nbody_idle = \"200ms\"\n{ONCE}"
    );
    let gateway = Gateway::configured(&toml).await;
    let form = form_to("/v1/videos", &[&text("prompt", "a cat")]);
    for request in [create(r#"{"prompt":"a cat"}"#), form, post("/v1/files", "half of it, or all")] {
        for request in [request.clone(), request.chunked(1 << 20)] {
            let bytes = request.bytes();
            let mut client = gateway.connect().await;
            let began = Instant::now();
            client.send(&bytes[..bytes.len() - 4]).await;
            let answer = client.answer().await;
            assert_bounded(began, request.target());
            assert_eq!((answer.status(), answer.header("connection")), (408, Some("close")));
        }
    }
    upstream.until_ended(2).await;
    let seen = upstream.requests();
    assert_eq!(seen.len(), 2, "{seen:#?}");
    assert!(seen.iter().all(|request| request.target() == "/v1/files" && !request.whole));
}

/// TO08: neither the call nor a connection waits for it, and a client that is still sending gets to read why.
#[tokio::test]
async fn an_upstream_that_does_not_read_the_upload_is_given_up() {
    // More than all buffers on the way take, and less than is read on of what nobody wants.
    let body = vec![b'x'; 24 << 20];
    let upstream = Upstream::start(Reply::default().stall()).await;
    let gateway = gateway(&upstream.base_url(), "body_idle = \"200ms\"").await;
    for chunked in [false, true] {
        let request = post("/v1/files", "").body(&body);
        let request = if chunked { request.chunked(1 << 20) } else { request };
        let mut client = gateway.connect().await;
        let began = Instant::now();
        client.try_send(request.bytes()).await.expect("it is read on");
        let answer = client.answer().await;
        assert_bounded(began, "an upload");
        assert_eq!((answer.status(), answer.code().as_deref()), (504, Some("upstream_timeout")));
        assert_eq!((answer.whole, answer.header("x-should-retry")), (true, Some("false")));
    }
}

/// TO08, RT05: what is judged first is no exception; a part of it was sent.
#[tokio::test]
async fn an_upstream_that_does_not_read_a_create_is_given_up() {
    let upstream = Upstream::start(Reply::default().stall()).await;
    let gateway = gateway(&upstream.base_url(), "body_idle = \"200ms\"").await;
    let image = format!(
        "name=\"input_reference\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n{}",
        "x".repeat(24 << 20)
    );
    let began = Instant::now();
    let answer = gateway.ask(&form_to("/v1/videos", &[&text("prompt", "a cat"), &image])).await;
    assert_bounded(began, "a create");
    assert_eq!((answer.status(), answer.code().as_deref()), (504, Some("upstream_outcome_unknown")));
    assert_eq!((answer.header("x-should-retry"), upstream.count()), (Some("false"), 1));
}
