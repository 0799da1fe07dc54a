//! SM12: an upstream's ambiguous answer cannot poison the next one.

use crate::support::gateway::Gateway;
use crate::support::request::{create, get};
use crate::support::upstream::{JOB, Reply, Upstream};

/// Short pauses: what is broken is asked for again.
const QUICK: &str =
    "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\nretry.backoff_base = \"1ms\"";

/// An answer that must never be given to anybody.
const POISON: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{\"poison\"}";

/// Answers whose end could be seen in two places, with more behind it.
fn ambiguous() -> Vec<String> {
    let ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    [
        // More than was announced.
        format!("{ok}content-length: 2\r\n\r\n{{}}"),
        format!("{ok}content-length: 0\r\n\r\n"),
        // Chunks and a length.
        format!("{ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{ok}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        // Two lengths.
        format!("{ok}content-length: 2\r\ncontent-length: 60\r\n\r\n{{}}"),
        format!("{ok}content-length: 60\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("{ok}content-length: 2, 60\r\n\r\n{{}}"),
        // No length at all.
        format!("{ok}content-length: x\r\n\r\n{{}}"),
        format!("{ok}content-length: -2\r\n\r\n{{}}"),
        format!("{ok}content-length: +2\r\n\r\n{{}}"),
        // Not just chunked.
        format!("{ok}transfer-encoding: gzip, chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{ok}transfer-encoding: identity\r\ncontent-length: 2\r\n\r\n{{}}"),
        // Broken chunks.
        format!("{ok}transfer-encoding: chunked\r\n\r\n2\r\n{{}}X\r\n0\r\n\r\n"),
        format!("{ok}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
        // Bodies where there is none.
        "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        // No head.
        "garbage\r\n\r\n".to_owned(),
        format!("{ok}X Y: z\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("{ok}X: a\r\n folded\r\ncontent-length: 2\r\n\r\n{{}}"),
        "HTTP/1.1 99 Odd\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        "HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
    ]
    .into()
}

/// SM12
#[tokio::test]
async fn a_poisoned_answer_never_reaches_the_next_request() {
    for first in ambiguous() {
        let replies = vec![Reply::raw(format!("{first}{POISON}")), Reply::job()];
        let upstream = Upstream::script(replies).await;
        let gateway = Gateway::start(&upstream, QUICK).await;
        let mut client = gateway.connect().await;
        client.send(get("/v1/videos/video_1").bytes()).await;
        let (_, mut framing) = client.head_of_answer("GET").await;
        // It may pass, or end in an error; it may not be whole and hold the poison at once.
        let mut body = Vec::new();
        while let Ok(Some(piece)) = client.piece(&mut framing).await {
            body.extend_from_slice(&piece);
        }
        for next in [get("/v1/videos/video_2"), create(r#"{"prompt":"a"}"#), get("/v1/videos/video_3")] {
            let answer = gateway.ask(&next).await;
            assert_eq!((answer.status(), &*answer.text()), (200, JOB), "after {first:?}");
        }
    }
}

/// SM12: where the client keeps its connection, it gets one answer a request.
#[tokio::test]
async fn the_client_gets_one_answer_a_request_whatever_the_upstream_sends() {
    for first in ambiguous() {
        let upstream = Upstream::script(vec![Reply::raw(format!("{first}{POISON}")), Reply::job()]).await;
        let gateway = Gateway::start(&upstream, QUICK).await;
        let mut client = gateway.connect().await;
        client.send(get("/v1/videos/video_1").bytes()).await;
        let one = client.answer().await;
        if !one.whole || one.header("connection") == Some("close") {
            continue;
        }
        assert!(matches!(one.status(), 200 | 204 | 304 | 502), "{first:?}: {}", one.start);
        client.send(get("/v1/videos/video_2").bytes()).await;
        let two = client.answer().await;
        assert_eq!((two.status(), &*two.text()), (200, JOB), "after {first:?}");
    }
}

/// SM12: what comes without being asked for is nobody's answer.
#[tokio::test]
async fn an_answer_to_nothing_is_nobodys() {
    let whole = Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{POISON}"));
    let upstream = Upstream::script(vec![whole.clone(), whole, Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    for expected in ["{}", "{}", JOB, JOB] {
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.text(), expected);
    }
}

/// SM12: what would be left once the chunks are taken off is not what the upstream announced.
#[tokio::test]
async fn an_answer_in_any_coding_but_plain_chunks_is_none() {
    for coding in ["gzip, chunked", "identity", "chunked, chunked", "gzip", "x"] {
        let sent = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
        let upstream = Upstream::start(Reply::raw(sent)).await;
        let once = "[upstreams.main]\nbase_url = \"{upstream}\"\nretry.attempts = 1\nspare_connections = 0";
        let gateway = Gateway::start(&upstream, once).await;
        let fetched = gateway.ask(&get("/v1/videos/video_1/content")).await;
        assert_eq!(
            (fetched.status(), fetched.code().as_deref()),
            (502, Some("upstream_bad_answer")),
            "{coding}"
        );
        let created = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
        let unknown = (502, Some("upstream_outcome_unknown"));
        assert_eq!((created.status(), created.code().as_deref()), unknown, "{coding}");
        assert_eq!(upstream.connections(), 2, "{coding}: a connection in doubt is not used again");
    }
}
