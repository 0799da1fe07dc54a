//! CL01: with keys, what the operator did not open is closed.

use super::{NOBODYS, TEAM, by, sha256, with};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{create, get, post, request};
use crate::support::upstream::{Reply, Upstream};

const OTHER: &str = "rg-key-of-the-others-0001";

/// What is said of a URL that is none.
fn assert_unknown(answer: &Message, method: &str, path: &str) {
    assert_eq!((answer.status(), answer.code()), (404, None), "{method} {path}");
    assert_eq!(answer.json()["error"]["message"], format!("Invalid URL ({method} {path})"));
}

/// CL01: such as reach the upstream with the operator's credential, past models, budgets and the ledger.
#[tokio::test]
async fn a_key_reaches_nothing_beside_videos_that_is_not_opened() {
    let upstream = Upstream::start(Reply::job()).await;
    let limits = "models = [\"sora-2\"]\nbudget = { day = { requests = 0 } }";
    let gateway = with(&upstream, limits, "").await;
    for (method, path) in [
        ("POST", "/v1/batches"),
        ("POST", "/v1/video/generations"),
        ("POST", "/v1/video/create"),
        ("POST", "/v1/v1/videos"),
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/organization/admin_api_keys"),
        ("GET", "/v1/files"),
        ("DELETE", "/v1/files/file-1"),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/ft:sora"),
        ("OPTIONS", "/v1/files"),
        ("TRACE", "/v1/files"),
        ("POST", "/v1/videos/video_1/unheard_of"),
    ] {
        let answer = gateway.ask(&by(TEAM, request(method, path))).await;
        assert_unknown(&answer, method, path);
    }
    upstream.assert_untouched("what is not opened");
    assert_eq!(
        gateway.ask(&by(TEAM, create(r#"{"prompt":"a cat"}"#))).await.status(),
        429,
        "nothing is left"
    );
    upstream.assert_untouched("no budget");
}

/// CL01: in the dialect of the client's SDK.
#[tokio::test]
async fn messages_are_closed_like_all_else() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let message = || {
        post("/v1/messages", "{}")
            .without("authorization")
            .with("x-api-key", TEAM)
            .with("anthropic-version", "2023-06-01")
    };
    let closed = with(&upstream, "", "").await.ask(&message()).await;
    assert_eq!(closed.status(), 404);
    assert_eq!(
        (&closed.json()["type"], &closed.json()["error"]["type"]),
        (&"error".into(), &"not_found_error".into())
    );
    upstream.assert_untouched("messages");
    let open = with(&upstream, "", "[routes]\nallow = [\"POST /v1/messages\"]").await;
    assert_eq!(open.ask(&message()).await.status(), 200);
}

#[tokio::test]
async fn videos_and_the_list_of_models_are_always_offered() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    for asked in [
        create(r#"{"prompt":"a cat"}"#),
        get("/v1/videos"),
        get("/v1/videos/video_1"),
        get("/v1/models"),
        request("HEAD", "/v1/models"),
        get("/v1/models/sora-2"),
    ] {
        assert_eq!(gateway.ask(&by(TEAM, asked.clone())).await.status(), 200, "{asked:?}");
    }
}

/// CL01: a key's own list stands in place of everybody's.
#[tokio::test]
async fn what_is_opened_is_open_to_those_it_is_opened_to() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let more = format!(
        "[auth.keys.other]\nsha256 = \"{}\"\nallow = [\"GET /v1/files/*\"]\n\
         [routes]\nallow = [\"POST /v1/chat/completions\", \"/v1/responses\"]",
        sha256(OTHER)
    );
    let gateway = with(&upstream, "", &more).await;
    for (key, method, path, open) in [
        (TEAM, "POST", "/v1/chat/completions", true),
        (TEAM, "GET", "/v1/chat/completions", false),
        (TEAM, "POST", "/v1/chat/completions/c_1", false),
        (TEAM, "POST", "/v1/responses?stream=true", true),
        (TEAM, "DELETE", "/v1/responses", true),
        (TEAM, "GET", "/v1/files/file-1", false),
        (OTHER, "GET", "/v1/files/file-1/content", true),
        (OTHER, "HEAD", "/v1/files/file-1", true),
        (OTHER, "DELETE", "/v1/files/file-1", false),
        (OTHER, "POST", "/v1/chat/completions", false),
        (OTHER, "GET", "/v1/models", true),
    ] {
        let answer = gateway.ask(&by(key, request(method, path))).await;
        if open {
            assert_eq!(answer.status(), 200, "{method} {path}");
        } else {
            assert_unknown(&answer, method, path);
        }
    }
    assert_eq!(upstream.count(), 6);
    let counted = |line: &str| line.contains("route=\"/v1/*\"") && line.contains("status=\"404\"");
    assert!(gateway.page().lines().any(counted), "{}", gateway.page());
    // TRACE is no method of an API, also where every method is allowed.
    let traced = gateway.ask(&by(TEAM, request("TRACE", "/v1/responses"))).await;
    assert_eq!(traced.status(), 405);
}

/// CL01: without a key one does not learn what is open.
#[tokio::test]
async fn without_a_key_an_open_route_and_a_closed_one_are_answered_alike() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let gateway = with(&upstream, "", "[routes]\nallow = [\"POST /v1/responses\"]").await;
    for (method, path) in
        [("POST", "/v1/responses"), ("POST", "/v1/batches"), ("TRACE", "/v1/batches"), ("GET", "/v1/models")]
    {
        let bare = request(method, path).without("authorization");
        assert_eq!(gateway.ask(&bare).await.status(), 401, "{method} {path}");
        assert_eq!(gateway.ask(&by(NOBODYS, bare)).await.status(), 401, "{method} {path}");
    }
    upstream.assert_untouched("no key");
}

#[tokio::test]
async fn a_rate_for_other_calls_counts_what_is_opened() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let quota = "quota = { other = { rate = \"1/h\" } }";
    let gateway = with(&upstream, quota, "[routes]\nallow = [\"POST /v1/responses\"]").await;
    // What is closed takes nothing of it.
    assert_eq!(gateway.ask(&by(TEAM, post("/v1/batches", "{}"))).await.status(), 404);
    assert_eq!(gateway.ask(&by(TEAM, post("/v1/responses", "{}"))).await.status(), 200);
    assert_eq!(gateway.ask(&by(TEAM, post("/v1/responses", "{}"))).await.status(), 429);
}

#[tokio::test]
async fn without_keys_a_list_narrows_what_is_offered() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let toml = "[upstreams.main]\nbase_url = \"{upstream}\"\n[routes]\nallow = [\"POST /v1/responses\"]";
    let gateway = Gateway::start(&upstream, toml).await;
    assert_eq!(gateway.ask(&post("/v1/responses", "{}")).await.status(), 200);
    assert_eq!(gateway.ask(&get("/v1/models")).await.status(), 200);
    assert_unknown(&gateway.ask(&post("/v1/batches", "{}")).await, "POST", "/v1/batches");
    let bare = post("/v1/batches", "{}").without("authorization");
    assert_eq!(gateway.ask(&bare).await.status(), 401);
    assert_eq!(upstream.count(), 2);
}
