//! Several upstreams: a job is asked for where it was made.

use crate::money::first;
use crate::support::gateway::Gateway;
use crate::support::request::{create, form_to, get, post, request};
use crate::support::upstream::{Reply, Upstream};

/// Two upstreams; sora-2-pro is made by the other one.
async fn two(main: &Upstream, other: &Upstream, ledger: &str) -> Gateway {
    let other = other.base_url();
    let toml = format!(
        "presets = [\"openai\"]\n{ledger}\n[models.sora-2-pro]\nupstream = \"other\"\n\
         [upstreams.main]\nbase_url = \"{{upstream}}\"\n[upstreams.other]\nbase_url = \"{other}\""
    );
    Gateway::start(main, &toml).await
}

fn pro(prompt: &str) -> crate::support::request::Request {
    create(&format!(r#"{{"prompt":"{prompt}","model":"sora-2-pro"}}"#))
}

fn named(id: &str) -> Reply {
    Reply::json(200, &format!(r#"{{"id":"{id}","object":"video","status":"queued"}}"#))
}

#[tokio::test]
async fn whatever_names_a_job_goes_to_the_upstream_that_made_it() {
    let (main, other) = (Upstream::start(named("video_1")).await, Upstream::start(named("video_2")).await);
    let gateway = two(&main, &other, "").await;
    gateway.ask(&first("a cat")).await;
    gateway.ask(&pro("a cat")).await;

    for asked in [
        get("/v1/videos/video_2"),
        get("/v1/videos/video_2/content"),
        post("/v1/videos/video_2/remix", r#"{"prompt":"a dog"}"#),
        post("/v1/videos/edits", r#"{"prompt":"a dog","video":{"id":"video_2"}}"#),
        form_to(
            "/v1/videos/extensions",
            &[
                "name=\"prompt\"\r\n\r\na dog",
                "name=\"seconds\"\r\n\r\n4",
                "name=\"video[id]\"\r\n\r\nvideo_2",
            ],
        ),
        request("DELETE", "/v1/videos/video_2"),
    ] {
        let before = (main.count(), other.count());
        let answer = gateway.ask(&asked).await;
        assert_eq!(answer.status(), 200, "{}: {}", asked.target(), answer.text());
        assert_eq!((main.count(), other.count()), (before.0, before.1 + 1), "{}", asked.target());
    }
    for asked in [get("/v1/videos/video_1"), get("/v1/videos/video_unknown"), get("/v1/videos")] {
        let before = other.count();
        gateway.ask(&asked).await;
        assert_eq!(other.count(), before, "{}", asked.target());
    }
}

/// What a video was made from decides where it is made: it is known nowhere else.
#[tokio::test]
async fn a_job_is_found_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = format!("[ledger]\npath = \"{}\"", folder.path().join("ledger.db").display());
    let (main, other) = (Upstream::start(named("video_1")).await, Upstream::start(named("video_2")).await);
    let gateway = two(&main, &other, &ledger).await;
    gateway.ask(&pro("a cat")).await;
    gateway.stop().await;

    let next = two(&main, &other, &ledger).await;
    next.ask(&get("/v1/videos/video_2")).await;
    assert_eq!((main.count(), other.count()), (0, 2));
}
