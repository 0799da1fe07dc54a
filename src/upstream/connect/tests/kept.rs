//! Free calls over HTTP/1.1.

use tokio::time::{advance, pause};

use super::*;
use crate::upstream::tests::fed;

const POOLED: Reuse = Reuse::Pooled;

#[tokio::test]
async fn calls_that_follow_each_other_share_a_connection() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let answers = [
        ANSWER,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        ANSWER,
    ];
    let serve = async {
        let mut peer = upstream.accepts().await;
        for answer in answers {
            let asked = peer.is_asked().await;
            let host = format!("\r\nhost: {}\r\n", upstream.settings.base.authority);
            assert!(asked.starts_with("GET /v1/videos HTTP/1.1\r\n") && asked.contains(&host), "{asked}");
            peer.says(answer).await;
        }
        peer
    };
    let ask = async {
        for expected in ["{}", "{}", "", "{}"] {
            let request = Request::get(upstream.uri("/v1/videos")).body(Body::empty()).expect("a request");
            assert_eq!(call(&connections, POOLED, request).await.expect("an answer"), expected);
        }
    };
    let (_peer, ()) = tokio::join!(serve, ask);
    assert!(!upstream.is_wanted().await);
}

/// RT16: one that the upstream has closed is not used, and nobody notices.
#[tokio::test]
async fn a_connection_closed_meanwhile_is_not_used() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    for _ in 0..3 {
        let serve = async {
            upstream.accepts().await.answers().await;
            settle().await;
        };
        let (_, body) = tokio::join!(serve, call(&connections, POOLED, upstream.request("")));
        assert_eq!(body.expect("an answer"), "{}");
        settle().await;
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_ends_its_connection() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let serve = async {
        let mut peer = upstream.accepts().await;
        peer.is_asked().await;
        peer.says("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
        peer
    };
    let (mut peer, answer) = tokio::join!(serve, send(&connections, POOLED, upstream.request("")));
    drop(answer.expect("an answer"));
    peer.is_left().await;
    let again = async { upstream.accepts().await.answers().await };
    let (_, body) = tokio::join!(again, call(&connections, POOLED, upstream.request("")));
    assert_eq!(body.expect("an answer"), "{}");
}

/// SM12: more than was announced is no answer to the next request.
#[tokio::test]
async fn a_connection_that_says_too_much_is_not_used_again() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let serve = async {
        let mut peer = upstream.accepts().await;
        peer.is_asked().await;
        peer.says(&format!("{ANSWER}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")).await;
        peer
    };
    let (_peer, body) = tokio::join!(serve, call(&connections, POOLED, upstream.request("")));
    assert_eq!(body.expect("an answer"), "{}");
    settle().await;
    let again = async { upstream.accepts().await.answers().await };
    let (_, body) = tokio::join!(again, call(&connections, POOLED, upstream.request("")));
    assert_eq!(body.expect("an answer"), "{}");
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_in_time() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let serve = async {
        let mut peer = upstream.accepts().await;
        peer.answers().await;
        peer
    };
    let (mut peer, body) = tokio::join!(serve, call(&connections, POOLED, upstream.request("")));
    body.expect("an answer");
    pause();
    let limit = upstream.settings.pool_idle;
    advance(limit.checked_sub(Duration::from_millis(1)).expect("longer")).await;
    settle().await;
    assert_eq!(connections.kept.len(), 1);
    advance(Duration::from_millis(2)).await;
    settle().await;
    assert_eq!(connections.kept.len(), 0);
    peer.is_left().await;
}

#[tokio::test]
async fn connections_end_with_what_they_belong_to() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let serve = async {
        let mut peer = upstream.accepts().await;
        peer.answers().await;
        peer
    };
    let (mut peer, body) = tokio::join!(serve, call(&connections, POOLED, upstream.request("")));
    body.expect("an answer");
    drop(connections);
    peer.is_left().await;
}

/// ST07: an answer that is there early ends no upload.
#[tokio::test]
async fn an_upload_goes_on_behind_its_answer() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let (feeder, body) = fed();
    let serve = async {
        let mut peer = upstream.accepts().await;
        peer.answers().await;
        peer
    };
    let (mut peer, answer) = tokio::join!(serve, call(&connections, POOLED, upstream.request(body)));
    assert_eq!(answer.expect("an answer"), "{}");
    assert_eq!(connections.kept.len(), 0, "it is busy yet");
    feeder.send(Ok(Bytes::from_static(b"the rest"))).expect("it is still read");
    drop(feeder);
    let mut rest = Vec::new();
    within("the rest", peer.0.read_to_end(&mut rest)).await.expect("a stream");
    assert_eq!(String::from_utf8_lossy(&rest), "8\r\nthe rest\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_host_is_named_with_its_port_where_that_is_not_the_usual_one() {
    for (base, expected) in [
        ("http://api.example.com:80/v1", "api.example.com"),
        ("https://api.example.com:443/v1", "api.example.com"),
        ("https://api.example.com:80/v1", "api.example.com:80"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
        ("https://[::1]/v1", "[::1]"),
    ] {
        let uri: Uri = base.parse().expect("a URI");
        let parts = uri.into_parts();
        let base = Base {
            scheme: parts.scheme.expect("a scheme"),
            authority: parts.authority.expect("an authority"),
            path: String::new(),
        };
        assert_eq!(ConnectionSettings::of(&Settings::at("main", base)).host(), expected);
    }
}
