//! RT05, ST02, ST06, ST10, ST12: an upstream that fails, and what the client hears of it.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, form_to, get, post, text};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// One attempt a call, and no end to them: what is told of a failure does not depend on what came before.
const ONCE: &str =
    "[upstreams.main]\nbase_url = \"{upstream}\"\nretry.attempts = 1\nbreaker.consecutive = 0\n";

/// Every request that is paid for.
fn paid() -> Vec<Request> {
    vec![
        create(r#"{"prompt":"a"}"#),
        post("/v1/videos/video_1/remix", r#"{"prompt":"a"}"#),
        post("/v1/videos/edits", r#"{"prompt":"a","video":{"id":"video_1"}}"#),
        form_to(
            "/v1/videos/extensions",
            &[&text("prompt", "a"), &text("seconds", "4"), &text("video[id]", "video_1")],
        ),
    ]
}

#[tokio::test]
async fn a_refused_connection_is_told_as_such() {
    // Taken, so that nobody else gets it, but not listened at.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = socket.local_addr().expect("an address");
    let gateway = Gateway::configured(&ONCE.replace("{upstream}", &format!("http://{address}/v1"))).await;
    for request in paid().into_iter().chain([get("/v1/videos/video_1"), get("/v1/models")]) {
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), answer.code().as_deref()), (502, Some("upstream_unreachable")));
        // Nothing was sent, so the SDK may ask again.
        assert_eq!(answer.header("x-should-retry"), None);
        assert!(!answer.text().contains(&address.port().to_string()), "{}", answer.text());
    }
}

/// Ways to lose the answer to a request that was sent.
fn losses() -> Vec<(&'static str, Reply)> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let read = || Reply::default().read();
    vec![
        ("closed before a byte", read().close()),
        ("reset before a byte", read().reset()),
        ("reset before the body was read", Reply::default().reset()),
        ("half a head", read().send("HTTP/1.1 200 O").close()),
        ("a head and no body", read().send(format!("{head}content-length: 51\r\n\r\n")).close()),
        ("half a body", read().send(format!("{head}content-length: 51\r\n\r\n{{\"id\"")).close()),
        (
            "half a body, then a reset",
            read().send(format!("{head}content-length: 51\r\n\r\n{{\"id\"")).reset(),
        ),
        (
            "half a chunk",
            read().send(format!("{head}transfer-encoding: chunked\r\n\r\n33\r\n{{\"id\"")).close(),
        ),
        (
            "no last chunk",
            read().send(format!("{head}transfer-encoding: chunked\r\n\r\n4\r\n{{\"id\r\n")).close(),
        ),
        ("garbage", Reply::raw("\0\x01\x02garbage\r\n\r\n").close()),
        ("another protocol", Reply::raw("SSH-2.0-OpenSSH_9.6\r\n\r\n").close()),
        (
            "two lengths",
            Reply::raw(format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}")).close(),
        ),
    ]
}

/// RT03, RT05, RT30, ST10, ST12: the SDK is told not to ask again, since that could pay twice; and we asked once.
#[tokio::test]
async fn a_create_whose_answer_is_lost_is_asked_once_and_must_not_be_repeated() {
    assert_eq!((losses().len(), paid().len()), (12, 4));
    for (what, reply) in losses() {
        for request in paid() {
            let upstream = Upstream::start(reply.clone()).await;
            let gateway = Gateway::over(&upstream).await;
            let answer = gateway.ask(&request).await;
            assert_eq!(
                (answer.status(), answer.code().as_deref()),
                (502, Some("upstream_outcome_unknown")),
                "{what}"
            );
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
            assert!(answer.whole, "{what}");
            assert_eq!(upstream.count(), 1, "{what}: {}", request.target());
        }
    }
}

/// RT05: nor where the upstream, or what stands before it, says that it failed. Only 503 and 529 say that nothing
/// was begun. An upstream that invites to ask again knows nothing of what that may cost.
#[tokio::test]
async fn a_status_that_leaves_the_outcome_open_must_not_be_repeated() {
    for status in [408, 500, 501, 502, 504, 520, 522, 524] {
        for invitation in [&[][..], &[("x-should-retry", "true")]] {
            let headers = [&[("content-type", "application/json")], invitation].concat();
            let upstream = Upstream::start(Reply::raw(answer(status, &headers, "{}"))).await;
            let gateway = Gateway::over(&upstream).await;
            let told = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
            assert_eq!((told.status(), upstream.count()), (status, 1));
            assert_eq!(told.header("x-should-retry"), Some("false"), "{status} {invitation:?}");
        }
    }
}

