//! VA12 to VA15: paths, methods, queries, and where the gateway connects to.

use super::{Strict, assert_refusal};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{create, get, request};
use crate::support::upstream::{Reply, Upstream, answer};

/// VA12
const TRICKS: &[&str] = &[
    "/",
    "/v1",
    "/v1/",
    "/v2/videos",
    "/videos",
    "/metrics",
    "/readyz",
    "//v1/videos",
    "/v1//videos",
    "/v1/videos/",
    "/v1/videos//",
    "/v1/videos//content",
    "/v1/videos/x/content/",
    "/v1/videos/x/y",
    "/v1/videos/x/content/y",
    "/v1/./videos",
    "/v1/../admin",
    "/v1/videos/..",
    "/v1/videos/.",
    "/v1/videos/../models",
    "/v1/videos/x/../../models",
    "/v1/videos/%2e%2e/models",
    "/v1/videos/%2E%2E/models",
    "/v1/videos/.%2e/models",
    "/v1/%2e%2e/admin",
    "/v1/videos%2fx",
    "/v1/videos%2Fx",
    "/v1/videos/x%2fcontent",
    "/v1/videos/x%5c..",
    "/v1/videos\\x",
    "/v1/videos/x\\..\\y",
    "/v1/videos/x%00",
    "/v1/videos/%00",
    "/v1/videos;a=b",
    "/v1/videos/x;a=b",
    "/v1/videos/x%3b",
    "/v1/videos%20",
    "/v1/videos/x%20",
    "/v1/videos/x%0d%0aHost:%20evil",
    "/v1/videos/x%0a",
    "/v1/videos/x%zz",
    "/v1/videos/x%2",
    "/v1/videos/x%",
    "/v1/videos/x%252e%252e",
    "/v1/Videos",
    "/V1/videos",
    "/v1/VIDEOS/x",
    "/v1/%76ideos",
    "/v1/videos.json",
    "/v1/videos.",
    "/v1/videosx",
    "/v1/videos/x.y",
    "/v1/videos/x:y",
    "/v1/videos/x@y",
    "/v1/videos/x*",
    "/v1/videos/x'y",
    "/v1/videos/\u{e9}",
    "/v1/videos/characters/",
    "/v1/videos/characters/x/y",
    "/v1/videos/characters/..",
];

