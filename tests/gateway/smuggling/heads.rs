//! SM05, SM06, SM07, SM09, SM13: request lines, headers, and one request after another.

use std::time::Duration;

use tokio::time::Instant;

use super::{Pair, SMUGGLED, assert_refusal};
use crate::support::gateway::Gateway;
use crate::support::request::{create, get};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};

/// SM05
#[tokio::test]
async fn illegal_header_syntax_is_refused() {
    let pair = Pair::start().await;
    for header in [
        "X: a\rb",
        "X: a\0b",
        "X: a\u{1}b",
        "X: a\u{7f}b",
        "X : a",
        "X\t: a",
        "X\0: a",
        "X Y: a",
        " X: a",
        "X: a\r\n folded",
        "X: a\r\n\tfolded",
        ": a",
        "X",
        "X\r: a",
        "X: a\r\r",
        "(X): a",
        "X@Y: a",
        "\u{e9}: a",
        "X=Y",
        "\"X\": a",
    ] {
        let head = "GET /v1/videos/video_1 HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer k\r\n";
        pair.refused(format!("{head}{header}\r\n\r\n{SMUGGLED}")).await;
        pair.refused(format!("GET /v1/videos/video_1 HTTP/1.1\r\n{header}\r\nHost: a\r\n\r\n{SMUGGLED}"))
            .await;
    }
}

/// SM05: a bare LF may end a line; it may never become part of a header that is sent on.
#[tokio::test]
async fn a_bare_line_feed_never_travels_on() {
    let pair = Pair::start().await;
    let mut client = pair.gateway.connect().await;
    client
        .send("GET /v1/videos/video_1 HTTP/1.1\nHost: a\nAuthorization: Bearer k\nUser-Agent: a\nX-Y: b\n\n")
        .await;
    let answer = client.answer().await;
    assert!(matches!(answer.status(), 200 | 400));
    for request in pair.upstream.requests() {
        assert!(!request.head.replace("\r\n", "").contains('\n'), "{:?}", request.head);
    }
}

/// SM06
#[tokio::test]
async fn illegal_request_lines_and_versions_are_refused() {
    let pair = Pair::start().await;
    for line in [
        "GET",
        "GET /v1/videos",
        "GET  /v1/videos HTTP/1.1",
        "GET /v1/videos  HTTP/1.1",
        "GET /v1/vi deos HTTP/1.1",
        "GET\t/v1/videos\tHTTP/1.1",
        " GET /v1/videos HTTP/1.1",
        "GET /v1/videos HTTP/1.1 ",
        "GET /v1/videos HTTP/1.1 x",
        "GET /v1/videos HTTP/1.2",
        "GET /v1/videos HTTP/1.11",
        "GET /v1/videos HTTP/2.0",
        "GET /v1/videos HTTP/2",
        "GET /v1/videos HTTP/0.9",
        "GET /v1/videos http/1.1",
        "GET /v1/videos HTTQ/1.1",
        "GET /v1/videos HTTP1.1",
        "GET /v1/videos\0 HTTP/1.1",
        "GET /v1/vid\u{1}eos HTTP/1.1",
        "GET /v1/videos\u{7f} HTTP/1.1",
        "G ET /v1/videos HTTP/1.1",
        "G\0ET /v1/videos HTTP/1.1",
        "G(ET /v1/videos HTTP/1.1",
        "G\u{e9}T /v1/videos HTTP/1.1",
        "/v1/videos HTTP/1.1",
        "GET HTTP/1.1",
        "GET /v1/videos\rHTTP/1.1",
        "GET /v1/videos#fragment HTTP/1.1x",
        "GET http:// HTTP/1.1",
        "GET : HTTP/1.1",
    ] {
        pair.refused(format!("{line}\r\nHost: gateway.test\r\nAuthorization: Bearer k\r\n\r\n{SMUGGLED}"))
            .await;
    }
}

/// SM06: HTTP/2 without TLS is not spoken; what looks like it is not answered as anything else.
#[tokio::test]
async fn the_preface_of_http2_gets_nothing() {
    let pair = Pair::start().await;
    let answers = pair.answers(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(answers.iter().all(|answer| answer.status() >= 400), "{answers:?}");
    pair.upstream.assert_untouched("the preface");
}

/// SM07
#[tokio::test]
async fn there_is_exactly_one_valid_host() {
    let pair = Pair::start().await;
    for hosts in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: a,b\r\n",
        "Host: a/b\r\n",
        "Host: user@a\r\n",
        "Host: a?b\r\n",
        "Host: a#b\r\n",
        "Host: a\\b\r\n",
        "Host: a\tb\r\n",
        "Host: \u{e9}\r\n",
        "Host: http://a\r\n",
        "Host: <a>\r\n",
    ] {
        let head = format!("GET /v1/videos/video_1 HTTP/1.1\r\n{hosts}Authorization: Bearer k\r\n\r\n");
        pair.refused(format!("{head}{SMUGGLED}")).await;
    }
    let long = format!("Host: {}\r\n", "a".repeat(300));
    pair.refused(format!("GET /v1/videos/video_1 HTTP/1.1\r\n{long}Authorization: Bearer k\r\n\r\n")).await;
}

