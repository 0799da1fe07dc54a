//! ST04, ST09: the headers and statuses of a download, and the ids of every answer.

use crate::support::gateway::Gateway;
use crate::support::request::{create, get, request};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// ST04
#[tokio::test]
async fn range_and_conditions_pass_both_ways() {
    let partial = answer(
        206,
        &[
            ("content-type", "video/mp4"),
            ("content-range", "bytes 2-5/10"),
            ("accept-ranges", "bytes"),
            ("etag", "\"v1\""),
            ("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("content-disposition", "attachment; filename=\"video.mp4\""),
            ("cache-control", "private, max-age=3600"),
        ],
        "2345",
    );
    let upstream = Upstream::start(Reply::raw(partial)).await;
    let gateway = Gateway::over(&upstream).await;
    let conditions = [
        ("range", "bytes=2-5"),
        ("if-range", "\"v1\""),
        ("if-none-match", "\"v0\""),
        ("if-match", "\"v1\""),
        ("if-modified-since", "Wed, 21 Oct 2020 07:28:00 GMT"),
        ("if-unmodified-since", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("accept", "application/binary"),
        ("accept-encoding", "gzip, deflate"),
    ];
    let asked = conditions
        .iter()
        .fold(get("/v1/videos/video_1/content"), |asked, (name, value)| asked.with(name, value));
    let got = gateway.ask(&asked).await;
    assert_eq!((got.status(), &*got.text()), (206, "2345"));
    for (name, value) in [
        ("content-range", "bytes 2-5/10"),
        ("accept-ranges", "bytes"),
        ("etag", "\"v1\""),
        ("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("content-disposition", "attachment; filename=\"video.mp4\""),
        ("cache-control", "private, max-age=3600"),
        ("content-length", "4"),
        ("content-type", "video/mp4"),
    ] {
        assert_eq!(got.header(name), Some(value));
    }
    let seen = upstream.only();
    for (name, value) in conditions {
        assert_eq!(seen.header(name), Some(value));
    }
}

/// ST04, ST09
#[tokio::test]
async fn statuses_without_a_body_pass_and_keep_the_connection() {
    let replies = vec![
        Reply::raw("HTTP/1.1 304 Not Modified\r\netag: \"v1\"\r\ncontent-length: 1000\r\n\r\n"),
        Reply::raw(answer(416, &[("content-range", "bytes */10")], "")),
        Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 123456789\r\ncontent-type: video/mp4\r\n\r\n"),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n\r\n"),
        Reply::job(),
    ];
    let upstream = Upstream::script(replies).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    let content = "/v1/videos/video_1/content";
    for (method, status, header) in [
        ("GET", 304, ("etag", Some("\"v1\""))),
        ("GET", 416, ("content-range", Some("bytes */10"))),
        ("GET", 204, ("content-length", None)),
        ("HEAD", 200, ("content-length", Some("123456789"))),
        ("HEAD", 200, ("content-length", None)),
    ] {
        client.send(request(method, content).bytes()).await;
        let answer = client.answer_to(method).await;
        assert_eq!((answer.status(), answer.header(header.0)), (status, header.1), "{}", answer.head);
        assert_eq!((&*answer.text(), answer.whole), ("", true));
    }
    client.send(get("/v1/videos/video_1").bytes()).await;
    assert_eq!(client.answer().await.text(), JOB);
    let methods: Vec<String> = upstream.requests().iter().map(|seen| seen.method().to_owned()).collect();
    assert_eq!(methods, ["GET", "GET", "GET", "HEAD", "HEAD", "GET"]);
    assert_eq!(upstream.connections(), 1);
}

/// ST11: a coding that the client accepts is not touched.
#[tokio::test]
async fn an_encoded_answer_passes_as_it_came() {
    let encoded = answer(
        200,
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        b"\x1f\x8bnot really",
    );
    let upstream = Upstream::start(Reply::raw(encoded)).await;
    let gateway = Gateway::over(&upstream).await;
    let got = gateway.ask(&get("/v1/videos/video_1").with("accept-encoding", "gzip")).await;
    assert_eq!((got.header("content-encoding"), &*got.body), (Some("gzip"), &b"\x1f\x8bnot really"[..]));
}

/// RT28: every answer can be asked about.
#[tokio::test]
async fn an_answer_has_the_upstreams_request_id_or_ours() {
    let named = answer(200, &[("content-type", "application/json"), ("x-request-id", "req_upstream")], JOB);
    let upstream = Upstream::script(vec![Reply::raw(named), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    let first = gateway.ask(&get("/v1/videos/video_1")).await;
    assert_eq!(first.header("x-request-id"), Some("req_upstream"));
    let second = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
    let ours = second.header("x-request-id").expect("an id").to_owned();
    assert!(ours.len() == 36 && ours.starts_with("req_"), "{ours}");
    // The upstream was told the same id.
    assert_eq!(upstream.requests()[1].header("x-request-id"), Some(&*ours));
    let refused = gateway.ask(&get("/nothing")).await;
    assert!(refused.header("x-request-id").is_some_and(|id| id != ours));
}

/// What the upstream says of waiting is for the client.
#[tokio::test]
async fn waiting_and_limits_pass_to_the_client() {
    let headers = [
        ("content-type", "application/json"),
        ("retry-after", "20"),
        ("retry-after-ms", "20000"),
        ("x-should-retry", "false"),
        ("x-ratelimit-remaining-requests", "0"),
        ("openai-poll-after-ms", "1500"),
    ];
    let body = r#"{"error":{"message":"m","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    let upstream = Upstream::start(Reply::raw(answer(429, &headers, body))).await;
    let gateway = Gateway::over(&upstream).await;
    let got = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
    assert_eq!((got.status(), &*got.text()), (429, body));
    for (name, value) in headers {
        assert_eq!(got.header(name), Some(value));
    }
}

/// Extra headers of the operator's choice pass, and no others.
#[tokio::test]
async fn the_operator_can_let_more_headers_through() {
    let headers = [("content-type", "application/json"), ("x-tenant-quota", "7"), ("x-other", "x")];
    let upstream = Upstream::start(Reply::raw(answer(200, &headers, JOB))).await;
    let configuration = "[routes]\nanswer_headers = [\"x-tenant-quota\"]\nquery_parameters = [\"api-version\"]\n\
        [upstreams.main]\nbase_url = \"{upstream}\"\nforward_headers = [\"x-tenant\"]";
    let gateway = Gateway::start(&upstream, configuration).await;
    let asked = get("/v1/videos/video_1?api-version=preview").with("x-tenant", "t1").with("x-unlisted", "x");
    let got = gateway.ask(&asked).await;
    assert_eq!((got.status(), got.header("x-tenant-quota"), got.header("x-other")), (200, Some("7"), None));
    let seen = upstream.only();
    assert_eq!((seen.header("x-tenant"), seen.header("x-unlisted")), (Some("t1"), None));
    assert_eq!(seen.target(), "/v1/videos/video_1?api-version=preview");
}