/// ST12: a poll's broken JSON is an error, not a success.
#[tokio::test]
async fn a_fetch_whose_answer_is_lost_is_an_error() {
    for (what, reply) in losses() {
        let upstream = Upstream::start(reply).await;
        let gateway = Gateway::start(&upstream, ONCE).await;
        let answer = gateway.ask(&get("/v1/videos/video_1")).await;
        assert_eq!(answer.status(), 502, "{what}");
        let code = answer.code().unwrap_or_default();
        assert!(matches!(&*code, "upstream_connection_lost" | "upstream_bad_answer"), "{what}: {code}");
        assert_eq!(answer.header("x-should-retry"), None, "{what}");
    }
}

/// A create that takes too long.
#[tokio::test]
async fn a_create_that_is_not_answered_in_time_must_not_be_repeated() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let gateway =
        Gateway::start(&upstream, &format!("{ONCE}submit_timeout = \"200ms\"\nfetch_timeout = \"200ms\""))
            .await;
    let created = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
    assert_eq!((created.status(), created.code().as_deref()), (504, Some("upstream_outcome_unknown")));
    assert_eq!(created.header("x-should-retry"), Some("false"));
    let fetched = gateway.ask(&get("/v1/videos/video_1")).await;
    assert_eq!((fetched.status(), fetched.code().as_deref()), (504, Some("upstream_timeout")));
    assert_eq!(upstream.count(), 2);
}

/// ST02: cut downloads, in every framing.
#[tokio::test]
async fn a_truncated_download_is_visibly_cut() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n";
    let movie = "x".repeat(100_000);
    for (what, sent) in [
        ("a length", format!("{head}content-length: 200000\r\n\r\n{movie}")),
        ("chunks", format!("{head}transfer-encoding: chunked\r\n\r\n30d40\r\n{movie}")),
        ("chunks without the last", format!("{head}transfer-encoding: chunked\r\n\r\n186a0\r\n{movie}\r\n")),
    ] {
        for end in [Reply::close, Reply::reset] {
            let upstream = Upstream::start(end(Reply::raw(&sent))).await;
            let gateway = Gateway::over(&upstream).await;
            let answer = gateway.ask(&get("/v1/videos/video_1/content")).await;
            assert_eq!(answer.status(), 200, "{what}");
            assert!(!answer.whole, "{what}: {} bytes looked whole", answer.body.len());
        }
    }
}

/// ST10: an answer whose head is no HTTP is none, and nothing of it is passed on.
#[tokio::test]
async fn a_malformed_head_is_no_answer() {
    let malformed = [
        "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nx-theirs: a\0b\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n: nameless\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 2x0 OK\r\nx-theirs: a\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nx-theirs: a\r\ncontent-length: two\r\n\r\n{}",
        "HTTP/3.7 200 OK\r\nx-theirs: a\r\ncontent-length: 2\r\n\r\n{}",
        "200 OK\r\nx-theirs: a\r\n\r\n{}",
    ];
    for head in malformed {
        let upstream = Upstream::start(Reply::raw(head).close()).await;
        let gateway = Gateway::start(&upstream, ONCE).await;
        for (request, told) in
            [(create(r#"{"prompt":"a"}"#), Some("false")), (get("/v1/videos/video_1"), None)]
        {
            let answer = gateway.ask(&request).await;
            assert_eq!((answer.status(), answer.header("x-should-retry")), (502, told), "{head:?}");
            assert_eq!(answer.header("x-theirs"), None, "{head:?}");
            assert_eq!(answer.json()["error"]["type"], "server_error", "{head:?}");
        }
        assert_eq!(upstream.count(), 2);
    }
}

/// ST06
#[tokio::test]
async fn a_broken_connection_is_not_used_again() {
    let cut =
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 9\r\n\r\nabc").close();
    let upstream = Upstream::script(vec![cut, Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    assert!(!gateway.ask(&get("/v1/videos/video_1/content")).await.whole);
    for _ in 0..3 {
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.text(), JOB);
    }
}

/// ST07: a refusal that comes while the upload is under way reaches the client.
#[tokio::test]
async fn an_early_answer_reaches_the_client() {
    let body = r#"{"error":{"message":"no","type":"server_error","param":null,"code":null}}"#;
    let large = post("/v1/files", "").body(vec![b'x'; 8 << 20]);
    for status in [401, 413, 429] {
        let early = answer(status, &[("content-type", "application/json"), ("connection", "close")], body);
        let upstream = Upstream::start(Reply::default().send(early).read()).await;
        let gateway = Gateway::start(&upstream, ONCE).await;
        let answer = gateway.ask(&large).await;
        assert_eq!((answer.status(), &*answer.text()), (status, body));
    }
}
