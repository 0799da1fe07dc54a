//! Clients whose `base_url` is wrong: the words are OpenAI's, and a header says where to look.

use crate::support::gateway::Gateway;
use crate::support::request::{create, get, request};
use crate::support::upstream::{Reply, Upstream};

const HINT: &str = "x-reelgate-hint";

#[tokio::test]
async fn a_path_that_shows_a_wrong_base_url_is_answered_with_a_hint() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::with_keys(&upstream).await;
    for (method, path, hint) in [
        ("POST", "/videos", "base_url should end in /v1"),
        ("GET", "/videos/video_1/content", "base_url should end in /v1"),
        ("POST", "/v1//videos", "base_url should end in /v1, without a slash behind it"),
        ("POST", "/v1/videos/videos", "base_url should end in /v1, without a route behind it"),
        ("GET", "/v1/videos/videos/video_1", "base_url should end in /v1, without a route behind it"),
        ("POST", "/api/v1/videos", "base_url should be scheme, host and /v1, and nothing between them"),
    ] {
        // As the SDKs send it: a create with its body, and the key in Authorization.
        let asked = if method == "POST" { create(r#"{"prompt":"a"}"#).with_target(path) } else { get(path) };
        let answer = gateway.ask(&asked).await;
        let message = format!("Invalid URL ({method} {path})");
        assert_eq!((answer.status(), answer.json()["error"]["message"].as_str()), (404, Some(&*message)));
        assert_eq!(answer.header(HINT), Some(hint), "{path}");
    }
    upstream.assert_untouched("wrong base URLs");
}

/// Routes that are not about videos go on as they come: the upstream's 404 has the hint, too.
#[tokio::test]
async fn the_upstreams_404_is_answered_with_a_hint() {
    let theirs = r#"{"error":{"message":"Invalid URL (POST /v1/v1/videos)","type":"invalid_request_error","param":null,"code":null}}"#;
    let upstream = Upstream::start(Reply::json(404, theirs)).await;
    let gateway = Gateway::over(&upstream).await;
    for (path, hint) in [
        ("/v1/v1/videos", "base_url should end in /v1, once"),
        ("/v1/v1/messages", "base_url should end before /v1, which this SDK appends itself"),
        ("/v1/chat/completions/videos", "base_url should end in /v1, without a route behind it"),
    ] {
        let answer = gateway.ask(&create(r#"{"prompt":"a"}"#).with_target(path)).await;
        assert_eq!((answer.status(), answer.header(HINT)), (404, Some(hint)), "{path}");
        assert_eq!(answer.text(), theirs);
    }
}

#[tokio::test]
async fn no_other_answer_has_a_hint() {
    let upstream = Upstream::start(Reply::json(404, "{}")).await;
    let gateway = Gateway::over(&upstream).await;
    for path in ["/v1/videos/video_1", "/v1/models/none", "/favicon.ico", "/v1/videos/video_1/frames"] {
        let answer = gateway.ask(&get(path)).await;
        assert_eq!((answer.status(), answer.header(HINT)), (404, None), "{path}");
    }
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let answer = gateway.ask(&request("GET", "/v1/videos/videos")).await;
    assert_eq!((answer.status(), answer.header(HINT)), (200, None), "it was found");
}
