//! SM01 to SM04: where a request's body ends.

use super::{Pair, SMUGGLED};
use crate::support::request::chunked;

/// The start of a create, up to the headers that frame it.
const CREATE: &str = "POST /v1/videos HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer sk-test\r\n\
    Content-Type: application/json\r\n";

/// The same on a route that is not judged, and so streams.
const OTHER: &str = "POST /v1/responses HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer sk-test\r\n\
    Content-Type: application/json\r\n";

const BODY: &str = r#"{"prompt":"a"}"#;

/// SM01
#[tokio::test]
async fn a_contradictory_or_malformed_content_length_is_refused() {
    let pair = Pair::start().await;
    for framing in [
        "Content-Length: 14\r\nContent-Length: 15",
        "Content-Length: 15\r\nContent-Length: 14",
        "Content-Length: 14\r\nContent-Length: 0",
        "Content-Length: 14, 15",
        "Content-Length: 14,14",
        "Content-Length: +14",
        "Content-Length: -14",
        "Content-Length: 0x0e",
        "Content-Length: 14.0",
        "Content-Length: 1 4",
        "Content-Length: 14 \u{b}",
        "Content-Length: 14;x",
        "Content-Length: \"14\"",
        "Content-Length: fourteen",
        "Content-Length:",
        "Content-Length: ١٤",
        "Content-Length: 18446744073709551630",
        "Content-Length: 99999999999999999999999999999999",
        "Content-Length : 14",
        "Content-Length\t: 14",
        " Content-Length: 14",
        "Content-Length: 14\r\n Content-Length: 0",
    ] {
        for start in [CREATE, OTHER] {
            pair.refused(format!("{start}{framing}\r\n\r\n{BODY}{SMUGGLED}")).await;
        }
    }
}

/// SM01: so large that it could only be a trick.
#[tokio::test]
async fn an_absurd_content_length_is_refused_before_anything_is_read() {
    let pair = Pair::start().await;
    for length in ["9223372036854775807", "9223372036854775808", "18446744073709551615"] {
        for start in [CREATE, OTHER] {
            let mut client = pair.gateway.connect().await;
            client.send(format!("{start}Content-Length: {length}\r\n\r\n{BODY}")).await;
            let answer = client.answer().await;
            super::assert_refusal(length, &answer);
            assert_eq!(answer.header("connection"), Some("close"), "{length}");
            client.send(SMUGGLED).await;
            client.finish().await;
            client.assert_closed().await;
        }
    }
    pair.upstream.assert_untouched("an absurd length");
}

/// SM02: the chunks count, the length does not travel, and nothing after the last chunk is a request.
#[tokio::test]
async fn a_length_beside_chunks_never_frames_the_body() {
    let chunks = format!("{}0\r\n\r\n", String::from_utf8_lossy(&chunked(BODY.as_bytes())));
    for framing in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4000",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\nContent-Length: 6",
    ] {
        for start in [CREATE, OTHER] {
            let pair = Pair::start().await;
            let mut client = pair.gateway.connect().await;
            client.send(format!("{start}{framing}\r\n\r\n{chunks}")).await;
            let answer = client.answer().await;
            if answer.status() != 200 {
                super::assert_refusal(framing, &answer);
                pair.upstream.assert_untouched(framing);
                continue;
            }
            let request = pair.upstream.only();
            assert_eq!(request.text(), BODY, "{framing}");
            let framings = request.all("content-length").len() + request.all("transfer-encoding").len();
            assert_eq!(framings, 1, "{framing}: {}", request.head);
        }
    }
}

/// SM02: the classic attack of both kinds.
#[tokio::test]
async fn a_request_hidden_behind_one_of_two_framings_is_never_seen_upstream() {
    for framing in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let pair = Pair::start().await;
        // As chunks this is an empty body; by its length it is "0", and the rest a request.
        let mut client = pair.gateway.connect().await;
        client.send(format!("{OTHER}{framing}\r\n\r\n0\r\n\r\n")).await;
        let first = client.answer().await;
        assert!(matches!(first.status(), 200 | 400), "{framing}: {}", first.start);
        for request in pair.upstream.requests() {
            assert_eq!((request.target(), &*request.text()), ("/v1/responses", ""), "{framing}");
        }
    }
}

/// SM03
#[tokio::test]
async fn any_transfer_encoding_but_plain_chunked_is_refused() {
    let pair = Pair::start().await;
    for framing in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: cow, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked\u{b}",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chun\tked",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: x\r\n chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding: cow\r\nContent-Length: 4",
    ] {
        for start in [CREATE, OTHER] {
            pair.refused(format!("{start}{framing}\r\n\r\n0\r\n\r\n{SMUGGLED}")).await;
        }
    }
    // HTTP/1.0 has no chunks.
    let old = CREATE.replace("HTTP/1.1", "HTTP/1.0");
    pair.refused(format!("{old}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}")).await;
}

