//! RT06, RT20, RT31: one call of an SDK, its own repeats on, whatever the upstream does.

use std::time::Duration;

use crate::money::{job, with};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, create, post};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};

/// How often an SDK asks again.
const REPEATS: u32 = 2;

/// Whether an SDK asks again after this answer.
fn asks_again(answer: &Message) -> bool {
    match answer.header("x-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(answer.status(), 408 | 409 | 429 | 500..),
    }
}

/// Asks as the official SDKs do, and returns what the program gets.
async fn sdk(gateway: &Gateway, request: &Request) -> Message {
    for repeat in 0.. {
        let answer = gateway.ask(&request.clone().with("x-stainless-retry-count", &repeat.to_string())).await;
        if repeat == REPEATS || !asks_again(&answer) {
            return answer;
        }
    }
    unreachable!("it counts")
}

fn paid() -> [Request; 2] {
    [create(r#"{"prompt":"a cat"}"#), post("/v1/videos/video_1/remix", r#"{"prompt":"a cat"}"#)]
}

/// An upstream that has made the job, and how it fails to say so.
fn lost() -> Vec<(&'static str, Reply)> {
    let json = [("content-type", "application/json")];
    let half = answer(200, &json, JOB)[..80].to_vec();
    let read = || Reply::default().read();
    vec![
        ("closed", read().close()),
        ("reset", read().reset()),
        ("silence", read().stall()),
        ("half an answer", read().send(half).close()),
        ("garbage", read().send("\0garbage\r\n\r\n").close()),
        ("500", Reply::raw(answer(500, &json, "{}"))),
        ("502", Reply::raw(answer(502, &json, "{}"))),
        (
            "504, and it may be repeated",
            Reply::raw(answer(504, &[json[0], ("x-should-retry", "true")], "{}")),
        ),
    ]
}

/// RT06, RT30: what makes the SDK pay twice without the gateway makes one job behind it.
#[tokio::test]
async fn however_an_answer_is_lost_one_call_is_one_job() {
    for (what, reply) in lost() {
        for request in paid() {
            let upstream = Upstream::start(reply.clone()).await;
            let gateway = with(&upstream, "submit_timeout = \"300ms\"\nretry.backoff_base = \"1ms\"").await;
            let got = sdk(&gateway, &request).await;
            assert_eq!(upstream.count(), 1, "{what}: {}", request.target());
            assert_eq!(got.header("x-should-retry"), Some("false"), "{what}");
            assert!(matches!(got.status(), 409 | 500..), "{what}: {}", got.start);
        }
    }
}

/// RT06: a program that gives up without having said when it would, and its SDK, which asks again.
#[tokio::test]
async fn a_client_that_gives_up_and_asks_again_gets_the_one_job() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(job())).await;
    let gateway = Gateway::over(&upstream).await;
    let [request, _] = paid();
    for repeat in 0..REPEATS {
        let mut impatient = gateway.connect().await;
        impatient.send(request.clone().with("x-stainless-retry-count", &repeat.to_string()).bytes()).await;
        assert!(tokio::time::timeout(Duration::from_millis(100), impatient.answer()).await.is_err());
    }
    let mut last = gateway.connect().await;
    last.send(request.with("x-stainless-retry-count", &REPEATS.to_string()).bytes()).await;
    gate.open();
    assert_eq!((last.answer().await.text(), upstream.count()), (JOB.to_owned(), 1));
}

/// RT31: three attempts of ours, and not three for each of the SDK's.
#[tokio::test]
async fn attempts_of_ours_and_of_the_sdk_do_not_multiply() {
    let busy = r#"{"error":{"message":"busy","type":"requests","param":null,"code":null}}"#;
    for request in paid().into_iter().chain([post("/v1/responses", "{}")]) {
        let upstream = Upstream::start(Reply::json(429, busy)).await;
        let gateway = with(&upstream, "retry.backoff_base = \"1ms\"").await;
        let got = sdk(&gateway, &request).await;
        assert_eq!((got.status(), upstream.count()), (429, 3), "{}", request.target());
    }
}

/// RT20: nobody is asked in its stead, however long it takes and however short the pauses are.
#[tokio::test]
async fn a_slow_create_is_asked_once() {
    for request in paid() {
        let gate = Gate::closed();
        let upstream = Upstream::start(Reply::default().read().wait(&gate).send(job())).await;
        let gateway = with(&upstream, "retry.backoff_base = \"1ms\"\nretry.attempts = 5").await;
        let mut client = gateway.connect().await;
        client.send(request.bytes()).await;
        assert!(tokio::time::timeout(Duration::from_millis(400), client.answer()).await.is_err());
        gate.open();
        assert_eq!(client.answer().await.text(), JOB);
        assert_eq!(upstream.count(), 1, "{}", request.target());
    }
}
