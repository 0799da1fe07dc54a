//! What a call may cost in time and tokens when it does not come to an attempt.

use std::time::Duration;

use crate::money::{first, with};
use crate::support::request::{create, get, post};
use crate::support::upstream::{Reply, Upstream};

/// RT32: waits for a turn count as well.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the time of the test itself")]
#[tokio::test]
async fn a_client_that_announces_its_patience_waits_no_longer_for_its_turn() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"30s\"\n").await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    let began = std::time::Instant::now();
    let refused = gateway.ask(&first("a dog").with("x-stainless-read-timeout", "0.5")).await;
    assert_eq!(refused.status(), 429);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// LM09: tokens are spent on attempts.
#[tokio::test]
async fn a_call_that_the_breaker_refuses_spends_nothing() {
    let upstream = Upstream::start(Reply::json(500, "{}")).await;
    let settings = "[quota]\nfetch = { rate = \"100/day\" }\n[upstreams.main.retry]\nattempts = 1\n\
                    [upstreams.main.breaker]\nconsecutive = 2\n";
    let gateway = with(&upstream, settings).await;
    let mut left = Vec::new();
    for _ in 0..4 {
        let answer = gateway.ask(&get("/v1/videos/video_1")).await;
        left.push((answer.status(), answer.header("x-ratelimit-remaining-requests").map(str::to_owned)));
    }
    let expected = [(500, "99"), (500, "98"), (503, "98"), (503, "98")];
    assert_eq!(left, expected.map(|(status, left)| (status, Some(left.to_owned()))));
}

/// SD07: what one replica has no time for, another can do.
#[tokio::test]
async fn a_pause_that_the_end_of_the_process_cuts_short_stops_no_sdk() {
    let busy = Reply::raw(crate::support::upstream::answer(429, &[("retry-after", "15")], "{}"));
    let upstream = Upstream::start(busy).await;
    let mut gateway = with(&upstream, "").await;
    let mut client = gateway.connect().await;
    client.send(get("/v1/videos/video_1").bytes()).await;
    upstream.until("the poll", |requests| requests.len() == 1 && requests[0].whole).await;
    gateway.begin_to_stop();
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.header("x-should-retry")), (429, None));
    assert_eq!(upstream.count(), 1);
}

/// LM06, TO06: a body that drips does not hold its place for ever.
#[tokio::test]
async fn a_judged_body_that_drips_ends() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway =
        with(&upstream, "[limits]\nin_flight = 1\nin_flight_queue = 0\nbody_time = \"200ms\"\n").await;
    let request = create(r#"{"prompt":"a cat that takes very long to describe"}"#);
    let mut client = gateway.connect().await;
    client.send(request.head()).await;
    let mut answered = None;
    for byte in request.sent_body().iter().cycle() {
        client.send([*byte]).await;
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(50), client.answer()).await {
            answered = Some(answer.status());
            break;
        }
    }
    assert_eq!(answered, Some(408));
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200, "its place is free");
}

/// A character is there at once: it holds no slot.
#[tokio::test]
async fn a_character_holds_no_slot() {
    let made = Reply::json(200, r#"{"id":"char_1","name":"Tom","created_at":1}"#);
    let upstream = Upstream::script(vec![made, Reply::job()]).await;
    let gateway = with(&upstream, "[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n").await;
    let form = crate::support::request::form_to(
        "/v1/videos/characters",
        &[
            "name=\"name\"\r\n\r\nTom",
            "name=\"video\"; filename=\"a.mp4\"\r\nContent-Type: video/mp4\r\n\r\nfilm",
        ],
    );
    let answer = gateway.ask(&form).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
}

/// Ids that carry base64 are one and the same, in paths and in answers.
#[tokio::test]
async fn an_encoded_id_gives_its_slot_back() {
    let job = |status: &str| {
        Reply::json(200, &format!(r#"{{"id":"video_a+b=","object":"video","status":"{status}"}}"#))
    };
    let upstream = Upstream::script(vec![job("queued"), job("completed"), Reply::job()]).await;
    let settings =
        "[routes]\nvideo_ids = \"encoded\"\n[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n";
    let gateway = with(&upstream, settings).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    gateway.ask(&get("/v1/videos/video_a%2Bb%3D")).await;
    assert_eq!(upstream.requests()[1].target(), "/v1/videos/video_a%2Bb%3D", "sent on as it came");
    assert_eq!(gateway.ask(&first("a dog")).await.status(), 200);
}

/// SE02: an answer that repeats our credential does not reach the client with it, nor the ledger.
#[tokio::test]
async fn an_upstream_that_repeats_our_credential_is_not_repeated() {
    let echo =
        r#"{"error":{"message":"key sk-operator-secret may not","type":"t","param":null,"code":null}}"#;
    let upstream = Upstream::start(Reply::json(400, echo)).await;
    let gateway = crate::support::gateway::Gateway::with_keys(&upstream).await;
    for request in
        [create(r#"{"prompt":"a cat"}"#), get("/v1/videos/video_1"), post("/v1/chat/completions", "{}")]
    {
        let answer =
            gateway.ask(&request.without("authorization").with("authorization", "Bearer rg-key")).await;
        assert_eq!(answer.status(), 400);
        assert!(!answer.text().contains("sk-operator"), "{}", answer.text());
        assert!(answer.text().contains("key *** may not"), "{}", answer.text());
    }
}
