//! ST08: interim answers of an upstream, which are for nobody but us.

use crate::support::gateway::Gateway;
use crate::support::request::{create, get, post};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// ST08
#[tokio::test]
async fn interim_answers_are_skipped_however_many_there_are() {
    let interim = [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\ncontent-length: 5\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\ncontent-type: text/event-stream\r\n\r\n",
    ];
    let job = answer(200, &[("content-type", "application/json")], JOB);
    for count in [1, 3, 16] {
        let interim: String = interim.into_iter().cycle().take(count).collect();
        for when in ["before the body is read", "after"] {
            let reply = if when == "after" {
                Reply::default().read().send(&interim).send(&job)
            } else {
                Reply::default().send(&interim).read().send(&job)
            };
            let upstream = Upstream::start(reply).await;
            let gateway = Gateway::over(&upstream).await;
            let mut client = gateway.connect().await;
            for call in [create(r#"{"prompt":"a"}"#), get("/v1/videos/video_1"), post("/v1/files", "x")] {
                client.send(call.bytes()).await;
                let answer = client.interim().await;
                assert_eq!(answer.status(), 200, "{count} {when}: the client gets none of them");
                assert_eq!(answer.header("link"), None, "{count} {when}");
                let mut framing = answer.framing_of_answer("GET");
                let body = client.piece(&mut framing).await.expect("no cut").expect("a body");
                assert_eq!(body, JOB.as_bytes(), "{count} {when}");
            }
        }
    }
}

/// ST08, TO02: an answer that never comes to its own head is none.
#[tokio::test]
async fn interim_answers_without_end_are_no_answer() {
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(100);
    let upstream = Upstream::start(Reply::default().read().repeat(flood, usize::MAX)).await;
    let configuration =
        "[upstreams.main]\nbase_url = \"{upstream}\"\nsubmit_timeout = \"200ms\"\nfetch_timeout = \"200ms\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    for (call, code) in [
        (get("/v1/videos/video_1"), "upstream_timeout"),
        (create(r#"{"prompt":"a"}"#), "upstream_outcome_unknown"),
    ] {
        let answer = gateway.ask(&call).await;
        assert_eq!((answer.status(), answer.code().as_deref()), (504, Some(code)));
    }
}
