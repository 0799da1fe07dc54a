//! Which answers prove that the upstream has begun nothing: only after those is a call that may cost money sent again.

use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, form_to, get, post, request, text};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// Short pauses, and a breaker that stays out of it.
const QUICK: &str = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\n\
                     retry.backoff_base = \"1ms\"\nbreaker.consecutive = 0\nbreaker.ratio = 0\n";

async fn gateway(upstream: &Upstream, settings: &str) -> Gateway {
    Gateway::start(upstream, &format!("{QUICK}{settings}")).await
}

/// Every operation that is paid for and judged.
fn paid() -> [Request; 4] {
    let form = |target: &str| {
        form_to(target, &[&text("prompt", "a"), &text("seconds", "4"), &text("video[id]", "video_1")])
    };
    [
        create(r#"{"prompt":"a"}"#),
        post("/v1/videos/video_1/remix", r#"{"prompt":"a"}"#),
        post("/v1/videos/edits", r#"{"prompt":"a","video":{"id":"video_1"}}"#),
        form("/v1/videos/extensions"),
    ]
}

/// Calls that nothing is known about, and that may be paid for just as well.
fn others() -> [Request; 3] {
    [
        post("/v1/images/generations", r#"{"prompt":"a"}"#),
        post("/v1/video/generations", r#"{"prompt":"a"}"#),
        request("PATCH", "/v1/jobs/1").with("content-type", "application/json").body("{}"),
    ]
}

const JSON: (&str, &str) = ("content-type", "application/json");
const ERROR: &str = r#"{"error":{"message":"x","type":"server_error","param":null,"code":null}}"#;

fn status(code: u16) -> Reply {
    Reply::json(code, ERROR)
}

/// 503 as proxies and service meshes answer it, also when a connection broke on which the call had been passed on.
fn bare_503s() -> Vec<(&'static str, Reply)> {
    let bare =
        |kind: &'static str, body: &'static str| Reply::raw(answer(503, &[("content-type", kind)], body));
    vec![
        (
            "nginx",
            bare("text/html", "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"),
        ),
        (
            "Envoy",
            bare(
                "text/plain",
                "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
            ),
        ),
        ("HAProxy", bare("text/html", "<html><body><h1>503 Service Unavailable</h1></body></html>")),
        ("Kong", bare("application/json", r#"{"message":"failure to get a peer from the ring-balancer"}"#)),
        ("nothing", bare("application/json", "")),
        ("an empty object", bare("application/json", "{}")),
        ("no object", bare("application/json", r#"["error"]"#)),
        ("an error that is none", bare("application/json", r#"{"error":null}"#)),
        ("a job", bare("application/json", JOB)),
        ("another header", Reply::raw(answer(503, &[JSON, ("x-should-retry", "true")], "{}"))),
    ]
}

/// 503 in the application's own words, or with a time to come back.
fn refusals() -> Vec<(&'static str, Reply)> {
    vec![
        ("an error object", Reply::json(503, ERROR)),
        ("an error text", Reply::json(503, r#"{"error":"busy"}"#)),
        ("FastAPI", Reply::json(503, r#"{"detail":"busy"}"#)),
        ("new-api", Reply::json(503, r#"{"code":"busy","message":"no channel","data":null}"#)),
        ("APIYI", Reply::json(503, r#"{"message":"m","data":{"error":{"code":"c","message":"m"}}}"#)),
        ("Retry-After", Reply::raw(answer(503, &[("retry-after", "0")], ""))),
        (
            "retry-after-ms",
            Reply::raw(answer(503, &[("content-type", "text/html"), ("retry-after-ms", "1")], "<p>")),
        ),
    ]
}

/// RT03, RT05, RT30: a proxy that answers 503 by itself may have passed the call on.
#[tokio::test]
async fn a_bare_503_leaves_the_outcome_of_a_paid_call_open() {
    for (what, reply) in bare_503s() {
        for request in paid() {
            let upstream = Upstream::script(vec![reply.clone(), Reply::job()]).await;
            let gateway = gateway(&upstream, "").await;
            let keyed = request.with("idempotency-key", "k");
            let answer = gateway.ask(&keyed).await;
            assert_eq!((answer.status(), upstream.count()), (503, 1), "{what}: {}", keyed.target());
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
            // The ledger does not know what became of it.
            let again = gateway.ask(&keyed).await;
            assert_eq!((again.status(), again.code().as_deref()), (409, Some("create_unresolved")), "{what}");
            assert_eq!(upstream.count(), 1, "{what}");
        }
    }
}

/// RT01
#[tokio::test]
async fn a_503_of_the_application_is_a_refusal() {
    for (what, reply) in refusals() {
        for request in paid().into_iter().chain(others()) {
            for settings in ["", "unwrap_errors = false\n"] {
                let upstream = Upstream::script(vec![reply.clone(), Reply::job()]).await;
                let gateway = gateway(&upstream, settings).await;
                let answer = gateway.ask(&request).await;
                let attempts = answer.header("x-reelgate-attempts");
                assert_eq!((answer.status(), attempts), (200, Some("2")), "{what}: {}", request.target());
            }
        }
        let upstream = Upstream::script(vec![reply, Reply::job()]).await;
        let gateway = gateway(&upstream, "retry.attempts = 1\n").await;
        let keyed = create(r#"{"prompt":"a"}"#).with("idempotency-key", "k");
        let refused = gateway.ask(&keyed).await;
        assert_eq!((refused.status(), refused.header("x-should-retry")), (503, None), "{what}");
        assert_eq!(gateway.ask(&keyed).await.status(), 200, "{what}: a refusal frees the key");
    }
}

/// What costs nothing is sent again after a bare 503 as well.
#[tokio::test]
async fn a_bare_503_to_a_poll_is_repeated() {
    // A job is an answer, whatever its status.
    for (what, reply) in bare_503s().into_iter().filter(|(what, _)| *what != "a job") {
        let upstream = Upstream::script(vec![reply, Reply::job()]).await;
        let gateway = gateway(&upstream, "").await;
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 200, "{what}");
        let retries = "reelgate_retries_total{reason=\"unavailable\",upstream=\"main\"}";
        assert!((gateway.metric(retries) - 1.0).abs() < f64::EPSILON, "{what}");
    }
}

/// Image and video generations on routes that are not judged are not sent three times.
#[tokio::test]
async fn another_post_is_repeated_only_where_nothing_can_have_begun() {
    let mut open = bare_503s();
    open.extend([500, 502, 504].map(|code| ("an error", status(code))));
    for (what, reply) in open {
        for request in others() {
            let upstream = Upstream::script(vec![reply.clone(), Reply::job()]).await;
            let gateway = gateway(&upstream, "").await;
            let answer = gateway.ask(&request).await;
            assert!(answer.status() >= 500, "{what}");
            assert_eq!(upstream.count(), 1, "{what}: {}", request.target());
        }
    }
    for code in [429, 503, 529] {
        for request in others() {
            let upstream = Upstream::script(vec![status(code), Reply::job()]).await;
            let gateway = gateway(&upstream, "").await;
            assert_eq!(gateway.ask(&request).await.status(), 200, "{code}: {}", request.target());
            assert_eq!(upstream.count(), 2, "{code}");
        }
    }
}

#[tokio::test]
async fn an_idempotent_method_on_another_route_is_repeated_after_an_error() {
    for code in [500, 502, 503, 504] {
        for method in ["GET", "PUT", "DELETE"] {
            let upstream = Upstream::script(vec![status(code), Reply::job()]).await;
            let gateway = gateway(&upstream, "").await;
            let answer = gateway.ask(&request(method, "/v1/files/1").body("")).await;
            assert_eq!((answer.status(), upstream.count()), (200, 2), "{code} {method}");
        }
    }
}

/// An operator who knows that nothing behind a status was begun may list it.
#[tokio::test]
async fn a_listed_status_is_repeated_for_another_post() {
    let upstream = Upstream::script(vec![status(500), Reply::job()]).await;
    let gateway = gateway(&upstream, "retry.other_statuses = [429, 500]").await;
    let [image, ..] = others();
    assert_eq!((gateway.ask(&image).await.status(), upstream.count()), (200, 2));
}
