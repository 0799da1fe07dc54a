//! SM08, SM10, SM11: what is meant for one hop stays there.

use super::Pair;
use crate::support::gateway::Gateway;
use crate::support::request::{create, get, post};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// SM08: also SE05 and SE08, cookies and forwarding headers.
#[tokio::test]
async fn headers_of_one_hop_and_those_named_in_connection_are_not_sent_on() {
    let pair = Pair::start().await;
    let request = get("/v1/videos/video_1")
        .with("connection", "keep-alive, Range, x-stainless-lang, OpenAI-Beta")
        .with("range", "bytes=0-1")
        .with("x-stainless-lang", "js")
        .with("openai-beta", "x")
        .with("keep-alive", "timeout=5")
        .with("proxy-connection", "keep-alive")
        .with("proxy-authorization", "Basic x")
        .with("te", "trailers")
        .with("trailer", "x-checksum")
        .with("cookie", "a=b")
        .with("x-forwarded-for", "1.2.3.4")
        .with("forwarded", "for=1.2.3.4")
        .with("x-real-ip", "1.2.3.4")
        .with("via", "1.1 x")
        .with("x-request-id", "req_of_the_client")
        .with("x-unknown", "x")
        .with("user-agent", "test");
    assert_eq!(pair.gateway.ask(&request).await.status(), 200);
    let seen = pair.upstream.only();
    let mut names: Vec<String> = seen.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "host", "user-agent", "x-request-id"], "{}", seen.head);
    assert_ne!(seen.header("x-request-id"), Some("req_of_the_client"));
}

/// SM08
#[tokio::test]
async fn naming_a_required_header_in_connection_does_not_remove_it() {
    let pair = Pair::start().await;
    for named in
        ["content-type", "content-length", "host", "authorization", "transfer-encoding", "x-request-id"]
    {
        let request = create(r#"{"prompt":"a"}"#).with("connection", named);
        assert_eq!(pair.gateway.ask(&request).await.status(), 200, "{named}");
    }
    for request in pair.upstream.requests() {
        assert_eq!(request.text(), r#"{"prompt":"a"}"#);
        assert_eq!(request.header("content-length"), Some("14"), "{}", request.head);
        assert_eq!(request.header("content-type"), Some("application/json"), "{}", request.head);
        assert_eq!(request.header("authorization"), Some("Bearer sk-test"), "{}", request.head);
        assert_eq!(request.header("host"), Some(&*pair.upstream.address.to_string()), "{}", request.head);
        assert!(request.header("x-request-id").is_some(), "{}", request.head);
    }
    assert_eq!(pair.upstream.count(), 6);
}

/// SM08: also SE07, what the upstream says to us alone.
#[tokio::test]
async fn headers_of_the_upstreams_hop_do_not_reach_the_client() {
    let headers = [
        ("content-type", "application/json"),
        ("connection", "keep-alive, x-ratelimit-limit-requests"),
        ("x-ratelimit-limit-requests", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("set-cookie", "a=b"),
        ("server", "uvicorn"),
        ("openai-organization", "org"),
        ("upgrade", "h2c"),
        ("trailer", "x-checksum"),
        ("location", "http://internal/"),
        ("x-internal", "secret"),
        ("openai-processing-ms", "12"),
    ];
    let upstream = Upstream::start(Reply::raw(answer(200, &headers, JOB))).await;
    let gateway = Gateway::over(&upstream).await;
    let answer = gateway.ask(&get("/v1/videos/video_1")).await;
    let mut names: Vec<String> = answer.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "date",
            "openai-processing-ms",
            "x-reelgate-attempts",
            "x-request-id"
        ]
    );
}

/// SM10
#[tokio::test]
async fn upgrades_are_not_tunnelled() {
    let pair = Pair::start().await;
    for (upgrade, connection) in [
        ("h2c", "Upgrade, HTTP2-Settings"),
        ("websocket", "Upgrade"),
        ("websocket", "upgrade, keep-alive"),
        ("TLS/1.0, HTTP/2.0", "Upgrade"),
    ] {
        for target in ["/v1/videos/video_1", "/v1/realtime"] {
            let request = get(target)
                .with("connection", connection)
                .with("upgrade", upgrade)
                .with("http2-settings", "AAMAAABkAAQAAP__")
                .with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .with("sec-websocket-version", "13");
            let answer = pair.gateway.ask(&request).await;
            assert_ne!(answer.status(), 101, "{upgrade}");
        }
    }
    for request in pair.upstream.requests() {
        for name in ["upgrade", "connection", "http2-settings", "sec-websocket-key"] {
            assert_eq!(request.header(name), None, "{}", request.head);
        }
    }
}

/// SM10
#[tokio::test]
async fn an_upstream_that_switches_protocols_has_given_no_answer() {
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nsecret";
    let upstream = Upstream::start(Reply::raw(switch)).await;
    let once = "[upstreams.main]\nbase_url = \"{upstream}\"\nretry.attempts = 1";
    let gateway = Gateway::start(&upstream, once).await;
    let request = get("/v1/realtime").with("connection", "upgrade").with("upgrade", "websocket");
    for request in [request, get("/v1/videos/video_1"), create(r#"{"prompt":"a"}"#)] {
        let answer = gateway.ask(&request).await;
        assert_eq!(answer.status(), 502, "{}", answer.text());
        assert!(!answer.text().contains("secret"));
    }
}

/// SM11
#[tokio::test]
async fn trailers_of_a_request_never_become_headers() {
    let pair = Pair::start().await;
    for sent in [create(r#"{"prompt":"a"}"#), post("/v1/responses", r#"{"prompt":"a"}"#)] {
        let mut bytes = sent.with("trailer", "authorization").chunked(5).bytes();
        bytes.truncate(bytes.len() - 2);
        bytes.extend_from_slice(
            b"Authorization: Bearer stolen\r\nContent-Length: 5\r\nX-Api-Key: stolen\r\n\r\n",
        );
        let mut client = pair.gateway.connect().await;
        client.send(bytes).await;
        assert_eq!(client.answer().await.status(), 200);
    }
    for request in pair.upstream.requests() {
        assert!(!request.head.contains("stolen"), "{}", request.head);
        assert_eq!(request.trailers, [], "{}", request.head);
        assert_eq!(request.text(), r#"{"prompt":"a"}"#);
    }
    assert_eq!(pair.upstream.count(), 2);
}

/// SM11
#[tokio::test]
async fn trailers_of_an_answer_are_dropped() {
    for content_type in ["application/json", "video/mp4"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-y\r\ncontent-type: {content_type}\r\n"
        );
        let body = "2\r\n{}\r\n0\r\nX-Y: z\r\nSet-Cookie: a=b\r\n\r\n";
        let upstream = Upstream::start(Reply::raw(format!("{head}\r\n{body}"))).await;
        let gateway = Gateway::over(&upstream).await;
        let answer = gateway.ask(&get("/v1/videos/video_1/content").with("te", "trailers")).await;
        assert_eq!((answer.status(), &*answer.text(), answer.whole), (200, "{}", true));
        assert_eq!(answer.trailers, []);
        assert_eq!((answer.header("x-y"), answer.header("trailer")), (None, None));
    }
}
