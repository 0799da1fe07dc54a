//! Pages of other sites, in browsers: CORS, where the operator allows it.

use crate::support::gateway::{Gateway, KEYS};
use crate::support::message::Message;
use crate::support::request::{Request, create, get, request};
use crate::support::upstream::{Reply, Upstream, answer};

const APP: &str = "https://app.example.com";
const OTHER: &str = "https://other.example.com";

/// A gateway with keys whose `[cors]` says this.
async fn with(upstream: &Upstream, cors: &str) -> Gateway {
    Gateway::start(upstream, &format!("{KEYS}\n[cors]\n{cors}")).await
}

async fn for_app(upstream: &Upstream) -> Gateway {
    with(upstream, "origins = [\"https://app.example.com\", \"http://localhost:3000\"]\nmax_age = \"10m\"")
        .await
}

fn by_team(request: Request) -> Request {
    request.without("authorization").with("authorization", "Bearer rg-key")
}

fn preflight(origin: &str, path: &str) -> Request {
    let headers = "authorization, content-type, x-stainless-retry-count";
    request("OPTIONS", path)
        .without("authorization")
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", headers)
}

/// Everything that an answer says to browsers.
fn told(answer: &Message) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| &**name);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn without_configured_origins_nothing_is_said_to_browsers() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::with_keys(&upstream).await;
    let sent = gateway.ask(&preflight(APP, "/v1/videos")).await;
    assert_eq!((sent.status(), sent.header("allow")), (405, Some("GET, HEAD, POST")));
    let answer = gateway.ask(&by_team(create(r#"{"prompt":"a"}"#)).with("origin", APP)).await;
    assert_eq!(answer.status(), 200);
    for answer in [&sent, &answer] {
        assert!(told(answer).is_empty(), "{}", answer.head);
    }
}

/// It carries no key: it is answered before the client has to show one.
#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered_without_a_key() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = for_app(&upstream).await;
    for origin in [APP, "http://localhost:3000"] {
        for path in ["/v1/videos", "/v1/videos/video_1/content", "/v1/models", "/videos"] {
            let answer = gateway.ask(&preflight(origin, path)).await;
            assert_eq!((answer.status(), answer.text()), (204, String::new()), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            let methods = answer.header("access-control-allow-methods");
            assert_eq!(methods, Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
            let names = answer.header("access-control-allow-headers");
            assert_eq!(names, Some("authorization, content-type, x-stainless-retry-count"));
            assert_eq!(answer.header("access-control-max-age"), Some("600"));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            assert!(answer.header("x-request-id").is_some() && answer.header("vary").is_some());
        }
    }
    upstream.assert_untouched("preflights");
    assert!(gateway.page().contains("outcome=\"preflight\""), "counted");
}

#[tokio::test]
async fn no_other_origin_is_answered_as_a_browser_would_need_it() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = for_app(&upstream).await;
    for origin in [OTHER, "https://app.example.com.evil.example", "http://app.example.com", "null", ""] {
        let sent = gateway.ask(&preflight(origin, "/v1/videos")).await;
        assert_eq!(sent.status(), 405, "{origin}");
        let answer = gateway.ask(&by_team(get("/v1/videos/video_1")).with("origin", origin)).await;
        assert_eq!(answer.status(), 200, "{origin}");
        for answer in [sent, answer] {
            assert!(told(&answer).is_empty(), "{}", answer.head);
            // A cache must not keep it for a page that may read it.
            assert_eq!(answer.header("vary"), Some("Origin"), "{origin}");
        }
    }
    let twice = preflight(APP, "/v1/videos").with("origin", OTHER);
    assert!(told(&gateway.ask(&twice).await).is_empty(), "two origins are none");
    let options = request("OPTIONS", "/v1/videos").with("origin", APP);
    assert_eq!(gateway.ask(&options).await.status(), 405, "no preflight");
}

/// What went wrong, too, a page has to be able to read.
#[tokio::test]
async fn every_answer_to_an_allowed_origin_can_be_read_by_its_page() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = for_app(&upstream).await;
    for (status, sent) in [
        (200, by_team(create(r#"{"prompt":"a"}"#))),
        (200, by_team(get("/v1/videos/video_1"))),
        (400, by_team(create(r#"{"prompt":7}"#))),
        (401, get("/v1/videos/video_1").without("authorization")),
        (404, by_team(get("/videos"))),
        (405, by_team(request("DELETE", "/v1/videos"))),
    ] {
        let answer = gateway.ask(&sent.with("origin", APP)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP), "{status}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{status}");
        let names = answer.header("access-control-expose-headers").expect("exposed headers");
        assert!(names.split(", ").any(|name| name == "x-request-id"), "{names}");
    }
}

/// The upstream's own rules are about its own clients.
#[tokio::test]
async fn headers_for_clients_are_exposed_and_the_upstreams_rules_do_not_cross() {
    let headers = [
        ("content-type", "video/mp4"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment"),
        ("etag", "\"1\""),
        ("openai-processing-ms", "12"),
        ("vary", "Accept-Encoding"),
        ("x-ratelimit-remaining-requests", "1"),
        ("x-internal", "1"),
    ];
    let upstream = Upstream::start(Reply::raw(answer(200, &headers, "film"))).await;
    let gateway = for_app(&upstream).await;
    let sent = by_team(get("/v1/videos/video_1/content")).with("origin", APP);
    let answer = gateway.ask(&sent).await;
    assert_eq!((answer.status(), answer.text()), (200, "film".to_owned()));
    assert_eq!(told(&answer), ["access-control-allow-origin", "access-control-expose-headers"]);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    let mut names: Vec<&str> =
        answer.header("access-control-expose-headers").expect("names").split(", ").collect();
    names.sort_unstable();
    let expected = [
        "accept-ranges",
        "content-disposition",
        "etag",
        "openai-processing-ms",
        "x-ratelimit-remaining-requests",
        "x-reelgate-attempts",
        "x-request-id",
    ];
    assert_eq!(names, expected);
    let vary: Vec<&str> =
        answer.headers.iter().filter(|(name, _)| name == "vary").map(|(_, value)| &**value).collect();
    assert_eq!(vary, ["Accept-Encoding", "Origin"]);
}

#[tokio::test]
async fn every_site_may_be_allowed() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "origins = [\"*\"]").await;
    for origin in [APP, OTHER, "null"] {
        let sent = gateway.ask(&preflight(origin, "/v1/videos")).await;
        assert_eq!((sent.status(), sent.header("access-control-max-age")), (204, Some("7200")));
        let answer = gateway.ask(&by_team(get("/v1/videos/video_1")).with("origin", origin)).await;
        for answer in [sent, answer] {
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{origin}");
            assert_eq!(answer.header("vary"), None, "the same for all");
        }
    }
    let server = gateway.ask(&by_team(get("/v1/videos/video_1"))).await;
    assert!(told(&server).is_empty(), "no page sent");
}
