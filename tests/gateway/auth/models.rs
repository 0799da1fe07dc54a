//! Which models a key may have videos made by.

use super::{OPEN, TEAM, by, with};
use crate::support::request::{Request, create, get, post};
use crate::support::upstream::{Reply, Upstream, answer};

const ONE: &str = "models = [\"sora-2\"]";

fn ask(json: &str) -> Request {
    by(TEAM, create(json))
}

/// As OpenAI answers a project that was not given a model; recorded in openai/openai-python's and others' issues.
#[tokio::test]
async fn another_model_is_refused_in_openais_words() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, ONE, "").await;
    let refused = gateway.ask(&ask(r#"{"prompt":"a cat","model":"sora-2-pro"}"#)).await;
    assert_eq!(refused.status(), 403);
    let expected = "{\n  \"error\": {\n    \"message\": \"Project `team` does not have access to model `sora-2-pro`\",\n    \
                    \"type\": \"invalid_request_error\",\n    \"param\": null,\n    \"code\": \"model_not_found\"\n  }\n}";
    assert_eq!(refused.text(), expected);
    let unknown = gateway.ask(&ask(r#"{"prompt":"a cat","model":"veo-9"}"#)).await;
    assert_ne!(unknown.status(), 403, "who asks for a model that nobody has is told that");
    upstream.assert_untouched("another model");
    for json in [r#"{"prompt":"a cat"}"#, r#"{"prompt":"a cat","model":"sora-2"}"#] {
        assert_eq!(gateway.ask(&ask(json)).await.status(), 200, "{json}");
    }
}

/// What is not about making videos by a model is not limited.
#[tokio::test]
async fn polls_and_other_routes_know_no_models() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, ONE, OPEN).await;
    for asked in [get("/v1/videos/video_1"), get("/v1/videos"), post("/v1/responses", r#"{"model":"gpt-9"}"#)]
    {
        assert_eq!(gateway.ask(&by(TEAM, asked)).await.status(), 200);
    }
}

/// A remix of a video is one more video of its model.
#[tokio::test]
async fn a_remix_of_another_model_is_refused_where_the_model_is_known() {
    const OTHER: &str = "rg-key-of-another-0002";
    let job = |id: &str| {
        let body = format!(r#"{{"id":"{id}","object":"video","status":"completed"}}"#);
        Reply::raw(answer(200, &[("content-type", "application/json")], body))
    };
    let upstream = Upstream::script(vec![job("video_pro"), job("video_two"), job("video_3")]).await;
    let other = format!("[auth.keys.other]\nsha256 = \"{}\"\ngroup = \"shared\"", super::sha256(OTHER));
    let gateway = with(&upstream, &format!("{ONE}\ngroup = \"shared\""), &other).await;
    let made = [r#"{"prompt":"a","model":"sora-2-pro"}"#, r#"{"prompt":"a","model":"sora-2"}"#];
    for json in made {
        assert_eq!(gateway.ask(&by(OTHER, create(json))).await.status(), 200);
    }
    let remix = |id: &str| by(TEAM, post(&format!("/v1/videos/{id}/remix"), r#"{"prompt":"b"}"#));
    let refused = gateway.ask(&remix("video_pro")).await;
    assert_eq!((refused.status(), refused.code().as_deref()), (403, Some("model_not_found")));
    let edit = r#"{"prompt":"b","video":{"id":"video_pro"}}"#;
    assert_eq!(gateway.ask(&by(TEAM, post("/v1/videos/edits", edit))).await.status(), 403);
    assert_eq!(upstream.count(), 2);
    for id in ["video_two", "video_of_somebody"] {
        assert_eq!(gateway.ask(&remix(id)).await.status(), 200, "{id}");
    }
}

/// Each key is treated as its operator wants it treated.
#[tokio::test]
async fn what_becomes_of_the_unsupported_may_depend_on_the_key() {
    let upstream = Upstream::start(Reply::job()).await;
    let json = r#"{"prompt":"a cat","model":"sora-2","seconds":"10"}"#;
    let strict =
        with(&upstream, "on_unsupported = \"reject\"", "[rewrite]\non_unsupported = \"adjust\"").await;
    assert_eq!(strict.ask(&ask(json)).await.status(), 400);
    let lenient = with(&upstream, "on_unsupported = \"adjust\"", "").await;
    let adjusted = lenient.ask(&ask(json)).await;
    assert_eq!(adjusted.status(), 200);
    assert!(adjusted.header("x-reelgate-adjusted").is_some_and(|told| told.starts_with("seconds=10->8")));
}