/// SM07
#[tokio::test]
async fn the_clients_host_is_not_sent_on() {
    let pair = Pair::start().await;
    for host in ["evil.example", "127.0.0.1:1", "[::1]:80", "localhost"] {
        let answer = pair.gateway.ask(&get("/v1/videos/video_1").without("host").with("host", host)).await;
        assert_eq!(answer.status(), 200, "{host}");
    }
    // HTTP/1.0 need not have one.
    let mut client = pair.gateway.connect().await;
    client.send("GET /v1/videos/video_1 HTTP/1.0\r\nAuthorization: Bearer k\r\n\r\n").await;
    assert_eq!(client.answer().await.status(), 200);
    for request in pair.upstream.requests() {
        assert_eq!(request.header("host"), Some(&*pair.upstream.address.to_string()));
    }
    assert_eq!(pair.upstream.count(), 5);
}

/// SM09
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let replies = (0..4).map(|n| Reply::json(200, &format!("{{\"id\":{n}}}"))).collect();
    let upstream = Upstream::script(replies).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    let requests = [
        get("/v1/videos/video_0").bytes(),
        create(r#"{"prompt":"a"}"#).bytes(),
        get("/v1/videos/bad%2f").bytes(),
        create(r#"{"prompt":"b"}"#).chunked(3).bytes(),
        get("/v1/videos/video_3").bytes(),
    ];
    client.send(requests.concat()).await;
    for expected in ["{\"id\":0}", "{\"id\":1}", "", "{\"id\":2}", "{\"id\":3}"] {
        let answer = client.answer().await;
        match expected {
            "" => assert_eq!(answer.status(), 404),
            _ => assert_eq!((answer.status(), &*answer.text()), (200, expected)),
        }
    }
    let seen: Vec<String> = upstream.requests().iter().map(|request| request.start.clone()).collect();
    assert_eq!(
        seen,
        [
            "GET /v1/videos/video_0 HTTP/1.1",
            "POST /v1/videos HTTP/1.1",
            "POST /v1/videos HTTP/1.1",
            "GET /v1/videos/video_3 HTTP/1.1"
        ]
    );
}

/// SM09
#[tokio::test]
async fn every_pipelined_request_is_authorised_by_itself() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::with_keys(&upstream).await;
    let right = get("/v1/videos/video_1").without("authorization").with("authorization", "Bearer rg-key");
    let wrong = get("/v1/videos/video_2").without("authorization").with("authorization", "Bearer rg-other");
    let none = get("/v1/videos/video_3").without("authorization");
    let mut client = gateway.connect().await;
    client.send([right.bytes(), wrong.bytes(), right.bytes(), none.bytes(), right.bytes()].concat()).await;
    for expected in [200, 401, 200, 401, 200] {
        assert_eq!(client.answer().await.status(), expected);
    }
    assert!(upstream.requests().iter().all(|request| request.target() == "/v1/videos/video_1"));
    assert_eq!(upstream.count(), 3);
}

/// SM13
#[tokio::test]
async fn an_expecting_client_gets_100_or_a_final_answer_at_once() {
    let pair = Pair::start().await;
    let body = r#"{"prompt":"a"}"#;
    let expecting = create(body).with("expect", "100-continue");
    let mut client = pair.gateway.connect().await;
    let started = Instant::now();
    client.send(expecting.head()).await;
    assert_eq!(client.interim().await.status(), 100);
    assert!(started.elapsed() < Duration::from_secs(1));
    client.send(body).await;
    assert_eq!(client.answer().await.text(), JOB);
    assert_eq!(pair.upstream.only().header("expect"), None);
}

/// SM13: who is refused by the head alone is not asked for the body.
#[tokio::test]
async fn an_expecting_client_that_is_refused_sends_no_body() {
    let pair = Pair::start().await;
    let expecting = |target: &str| create("{}").with_target(target).with("expect", "100-continue");
    for (request, status) in [
        (expecting("/v1/videos").without("authorization"), 401),
        (expecting("/v1/videos?x=y"), 400),
        (expecting("/v1/videos/nothing/here"), 404),
        (expecting("/v1/videos").without("content-length").with("content-length", "99999999999"), 413),
        (expecting("/v1/videos").without("content-type").with("content-type", "text/plain"), 400),
    ] {
        let mut client = pair.gateway.connect().await;
        let started = Instant::now();
        client.send(request.head()).await;
        let answer = client.interim().await;
        assert_eq!(answer.status(), status, "{}", answer.head);
        assert!(started.elapsed() < Duration::from_secs(1), "{status}");
    }
    pair.upstream.assert_untouched("refused by the head");
}

/// SM13
#[tokio::test]
async fn other_expectations_are_refused() {
    let pair = Pair::start().await;
    for expectation in ["200-ok", "100-continue, x", "100-continue;q=1", "x"] {
        let answer = pair.gateway.ask(&create(r#"{"prompt":"a"}"#).with("expect", expectation)).await;
        assert_refusal(expectation, &answer);
        assert_eq!(answer.status(), 417, "{expectation}");
    }
    pair.upstream.assert_untouched("an expectation");
}

/// SM13: the upstream is not told of it, and its own interim answers stay with it.
#[tokio::test]
async fn interim_answers_of_the_upstream_are_skipped() {
    let gate = Gate::closed();
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let upstream = Upstream::start(Reply::default().send(interim).read().wait(&gate).send(answer(
        200,
        &[("content-type", "application/json")],
        JOB,
    )))
    .await;
    let gateway = Gateway::over(&upstream).await;
    gate.open();
    let answer = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
    assert_eq!((answer.status(), &*answer.text(), answer.header("link")), (200, JOB, None));
}