/// VA12
#[tokio::test]
async fn only_plainly_spelled_video_routes_reach_the_upstream() {
    let strict = Strict::start().await;
    let long = format!("/v1/videos/{}", "a".repeat(129));
    for path in TRICKS.iter().copied().chain([long.as_str()]) {
        let answer = strict.refused(path, &get(path)).await;
        assert!(matches!(answer.status(), 400 | 404), "{path}: {}", answer.status());
    }
    for path in
        ["/v1/videos/", "/v1/Videos", "/v1/videos/x", "/v1/videos%20", "/v1/videos/../videos", "/v1/videos;"]
    {
        let post = request("POST", path).with("content-type", "application/json").body(r#"{"prompt":"a"}"#);
        strict.refused(path, &post).await;
    }
}

/// VA13
#[tokio::test]
async fn methods_that_are_not_offered_never_reach_the_upstream() {
    let strict = Strict::start().await;
    for (method, path, allow) in [
        ("PUT", "/v1/videos", Some("GET, HEAD, POST")),
        ("DELETE", "/v1/videos", Some("GET, HEAD, POST")),
        ("PATCH", "/v1/videos", Some("GET, HEAD, POST")),
        ("OPTIONS", "/v1/videos", Some("GET, HEAD, POST")),
        ("TRACE", "/v1/videos", Some("GET, HEAD, POST")),
        ("get", "/v1/videos", Some("GET, HEAD, POST")),
        ("PROPFIND", "/v1/videos", Some("GET, HEAD, POST")),
        ("CREATE", "/v1/videos", Some("GET, HEAD, POST")),
        ("GET", "/v1/videos/edits", None),
        ("GET", "/v1/videos/extensions", None),
        ("GET", "/v1/videos/characters", None),
        ("DELETE", "/v1/videos/edits", Some("POST")),
        ("PUT", "/v1/videos/video_1", Some("GET, HEAD, DELETE")),
        ("POST", "/v1/videos/video_1", None),
        ("POST", "/v1/videos/video_1/content", Some("GET, HEAD")),
        ("DELETE", "/v1/videos/video_1/content", Some("GET, HEAD")),
        ("GET", "/v1/videos/video_1/remix", Some("POST")),
        ("DELETE", "/v1/videos/characters/char_1", Some("GET, HEAD")),
        ("TRACE", "/v1/models", Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        ("CONNECT", "/v1/models", Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        ("BREW", "/v1/models", Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        ("CONNECT", "example.com:443", None),
        ("OPTIONS", "*", None),
    ] {
        let answer = strict.refused(&format!("{method} {path}"), &request(method, path)).await;
        if let Some(allow) = allow {
            assert_eq!((answer.status(), answer.header("allow")), (405, Some(allow)), "{method} {path}");
        }
    }
}

/// VA14
#[tokio::test]
async fn queries_carry_nothing_but_the_apis_own_plain_values() {
    let strict = Strict::start().await;
    for target in [
        "/v1/videos?limit=101",
        "/v1/videos?limit=-1",
        "/v1/videos?limit=",
        "/v1/videos?limit=05",
        "/v1/videos?limit=1.5",
        "/v1/videos?limit=%31",
        "/v1/videos?limit=99999999999999999999999",
        "/v1/videos?limit=5&limit=6",
        "/v1/videos?limit=5&%6cimit=6",
        "/v1/videos?Limit=5",
        "/v1/videos?limit[]=5",
        "/v1/videos?order=ASC",
        "/v1/videos?order=asc&order=asc",
        "/v1/videos?order=asc%0d%0aX-Y:z",
        "/v1/videos?after=../x",
        "/v1/videos?after=a%00",
        "/v1/videos?after=a%26limit=5",
        "/v1/videos?after=",
        "/v1/videos?variant=video",
        "/v1/videos?x=y",
        "/v1/videos?=x",
        "/v1/videos?limit=5;order=asc",
        "/v1/videos/video_1?limit=5",
        "/v1/videos/video_1?key=sk-other",
        "/v1/videos/video_1/content?variant=gif",
        "/v1/videos/video_1/content?variant=video&variant=thumbnail",
        "/v1/videos/video_1/content?variant=video%20HTTP/1.1%0d%0a",
        "/v1/videos/video_1/content?variant=",
    ] {
        strict.refused(target, &get(target)).await;
    }
    strict
        .refused("a query on create", &create(r#"{"prompt":"a"}"#).with_target("/v1/videos?seconds=12"))
        .await;
    strict.refused("a query on delete", &request("DELETE", "/v1/videos/video_1?force=true")).await;
}

/// VA14
#[tokio::test]
async fn plain_queries_pass_as_sent() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let targets = [
        "/v1/videos?limit=0",
        "/v1/videos?limit=100&order=desc&after=video_1",
        "/v1/videos/video_1/content?variant=spritesheet",
        "/v1/models?anything=%20goes&here",
    ];
    for target in targets {
        assert_eq!(gateway.ask(&get(target)).await.status(), 200, "{target}");
    }
    let seen: Vec<String> = upstream.requests().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(seen, targets);
}

/// VA15: neither an absolute target, nor `Host`, nor any other header picks where a request goes.
#[tokio::test]
async fn nothing_in_a_request_picks_where_it_goes() {
    let upstream = Upstream::start(Reply::job()).await;
    let elsewhere = Upstream::start(Reply::json(200, "{\"elsewhere\":true}")).await;
    let gateway = Gateway::over(&upstream).await;
    let other = elsewhere.address.to_string();
    let requests = [
        get(&format!("http://{other}/v1/videos/video_1")),
        get("/v1/videos/video_1").without("host").with("host", &other),
        get(&format!("http://{other}/v1/videos/video_1")).without("host").with("host", &other),
        get("/v1/videos/video_1")
            .with("x-forwarded-host", &other)
            .with("forwarded", &format!("host={other}")),
        get("/v1/videos/video_1").with("x-original-url", &format!("http://{other}/")),
        get(&format!("/v1/proxy/http:/{other}/v1")).with("x-rewrite-url", &other),
        create(&format!(
            "{{\"prompt\":\"a\",\"input_reference\":{{\"image_url\":\"http://{other}/a.png\"}}}}"
        )),
    ];
    for sent in &requests {
        let answer = gateway.ask(sent).await;
        assert!(!answer.text().contains("elsewhere"), "{answer:?}");
    }
    let seen = upstream.requests();
    assert_eq!(seen.len(), requests.len());
    for request in seen {
        assert_eq!(request.header("host"), Some(&*upstream.address.to_string()), "{}", request.head);
        assert!(request.target().starts_with("/v1/"), "{}", request.head);
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// VA15
#[tokio::test]
async fn targets_with_credentials_and_foreign_schemes_are_no_way_out() {
    let strict = Strict::start().await;
    for target in
        ["ftp://x/admin", "http://x", "http://x/", "http://x/admin", "file:///etc/passwd", "//x/v1/videos"]
    {
        strict.refused(target, &get(target)).await;
    }
}

/// VA15, RT27: a redirect would carry the credential along.
#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Upstream::start(Reply::job()).await;
    let location = format!("http://{}/v1/videos/video_1", elsewhere.address);
    for status in [301, 302, 303, 307, 308, 300] {
        let redirect = answer(status, &[("location", &location)], "");
        let upstream = Upstream::start(Reply::raw(redirect)).await;
        let gateway = Gateway::over(&upstream).await;
        let fetched = gateway.ask(&get("/v1/videos/video_1")).await;
        assert_redirected(&fetched, "upstream_redirected");
        let created = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
        assert_redirected(&created, "upstream_outcome_unknown");
        assert_eq!(created.header("x-should-retry"), Some("false"));
        assert_eq!(upstream.count(), 2);
    }
    assert_eq!(elsewhere.connections(), 0);
}

fn assert_redirected(answer: &Message, code: &str) {
    assert_eq!((answer.status(), answer.code().as_deref()), (502, Some(code)), "{}", answer.text());
    assert_eq!(answer.header("location"), None);
}

/// VA12: identical refusals keep the connection; the next request on it is served.
#[tokio::test]
async fn a_refused_path_does_not_disturb_the_next_request() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        client.send(get("/v1/videos/x%2f").bytes()).await;
        assert_refusal("a path", &client.answer().await);
        client.send(get("/v1/videos/video_1").bytes()).await;
        assert_eq!(client.answer().await.status(), 200);
    }
}
