//! What the upstream is asked again, and what the client hears of it: over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

use crate::support::fields;
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, form_to, get, post, text};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};

/// Short waits, and a breaker that stays out of it.
const QUICK: &str = "retry.backoff_base = \"1ms\"\nbreaker.consecutive = 0\nbreaker.ratio = 0\n";

/// A gateway with short waits and these settings of the upstream.
async fn gateway(upstream: &Upstream, settings: &str) -> Gateway {
    let head =
        format!("presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{{upstream}}\"\n{QUICK}{settings}");
    Gateway::start(upstream, &head).await
}

/// Everything that is paid for.
fn paid() -> Vec<Request> {
    let form = |target: &str| {
        form_to(target, &[&text("prompt", "a"), &text("seconds", "4"), &text("video[id]", "video_1")])
    };
    vec![
        create(r#"{"prompt":"a"}"#),
        post("/v1/videos/video_1/remix", r#"{"prompt":"a"}"#),
        post("/v1/videos/edits", r#"{"prompt":"a","video":{"id":"video_1"}}"#),
        form("/v1/videos/extensions"),
    ]
}

fn poll() -> Request {
    get("/v1/videos/video_1")
}

fn message() -> Request {
    post("/v1/messages", r#"{"model":"x"}"#)
}

fn status(code: u16) -> Reply {
    Reply::json(code, r#"{"error":{"message":"x","type":"server_error","param":null,"code":null}}"#)
}

fn status_with(code: u16, headers: &[(&str, &str)]) -> Reply {
    Reply::raw(answer(code, &[&[("content-type", "application/json")], headers].concat(), "{}"))
}

/// RT01, RT17, RT21, RT30: refused before work; every attempt is the same request.
#[tokio::test]
async fn what_is_refused_is_asked_again_with_the_same_bytes() {
    for code in [429, 529] {
        for request in paid().into_iter().chain([poll(), message()]) {
            let upstream = Upstream::script(vec![status(code), status(code), Reply::job()]).await;
            let gateway = gateway(&upstream, "").await;
            let answer = gateway.ask(&request).await;
            assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{}", request.target());
            assert_eq!(answer.header("x-reelgate-attempts"), Some("3"));
            assert_eq!(answer.header("x-should-retry"), None);
            let seen = upstream.requests();
            assert_eq!(seen.len(), 3);
            for attempt in &seen {
                assert_eq!(attempt.target(), request.target());
                assert_eq!(fields::of(attempt), request.fields());
                assert_eq!(attempt.body, seen[0].body);
                assert_eq!(attempt.head, seen[0].head, "one request, one key");
            }
            let is_paid = request.target().starts_with("/v1/videos") && request.method() == "POST";
            assert_eq!(seen[0].header("idempotency-key").is_some(), is_paid, "{}", request.target());
        }
    }
}

/// Ways to lose an answer.
fn losses() -> [(&'static str, Reply); 5] {
    let read = || Reply::default().read();
    [
        ("closed", read().close()),
        ("reset", read().reset()),
        (
            "half a body",
            read()
                .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
                .close(),
        ),
        ("garbage", read().send("\0garbage\r\n\r\n").close()),
        ("silence", read().stall()),
    ]
}

/// RT02
#[tokio::test]
async fn a_fetch_is_asked_again_after_errors_and_losses() {
    let errors = [500, 502, 503, 504].map(|code| ("an error", status(code)));
    for (what, reply) in errors.into_iter().chain(losses()) {
        let upstream = Upstream::script(vec![reply, Reply::job()]).await;
        let gateway = gateway(&upstream, "fetch_timeout = \"500ms\"").await;
        let answer = gateway.ask(&poll()).await;
        assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{what}");
        assert_eq!(answer.header("x-reelgate-attempts"), Some("2"), "{what}");
        assert_eq!(upstream.count(), 2, "{what}");
    }
}

/// RT03, RT30: it may have been accepted.
#[tokio::test]
async fn a_paid_call_whose_answer_is_lost_is_asked_once() {
    for (what, reply) in losses() {
        for request in paid() {
            let upstream = Upstream::script(vec![reply.clone(), Reply::job()]).await;
            let gateway = gateway(&upstream, "submit_timeout = \"500ms\"").await;
            let answer = gateway.ask(&request).await;
            assert_eq!(answer.code().as_deref(), Some("upstream_outcome_unknown"), "{what}");
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
            assert_eq!(answer.header("x-reelgate-attempts"), Some("1"), "{what}");
            assert_eq!(upstream.count(), 1, "{what}: {}", request.target());
        }
    }
}

/// A POST to another route may be paid for as well; its codes stay as they are.
#[tokio::test]
async fn another_post_whose_answer_is_lost_is_asked_once() {
    for (what, reply) in losses() {
        let upstream = Upstream::script(vec![reply, Reply::job()]).await;
        let gateway = gateway(&upstream, "other_timeout = \"500ms\"").await;
        let answer = gateway.ask(&post("/v1/responses", "{}")).await;
        let code = answer.code().unwrap_or_default();
        assert!(
            matches!(&*code, "upstream_connection_lost" | "upstream_bad_answer" | "upstream_timeout"),
            "{what}: {code}"
        );
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
        assert_eq!(upstream.count(), 1, "{what}");
    }
}

/// RT04: not at all, or visibly and with one key.
#[tokio::test]
async fn a_create_that_met_500_is_not_repeated_unnoticed() {
    let upstream = Upstream::script(vec![status(500), Reply::job()]).await;
    let quiet = gateway(&upstream, "").await;
    let answer = quiet.ask(&create(r#"{"prompt":"a"}"#)).await;
    assert_eq!((answer.status(), upstream.count()), (500, 1));
    assert_eq!(answer.header("x-should-retry"), Some("false"));

    let upstream = Upstream::script(vec![status(500), Reply::job()]).await;
    let daring = gateway(&upstream, "retry.submit_statuses = [500]").await;
    let answer = daring.ask(&create(r#"{"prompt":"a"}"#)).await;
    assert_eq!((answer.status(), answer.header("x-reelgate-attempts")), (200, Some("2")));
    let seen = upstream.requests();
    assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
    let duplicates = daring.metric("reelgate_possible_duplicates_total{upstream=\"main\"}");
    assert!((duplicates - 1.0).abs() < f64::EPSILON);
}

/// RT07, RT28, RT31: the upstream's last word, and an end of it.
#[tokio::test]
async fn after_the_last_attempt_the_client_gets_the_upstreams_answer() {
    const BODY: &str = r#"{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}"#;
    let headers = [
        ("content-type", "application/json"),
        ("retry-after-ms", "3"),
        ("retry-after", "1"),
        ("x-request-id", "req_theirs"),
        ("x-should-retry", "true"),
    ];
    for request in paid().into_iter().chain([poll(), message()]) {
        let upstream = Upstream::start(Reply::raw(answer(429, &headers, BODY))).await;
        let gateway = gateway(&upstream, "").await;
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), &*answer.text()), (429, BODY));
        assert_eq!((answer.header("retry-after"), answer.header("retry-after-ms")), (Some("1"), Some("3")));
        assert_eq!(answer.header("x-request-id"), Some("req_theirs"));
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        assert_eq!(answer.header("x-reelgate-attempts"), Some("3"));
        assert_eq!(upstream.count(), 3);
        let kind = match request.target() {
            target if !target.starts_with("/v1/videos") => "other",
            _ if request.method() == "GET" => "fetch",
            _ => "submit",
        };
        let attempts = format!("reelgate_upstream_attempts_total{{kind=\"{kind}\",upstream=\"main\"}}");
        assert!((gateway.metric(&attempts) - 3.0).abs() < f64::EPSILON, "{}", gateway.page());
        let retries = "reelgate_retries_total{reason=\"rate_limited\",upstream=\"main\"}";
        assert!((gateway.metric(retries) - 2.0).abs() < f64::EPSILON);
    }
}

/// RT08
#[tokio::test]
async fn no_other_4xx_is_asked_again() {
    for code in [400, 401, 403, 404, 408, 409, 413, 422, 425, 499] {
        for request in [create(r#"{"prompt":"a"}"#), poll(), message()] {
            let upstream = Upstream::start(status(code)).await;
            let gateway = gateway(&upstream, "").await;
            let answer = gateway.ask(&request).await;
            assert_eq!((answer.status(), upstream.count()), (code, 1), "{}", request.target());
            assert_eq!(answer.header("x-reelgate-attempts"), Some("1"));
        }
    }
}

/// RT09
#[tokio::test]
async fn an_upstream_that_forbids_it_is_not_asked_again() {
    for request in [create(r#"{"prompt":"a"}"#), poll(), message()] {
        let upstream = Upstream::start(status_with(429, &[("x-should-retry", "false")])).await;
        let gateway = gateway(&upstream, "").await;
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), upstream.count()), (429, 1));
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
}

/// RT10
#[tokio::test]
async fn the_upstreams_wait_is_obeyed() {
    let reply = status_with(429, &[("retry-after-ms", "300"), ("retry-after", "9")]);
    let upstream = Upstream::script(vec![reply, Reply::job()]).await;
    let gateway = gateway(&upstream, "").await;
    let began = Instant::now();
    assert_eq!(gateway.ask(&create(r#"{"prompt":"a"}"#)).await.status(), 200);
    let took = began.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(9)).contains(&took), "{took:?}");
}

/// RT12
#[tokio::test]
async fn a_wait_beyond_the_cap_is_the_clients() {
    let upstream = Upstream::start(status_with(429, &[("retry-after", "21")])).await;
    let gateway = gateway(&upstream, "").await;
    let answer = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
    assert_eq!((answer.status(), upstream.count()), (429, 1));
    assert_eq!((answer.header("retry-after"), answer.header("x-should-retry")), (Some("21"), None));
}

/// RT15: nobody listens until the second attempt.
#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    for request in paid().into_iter().chain([poll(), message()]) {
        // Taken, but not listened at: connections are refused.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = socket.local_addr().expect("an address");
        let settings = format!(
            "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"http://{address}/v1\"\nretry.attempts = 5\n\
             retry.backoff_base = \"500ms\"\nretry.backoff_max = \"500ms\"\nbreaker.consecutive = 0\nretry.budget_min = 1000"
        );
        let gateway = Gateway::configured(&settings).await;
        let series = "reelgate_upstream_attempts_total";
        let asking = gateway.ask(&request);
        let listening = async {
            crate::support::within("the first attempt", async {
                while !gateway.page().lines().any(|line| line.starts_with(series)) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
            .await;
            let listener: TcpListener = socket.listen(16).expect("a listener");
            Upstream::at(listener, vec![Reply::job()])
        };
        let (answer, upstream) = tokio::join!(asking, listening);
        assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{}", request.target());
        assert_ne!(answer.header("x-reelgate-attempts"), Some("1"));
        assert_eq!(fields::of(&upstream.only()), request.fields());
    }
}

/// RT17: a body too big to keep is sent once.
#[tokio::test]
async fn a_body_too_big_to_keep_is_sent_once() {
    for (length, attempts) in [(1 << 20, 3), ((1 << 20) + 1, 1)] {
        let upstream = Upstream::start(status(429)).await;
        let gateway = gateway(&upstream, "").await;
        let request = post("/v1/files", "").body(vec![b'x'; length]);
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), upstream.count()), (429, attempts), "{length}");
        assert!(upstream.requests().iter().all(|seen| seen.whole && seen.body.len() == length));
    }
}

/// RT19: an upstream that fails is left alone.
#[tokio::test]
async fn an_upstream_that_fails_is_left_alone() {
    let upstream = Upstream::start(status(500)).await;
    let settings = "[upstreams.main]\nbase_url = \"{upstream}\"\nretry.attempts = 1\nbreaker.consecutive = 3";
    let gateway = Gateway::start(&upstream, settings).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask(&poll()).await.status(), 500);
    }
    for request in [poll(), create(r#"{"prompt":"a"}"#), message()] {
        let answer = gateway.ask(&request).await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.header("retry-after"), Some("10"));
        assert_eq!(answer.header("x-reelgate-attempts"), None);
    }
    assert_eq!(upstream.count(), 3);
    assert!((gateway.metric("reelgate_breaker_state{upstream=\"main\"}") - 2.0).abs() < f64::EPSILON);
}

/// RT26: the client leaves during the pause.
#[tokio::test]
async fn nothing_is_asked_again_once_the_client_has_left() {
    for request in [create(r#"{"prompt":"a"}"#), poll()] {
        let gate = Gate::closed();
        let wait = [("content-type", "application/json"), ("retry-after-ms", "700")];
        let reply = Reply::default().read().wait(&gate).send(answer(429, &wait, "{}"));
        let upstream = Upstream::script(vec![reply, Reply::job()]).await;
        let gateway = gateway(&upstream, "").await;
        let mut client = gateway.connect().await;
        client.send(request.bytes()).await;
        upstream.until("the first attempt", |requests| requests.len() == 1).await;
        gate.open();
        drop(client);
        // Longer than the pause: this is about what does not happen.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(upstream.count(), 1, "{}", request.target());
    }
}

/// RT32: the answer comes before the SDK gives up.
#[tokio::test]
async fn a_client_is_answered_while_it_still_waits() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let gateway = gateway(&upstream, "").await;
    let began = Instant::now();
    let request = create(r#"{"prompt":"a"}"#).with("x-stainless-read-timeout", "1");
    let answer = gateway.ask(&request).await;
    let took = began.elapsed();
    assert_eq!((answer.status(), answer.header("x-should-retry")), (504, Some("false")));
    assert!((Duration::from_millis(899)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

/// SD07
#[tokio::test]
async fn a_gateway_that_ends_answers_who_waits_for_another_attempt() {
    let upstream = Upstream::start(status_with(503, &[("retry-after", "15")])).await;
    let gateway = gateway(&upstream, "").await;
    let mut client = gateway.connect().await;
    client.send(create(r#"{"prompt":"a"}"#).bytes()).await;
    upstream.until("the first attempt", |requests| requests.len() == 1).await;
    let began = Instant::now();
    let (answer, ()) = tokio::join!(client.answer(), gateway.stop());
    assert_eq!((answer.status(), answer.header("x-should-retry")), (503, None));
    // Another replica may have the time.
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(upstream.count(), 1);
}
