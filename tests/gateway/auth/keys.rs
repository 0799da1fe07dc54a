//! AU01, AU02, AU04: what lets somebody in, and what does not.

use super::{FORMER, NOBODYS, TEAM, by, with};
use crate::support::request::{create, get, post, request};
use crate::support::upstream::{Reply, Upstream};

#[tokio::test]
async fn a_key_lets_in_by_either_header() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    let bare = get("/v1/videos/video_1").without("authorization");
    for asked in [
        by(TEAM, get("/v1/videos/video_1")),
        bare.clone().with("x-api-key", TEAM),
        bare.clone().with("authorization", &format!("bearer {TEAM}")).with("x-api-key", TEAM),
    ] {
        assert_eq!(gateway.ask(&asked).await.status(), 200, "{asked:?}");
    }
    assert_eq!(upstream.count(), 3);
}

/// AU01: on every route, in OpenAI's shape.
#[tokio::test]
async fn without_a_key_nothing_is_answered() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    let routes = [
        create(r#"{"prompt":"a cat"}"#),
        post("/v1/videos/video_1/remix", r#"{"prompt":"a dog"}"#),
        post("/v1/videos/edits", "{}"),
        get("/v1/videos"),
        get("/v1/videos/video_1"),
        request("DELETE", "/v1/videos/video_1"),
        get("/v1/videos/video_1/content"),
        get("/v1/models"),
        post("/v1/chat/completions", "{}"),
    ];
    for asked in routes {
        let missing = gateway.ask(&asked.clone().without("authorization")).await;
        assert_eq!((missing.status(), missing.code()), (401, None), "{asked:?}");
        assert_eq!(missing.json()["error"]["type"], "invalid_request_error");
        for key in [NOBODYS, FORMER] {
            let wrong = gateway.ask(&by(key, asked.clone())).await;
            assert_eq!(
                (wrong.status(), wrong.code().as_deref()),
                (401, Some("invalid_api_key")),
                "{asked:?}"
            );
        }
    }
    upstream.assert_untouched("no key");
}

/// AU02
#[tokio::test]
async fn nearly_right_is_wrong() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    for value in [
        format!("Bearer {}", &TEAM[..TEAM.len() - 1]),
        format!("Bearer {TEAM}1"),
        format!("Bearer {}", TEAM.to_uppercase()),
        format!("Bearer  {TEAM}"),
        format!("Bearer\t{TEAM}"),
        format!("Bearer {TEAM} x"),
        format!("Bearer \"{TEAM}\""),
        format!("Bearer {TEAM}%20"),
        format!("Bearer {TEAM}="),
        format!("Bearer {TEAM}é"),
        format!("Bearer: {TEAM}"),
        format!("Bearer{TEAM}"),
        format!("Token {TEAM}"),
        TEAM.to_owned(),
        "Bearer".to_owned(),
        String::new(),
    ] {
        let asked = get("/v1/videos/video_1").without("authorization").with("authorization", &value);
        assert_eq!(gateway.ask(&asked).await.status(), 401, "{value:?}");
    }
    upstream.assert_untouched("nearly right");
}

/// AU04
#[tokio::test]
async fn a_key_counts_in_headers_alone() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    for name in ["api_key", "api-key", "key", "access_token", "authorization", "x-api-key"] {
        for path in ["/v1/videos/video_1", "/v1/models"] {
            let asked = get(&format!("{path}?{name}={TEAM}")).without("authorization");
            assert_eq!(gateway.ask(&asked).await.status(), 401, "{name} {path}");
        }
        let cookie =
            get("/v1/videos/video_1").without("authorization").with("cookie", &format!("{name}={TEAM}"));
        assert_eq!(gateway.ask(&cookie).await.status(), 401, "{name}");
    }
    upstream.assert_untouched("a key that is in no header");
}

/// AU07: whoever reaches the public port does not reach the pages of the other one, with a key or without.
#[tokio::test]
async fn the_admin_pages_are_not_there() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    for page in ["/metrics", "/livez", "/readyz", "/status", "/healthz", "/"] {
        for asked in [get(page).without("authorization"), by(TEAM, get(page))] {
            assert_eq!(gateway.ask(&asked).await.status(), 404, "{page}");
        }
    }
    upstream.assert_untouched("a page");
}
