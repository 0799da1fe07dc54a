//! What passes, passes whole and unchanged, in both directions, and as it comes.

mod client_certificates;
mod credentials;
mod events;
mod failures;
mod headers;
mod interim;
mod resume;
mod shared;
mod spares;
mod streaming;
pub(crate) mod transports;
mod waits;

use crate::support::fields;
use crate::support::gateway::Gateway;
use crate::support::request::{self, Request, create, form_to, get, post, text};
use crate::support::upstream::{JOB, Reply, Upstream};

/// One request of every operation.
fn operations() -> Vec<Request> {
    let video = "name=\"video\"; filename=\"v.mp4\"\r\nContent-Type: video/mp4\r\n\r\n\0\u{1}mp4";
    vec![
        create(r#"{ "prompt" : "a cat", "seconds":"8" }"#),
        get("/v1/videos?limit=2&order=asc&after=video_1"),
        get("/v1/videos/video_1"),
        request::request("DELETE", "/v1/videos/video_1").with("content-type", "application/json"),
        get("/v1/videos/video_1/content?variant=thumbnail"),
        post("/v1/videos/video_1/remix", r#"{"prompt":"more"}"#),
        form_to("/v1/videos/edits", &[&text("prompt", "a"), video]),
        form_to(
            "/v1/videos/extensions",
            &[&text("prompt", "a"), &text("seconds", "20"), &text("video[id]", "video_1")],
        ),
        form_to("/v1/videos/characters", &[&text("name", "bob"), video]),
        get("/v1/videos/characters/char_1"),
    ]
}

/// VA17
#[tokio::test]
async fn all_ten_operations_reach_the_upstream_as_sent() {
    let operations = operations();
    assert_eq!(operations.len(), 10);
    for sent in operations {
        for prefix in ["/v1", "/openai/v1", "", "/deep/er/api"] {
            let upstream = Upstream::start(Reply::job()).await;
            let base = format!("http://{}{prefix}", upstream.address);
            let gateway = Gateway::configured(&format!(
                "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{base}\""
            ))
            .await;
            let answer = gateway.ask(&sent).await;
            assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{}", sent.target());
            let seen = upstream.only();
            let target = sent.target().replacen("/v1", prefix, 1);
            assert_eq!((seen.method(), seen.target()), (sent.method(), &*target));
            assert_eq!(fields::of(&seen), sent.fields(), "{target}");
            assert!(seen.whole, "{target}");
        }
    }
}

/// VA17: what is not about videos passes too, whatever it is.
#[tokio::test]
async fn other_routes_pass_unjudged() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let sent = [
        get("/v1/models"),
        get("/v1/models/ft:gpt-4o:org::id?x=%20y&x=z"),
        post("/v1/responses", "{not json at all"),
        post("/v1/chat/completions", "{}").chunked(1),
        request::request("PATCH", "/v1/x").body("a=b"),
        request::request("DELETE", "/v1/files/file-1"),
        request::request("PUT", "/v1/files/file-1/parts").body(vec![0_u8; 100_000]),
        request::request("POST", "/v1/empty"),
    ];
    for request in &sent {
        assert_eq!(gateway.ask(request).await.status(), 200, "{}", request.target());
    }
    let seen = upstream.requests();
    assert_eq!(seen.len(), sent.len());
    assert_eq!(seen[1].target(), "/v1/models/ft:gpt-4o:org::id?x=%20y&x=z");
    assert_eq!(seen[2].text(), "{not json at all");
    assert_eq!((&*seen[3].text(), seen[3].header("transfer-encoding")), ("{}", Some("chunked")));
    assert_eq!(seen[6].body.len(), 100_000);
    assert!(seen.iter().all(|request| request.whole));
}

/// VA17: where the operator does not want them, they do not.
#[tokio::test]
async fn other_routes_can_be_refused() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = "[routes]\nother = \"refuse\"\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    for request in [get("/v1/models"), post("/v1/messages", "{}"), post("/v1/responses", "{}")] {
        assert_eq!(gateway.ask(&request).await.status(), 404);
    }
    upstream.assert_untouched("other routes");
    assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 200);
}

/// RT16: a create never meets a kept connection that is just closing, also where the upstream keeps all of them.
#[tokio::test]
async fn fetches_share_a_connection_and_creates_have_one_of_their_own() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        client.send(get("/v1/videos/video_1").bytes()).await;
        assert_eq!(client.answer().await.status(), 200);
    }
    assert_eq!(upstream.connections(), 1);
    for made in 1..=3 {
        client.send(create(r#"{"prompt":"a"}"#).bytes()).await;
        assert_eq!(client.answer().await.status(), 200);
        upstream.until_ended(made).await;
    }
    // The fetches' one, and perhaps a spare one already.
    assert!((4..=5).contains(&upstream.connections()), "{}", upstream.connections());
    client.send(get("/v1/videos/video_1").bytes()).await;
    assert_eq!(client.answer().await.status(), 200);
    assert_eq!(upstream.count(), 7);
    gateway.stop().await;
}