/// Chunks that two servers could read in two ways, or that none can read.
const BROKEN: &[&str] = &[
    "x\r\n",
    "-1\r\n",
    "+e\r\n",
    "0xe\r\n",
    " e\r\n",
    "\r\n",
    ";\r\n",
    "e;\n\r\n",
    "g\r\n",
    "e\n{\"prompt\":\"a\"}\n0\n\n",
    "e\r{\"prompt\":\"a\"}\r\n0\r\n\r\n",
    "e\r\n{\"prompt\":\"a\"}X\r\n0\r\n\r\n",
    "e\r\n{\"prompt\":\"a\"}0\r\n\r\n",
    "e\r\n{\"prompt\":\"a\"}\n0\r\n\r\n",
    "d\r\n{\"prompt\":\"a\"}\r\n0\r\n\r\n",
    "f\r\n{\"prompt\":\"a\"}\r\n0\r\n\r\n",
    "e e\r\n{\"prompt\":\"a\"}\r\n0\r\n\r\n",
    "e\u{b}\r\n{\"prompt\":\"a\"}\r\n0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "10000000000000000e\r\n{\"prompt\":\"a\"}\r\n0\r\n\r\n",
    "e\r\n{\"prompt\":\"a\"}\r\n-0\r\n\r\n",
    "e\r\n{\"prompt\":\"a\"}\r\n0\r\nbad trailer\r\n\r\n",
];

/// SM04: broken by the client, so 400 and never 502, and no byte behind it is a request.
#[tokio::test]
async fn broken_chunks_are_refused_on_judged_routes() {
    let pair = Pair::start().await;
    for chunks in BROKEN {
        pair.refused(format!("{CREATE}Transfer-Encoding: chunked\r\n\r\n{chunks}{SMUGGLED}")).await;
    }
}

/// SM04: as above, but the upstream may have seen a start; then it saw no end.
#[tokio::test]
async fn broken_chunks_are_refused_on_streamed_routes() {
    for chunks in BROKEN {
        let pair = Pair::start().await;
        let answers =
            pair.answers(format!("{OTHER}Transfer-Encoding: chunked\r\n\r\n{chunks}{SMUGGLED}")).await;
        assert_eq!(answers.len(), 1, "{chunks:?}: {answers:#?}");
        super::assert_refusal(chunks, &answers[0]);
        for request in pair.upstream.requests() {
            assert_eq!(request.target(), "/v1/responses", "{chunks:?}");
            assert!(!request.whole, "{chunks:?}: {request:#?}");
        }
    }
}

/// SM04: a body that breaks off is no body.
#[tokio::test]
async fn a_body_that_breaks_off_never_looks_whole() {
    for start in [CREATE, OTHER] {
        for framing in [
            "Content-Length: 14\r\n\r\n{\"prompt\"",
            "Transfer-Encoding: chunked\r\n\r\ne\r\n{\"prompt\":\"a\"}\r\n",
        ] {
            let pair = Pair::start().await;
            let mut client = pair.gateway.connect().await;
            client.send(format!("{start}{framing}")).await;
            client.finish().await;
            let answers = crate::support::within("an end", client.answers()).await;
            for answer in &answers {
                assert_eq!(answer.status(), 400, "{framing}");
            }
            assert!(pair.upstream.requests().iter().all(|request| !request.whole), "{framing}");
        }
    }
}

/// SM04: a body where none is expected is read as one, and never as the next request.
#[tokio::test]
async fn the_body_of_a_get_is_no_request() {
    let pair = Pair::start().await;
    let get = "GET /v1/videos/video_1 HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer sk-test\r\n";
    let mut client = pair.gateway.connect().await;
    client.send(format!("{get}Content-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len())).await;
    assert_eq!(client.answer().await.status(), 200);
    let mut client = pair.gateway.connect().await;
    let chunk = String::from_utf8_lossy(&chunked(SMUGGLED.as_bytes())).into_owned();
    client.send(format!("{get}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")).await;
    assert_eq!(client.answer().await.status(), 200);
    for request in pair.upstream.requests() {
        assert_eq!((request.method(), request.target()), ("GET", "/v1/videos/video_1"));
        assert_eq!(request.header("content-length").unwrap_or("0"), "0");
    }
    assert_eq!(pair.upstream.count(), 2);
}
