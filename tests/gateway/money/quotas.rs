//! Token buckets, before a real upstream: who is refused, what it is told, and what it costs.

use crate::money::{first, with};
use crate::support::gateway::{Gateway, KEYS};
use crate::support::message::Message;
use crate::support::request::{create, get};
use crate::support::upstream::{Gate, Reply, Upstream};

/// A second key, "rg-other", and a quota that each of them has for itself.
const MORE: &str = r#"
[auth.keys.other]
sha256 = "04a726cc2c5d9f16609a29e086a0e2309ca3e98243eef78545d14afdecdddea5"
[auth.key_quota]
submit = { rate = "3/min" }
"#;

async fn keyed(upstream: &Upstream) -> Gateway {
    Gateway::start(upstream, &format!("{KEYS}{MORE}")).await
}

fn by_key(json: &str) -> crate::support::request::Request {
    create(json).without("authorization").with("authorization", "Bearer rg-key")
}

fn remaining(answer: &Message) -> Option<&str> {
    answer.header("x-ratelimit-remaining-requests")
}

/// LM08
#[tokio::test]
async fn each_key_has_its_own_rate() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = keyed(&upstream).await;
    for left in ["2", "1", "0"] {
        let answer = gateway.ask(&by_key(r#"{"prompt":"a cat"}"#)).await;
        assert_eq!((answer.status(), remaining(&answer)), (200, Some(left)));
        assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("3"));
        assert!(answer.header("x-ratelimit-reset-requests").is_some());
    }

    let refused = gateway.ask(&by_key(r#"{"prompt":"a cat"}"#)).await;

    let error = &refused.json()["error"];
    assert_eq!((refused.status(), refused.code().as_deref()), (429, Some("rate_limit_exceeded")));
    assert_eq!(error["type"], "requests");
    let message = error["message"].as_str().expect("a message");
    assert!(message.starts_with("Rate limit reached for "), "{message}");
    assert!(
        message.contains("in organization team on requests per min (RPM): Limit 3, Used 3, Requested 1."),
        "{message}"
    );
    let seconds: u64 = refused.header("retry-after").expect("a wait").parse().expect("seconds");
    assert!((19..=20).contains(&seconds), "{seconds}");
    let millis: u64 = refused.header("retry-after-ms").expect("a wait").parse().expect("milliseconds");
    assert!((18_000..=20_000).contains(&millis), "{millis}");
    assert_eq!(remaining(&refused), Some("0"));
    assert_eq!(upstream.count(), 3);

    let other =
        create(r#"{"prompt":"a cat"}"#).without("authorization").with("authorization", "Bearer rg-other");
    assert_eq!(remaining(&gateway.ask(&other).await), Some("2"));
}

/// LM09
#[tokio::test]
async fn what_is_refused_for_another_reason_spends_nothing() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = keyed(&upstream).await;
    for _ in 0..5 {
        let answer = gateway.ask(&by_key(r#"{"prompt":"a cat","seconds":"7"}"#)).await;
        assert_eq!((answer.status(), remaining(&answer)), (400, Some("3")));
    }
    let unknown =
        create(r#"{"prompt":"a cat"}"#).without("authorization").with("authorization", "Bearer nobody");
    assert_eq!(gateway.ask(&unknown).await.status(), 401);
    assert_eq!(remaining(&gateway.ask(&by_key(r#"{"prompt":"a cat"}"#)).await), Some("2"));
}

/// An answer that was given before costs nothing.
#[tokio::test]
async fn a_replay_spends_nothing() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = keyed(&upstream).await;
    for _ in 0..5 {
        let answer = gateway.ask(&by_key(r#"{"prompt":"a cat"}"#).with("idempotency-key", "k")).await;
        assert_eq!((answer.status(), remaining(&answer)), (200, Some("2")));
    }
}

#[tokio::test]
async fn polls_never_take_what_creates_need() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway =
        with(&upstream, "[quota]\nfetch = { rate = \"2/min\" }\nsubmit = { rate = \"2/min\" }\n").await;
    let statuses = async |n: usize| {
        let mut statuses = Vec::new();
        for _ in 0..n {
            statuses.push(gateway.ask(&get("/v1/videos/video_1")).await.status());
        }
        statuses
    };
    assert_eq!(statuses(4).await, [200, 200, 429, 429]);
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
}

/// The upstream counts attempts, not calls.
#[tokio::test]
async fn an_upstreams_own_quota_counts_attempts() {
    let busy = Reply::json(429, r#"{"error":{"message":"busy","type":"requests","param":null,"code":null}}"#);
    let upstream = Upstream::start(busy).await;
    let settings = "[upstreams.main.quota]\nsubmit = { rate = \"2/min\" }\n[upstreams.main.retry]\nbackoff_base = \"1ms\"\n";
    let gateway = with(&upstream, settings).await;
    let answer = gateway.ask(&first("a cat")).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(upstream.count(), 2, "the third attempt has no token");
}

/// First come, first served, within bounds.
#[tokio::test]
async fn a_bucket_may_let_calls_wait() {
    let upstream = Upstream::start(Reply::job()).await;
    let settings = "[quota]\nsubmit = { rate = \"20/s\", burst = 1, wait = \"5s\", queue = 2 }\n";
    let gateway = with(&upstream, settings).await;
    let mut clients = Vec::new();
    for n in 0..3 {
        let mut client = gateway.connect().await;
        client.send(first(&format!("cat {n}")).bytes()).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.answer().await.status(), 200);
    }
    assert_eq!(upstream.count(), 3);
}

/// SD07: whoever waits for its turn is answered when the process is told to stop.
#[tokio::test]
async fn whoever_waits_when_the_process_stops_is_told_so() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(crate::money::job())).await;
    let gateway = with(&upstream, "[quota]\nsubmit = { rate = \"1/min\", wait = \"5m\" }\n").await;
    let mut running = gateway.connect().await;
    running.send(first("a cat").bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    let mut waiting = gateway.connect().await;
    waiting.send(first("a dog").bytes()).await;
    gate.open();
    assert_eq!(running.answer().await.status(), 200);
    let stopping = tokio::spawn(gateway.stop());
    let told = waiting.answer().await;
    assert_eq!((told.status(), told.code().as_deref()), (503, Some("shutting_down")));
    stopping.await.expect("it ends");
    assert_eq!(upstream.count(), 1);
}
