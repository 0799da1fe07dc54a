//! ST02: a broken answer never looks whole, in any framing, to any client.

use crate::support::gateway::Gateway;
use crate::support::upstream::{Reply, Upstream};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n";

/// The requests of three kinds of clients, whose answers end in three ways.
const CLIENTS: [(&str, &str); 3] = [
    ("1.1", "GET /v1/videos/video_1/content HTTP/1.1\r\nhost: a\r\nauthorization: Bearer k\r\n\r\n"),
    ("1.0", "GET /v1/videos/video_1/content HTTP/1.0\r\nauthorization: Bearer k\r\n\r\n"),
    (
        "1.0, kept",
        "GET /v1/videos/video_1/content HTTP/1.0\r\nconnection: keep-alive\r\nauthorization: Bearer k\r\n\r\n",
    ),
];

/// Downloads that break off: in their first bytes, behind a good part, and where nothing but the end is missing.
fn cut() -> Vec<(&'static str, String)> {
    let movie = "x".repeat(100_000);
    vec![
        ("a length", format!("{HEAD}content-length: 200000\r\n\r\n{movie}")),
        ("a length, early", format!("{HEAD}content-length: 200000\r\n\r\nx")),
        ("a length, all but one byte", format!("{HEAD}content-length: 100001\r\n\r\n{movie}")),
        ("chunks", format!("{HEAD}transfer-encoding: chunked\r\n\r\n30d40\r\n{movie}")),
        ("chunks, early", format!("{HEAD}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n")),
        ("chunks without the last", format!("{HEAD}transfer-encoding: chunked\r\n\r\n186a0\r\n{movie}\r\n")),
    ]
}

/// ST02
#[tokio::test]
async fn a_cut_download_looks_cut_to_every_client() {
    assert!(cut().len() * 2 * CLIENTS.len() >= 22);
    for (what, sent) in cut() {
        for end in [Reply::close, Reply::reset] {
            let upstream = Upstream::start(end(Reply::raw(&sent))).await;
            let gateway = Gateway::over(&upstream).await;
            for (version, request) in CLIENTS {
                let mut client = gateway.connect().await;
                client.send(request).await;
                let answer = client.answer().await;
                assert_eq!(answer.status(), 200, "{what} over HTTP/{version}");
                let length = answer.body.len();
                assert!(!answer.whole, "{what} over HTTP/{version}: {length} bytes looked whole");
            }
        }
    }
}

/// ST02: and a whole one looks whole.
#[tokio::test]
async fn a_whole_download_looks_whole_to_every_client() {
    let movie = "x".repeat(100_000);
    for sent in [
        format!("{HEAD}content-length: 100000\r\n\r\n{movie}"),
        format!("{HEAD}transfer-encoding: chunked\r\n\r\n186a0\r\n{movie}\r\n0\r\n\r\n"),
    ] {
        let upstream = Upstream::start(Reply::raw(&sent)).await;
        let gateway = Gateway::over(&upstream).await;
        for (version, request) in CLIENTS {
            let mut client = gateway.connect().await;
            client.send(request).await;
            let answer = client.answer().await;
            assert!(answer.whole && answer.body == movie.as_bytes(), "HTTP/{version}");
        }
    }
}
