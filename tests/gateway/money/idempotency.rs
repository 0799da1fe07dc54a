//! `Idempotency-Key`: what a client calls its create.

use crate::money::{first, job, with};
use crate::support::gateway::Gateway;
use crate::support::request::{create, post};
use crate::support::upstream::{Gate, Reply, Upstream};

/// RT22
#[tokio::test]
async fn the_same_key_and_body_get_the_first_answer_and_no_second_job() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let keyed = first("a cat").with("idempotency-key", "order 7");

    let one = gateway.ask(&keyed).await;
    let two = gateway.ask(&keyed).await;

    assert_eq!((one.status(), &one.body), (200, &two.body));
    assert_eq!(one.header("x-reelgate-replayed"), None);
    assert_eq!(two.status(), 200);
    assert_eq!(two.header("x-reelgate-replayed"), Some("true"));
    assert_eq!(two.header("idempotent-replayed"), Some("true"));
    assert_eq!(one.header("x-reelgate-ledger-id"), two.header("x-reelgate-ledger-id"));
    assert!(one.header("x-reelgate-ledger-id").is_some());
    assert_eq!(upstream.only().header("idempotency-key"), Some("order 7"));
}

/// RT23
#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    gateway.ask(&first("a cat").with("idempotency-key", "k")).await;

    let other = gateway.ask(&first("a dog").with("idempotency-key", "k")).await;

    // A 409 would be asked again by SDKs.
    assert_eq!((other.status(), other.code().as_deref()), (422, Some("idempotency_mismatch")));
    assert_eq!(upstream.count(), 1);
}

/// RT22: a key is one client's, and of one operation.
#[tokio::test]
async fn keys_of_others_are_other_keys() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let keyed = first("a cat").with("idempotency-key", "k");
    gateway.ask(&keyed).await;

    let other = keyed.clone().without("authorization").with("authorization", "Bearer sk-other");
    assert_eq!(gateway.ask(&other).await.header("x-reelgate-replayed"), None);
    let remix = post("/v1/videos/video_1/remix", r#"{"prompt":"a cat"}"#).with("idempotency-key", "k");
    assert_eq!(gateway.ask(&remix).await.header("x-reelgate-replayed"), None);
    assert_eq!(upstream.count(), 3);
}

/// RT23: what no server takes for a key is refused before anything is sent.
#[tokio::test]
async fn an_odd_key_is_refused() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    for key in ["", "\u{e9}", &"k".repeat(256)] {
        let refused = gateway.ask(&first("a cat").with("idempotency-key", key)).await;
        assert_eq!(
            (refused.status(), refused.code().as_deref()),
            (400, Some("invalid_idempotency_key")),
            "{key}"
        );
    }
    upstream.assert_untouched("odd keys");
}

/// RT24
#[tokio::test]
async fn concurrent_twins_make_one_job_and_both_get_its_answer() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(job())).await;
    let gateway = Gateway::over(&upstream).await;
    let keyed = first("a cat").with("idempotency-key", "k");

    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = gateway.connect().await;
        client.send(keyed.bytes()).await;
        clients.push(client);
    }
    upstream.until("the create", |requests| requests.len() == 1 && requests[0].whole).await;
    gate.open();

    let mut replayed = 0;
    for client in &mut clients {
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.json()["id"].as_str()), (200, Some("video_1")));
        replayed += usize::from(answer.header("x-reelgate-replayed").is_some());
    }
    assert_eq!((upstream.count(), replayed), (1, 4));
}

/// RT22: an error about the request is the answer as well; one about the moment is not.
#[tokio::test]
async fn a_refusal_about_the_request_stands_and_one_about_the_moment_does_not() {
    let bad = r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"bad"}}"#;
    let upstream = Upstream::script(vec![Reply::json(400, bad), Reply::json(429, bad), Reply::job()]).await;
    let gateway = with(&upstream, "[upstreams.main.retry]\nattempts = 1\n").await;

    let stands = first("a cat").with("idempotency-key", "a");
    assert_eq!(gateway.ask(&stands).await.status(), 400);
    assert_eq!(gateway.ask(&stands).await.header("x-reelgate-replayed"), Some("true"));
    let passes = first("a cat").with("idempotency-key", "b");
    assert_eq!(gateway.ask(&passes).await.status(), 429);
    assert_eq!(gateway.ask(&passes).await.status(), 200);
    assert_eq!(upstream.count(), 3);
}

/// RT05, RT22: a key whose first try has no known outcome is never sent again.
#[tokio::test]
async fn a_key_whose_outcome_is_unknown_stays_taken() {
    let upstream = Upstream::script(vec![Reply::default().read().reset(), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    let keyed = first("a cat").with("idempotency-key", "k");
    let lost = gateway.ask(&keyed).await;
    assert_eq!((lost.status(), lost.code().as_deref()), (502, Some("upstream_outcome_unknown")));

    let again = gateway.ask(&keyed).await;

    assert_eq!((again.status(), again.code().as_deref()), (409, Some("create_unresolved")));
    assert_eq!(again.header("x-should-retry"), Some("false"));
    let id = lost.header("x-reelgate-ledger-id").expect("it was written down");
    assert_eq!(again.header("x-reelgate-ledger-id"), Some(id));
    assert!(again.json()["error"]["message"].as_str().expect("a message").contains(id), "{}", again.text());
    assert_eq!(upstream.count(), 1);
}

/// RT22: forms are the same whatever boundary their SDK made up.
#[tokio::test]
async fn a_repeated_form_has_another_boundary_and_is_the_same() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let form = |boundary: &str| {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n--{boundary}--\r\n"
        );
        let kind = format!("multipart/form-data; boundary={boundary}");
        create("").with("idempotency-key", "k").without("content-type").with("content-type", &kind).body(body)
    };
    assert_eq!(gateway.ask(&form("one")).await.status(), 200);
    assert_eq!(gateway.ask(&form("another")).await.header("x-reelgate-replayed"), Some("true"));
}
