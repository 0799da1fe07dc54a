//! Creates that the SDK asks again by itself, without a key: told by `x-stainless-retry-count` and their content.

use std::time::Duration;

use crate::money::{again, first, job, with};
use crate::support::gateway::Gateway;
use crate::support::request::get;
use crate::support::upstream::{Gate, Reply, Upstream};
use crate::support::within;

/// RT29: a first try whose outcome is open is awaited, not repeated.
#[tokio::test]
async fn a_repeat_of_an_open_try_gets_its_answer() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(job())).await;
    let gateway = Gateway::over(&upstream).await;
    let mut gone = gateway.connect().await;
    gone.send(first("a cat").bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    drop(gone);

    let mut client = gateway.connect().await;
    client.send(again("a cat").bytes()).await;
    // It waits: nothing comes upstream, and nothing comes back.
    assert!(tokio::time::timeout(Duration::from_millis(100), client.answer()).await.is_err());
    gate.open();

    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.header("x-reelgate-replayed")), (200, Some("true")));
    assert_eq!(upstream.count(), 1);
}

/// RT29: one whose outcome stays unknown ends in an error that says where to look.
#[tokio::test]
async fn a_repeat_of_a_lost_try_is_told_so_and_not_made() {
    let upstream = Upstream::script(vec![Reply::default().read().reset(), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    gateway.ask(&first("a cat")).await;

    let told = gateway.ask(&again("a cat")).await;

    assert_eq!((told.status(), told.code().as_deref()), (409, Some("create_unresolved")));
    assert_eq!(told.header("x-should-retry"), Some("false"));
    assert_eq!(upstream.count(), 1);
}

/// RT29: a repeat of a try that was answered, but whose answer did not arrive, gets that answer.
#[tokio::test]
async fn a_repeat_of_an_accepted_try_gets_its_answer() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    gateway.ask(&first("a cat")).await;
    let answer = gateway.ask(&again("a cat")).await;
    assert_eq!((answer.status(), answer.header("x-reelgate-replayed")), (200, Some("true")));
    assert_eq!(upstream.count(), 1);
}

/// Whoever asks twice on purpose gets two videos, and what was refused may be asked again.
#[tokio::test]
async fn as_many_jobs_as_calls_and_never_more() {
    let busy = Reply::json(429, r#"{"error":{"message":"busy","type":"requests","param":null,"code":null}}"#);
    let upstream = Upstream::script(vec![Reply::job(), busy, Reply::job(), Reply::job()]).await;
    let gateway = with(&upstream, "[upstreams.main.retry]\nattempts = 1\n").await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 429);

    // The repeat of the refused call, and not of the other.
    let repeated = gateway.ask(&again("a cat")).await;
    assert_eq!((repeated.status(), repeated.header("x-reelgate-replayed")), (200, None));
    assert_eq!(upstream.count(), 3);
    // Two calls, two jobs: a third would be one too many.
    assert_eq!(gateway.ask(&again("a cat")).await.header("x-reelgate-replayed"), Some("true"));
    assert_eq!(upstream.count(), 3);
}

/// Another request is no repeat, nor is the same one of another client.
#[tokio::test]
async fn only_the_same_request_of_the_same_client_is_a_repeat() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    gateway.ask(&first("a cat")).await;
    assert_eq!(gateway.ask(&again("a dog")).await.header("x-reelgate-replayed"), None);
    let other = again("a cat").without("authorization").with("authorization", "Bearer sk-other");
    assert_eq!(gateway.ask(&other).await.header("x-reelgate-replayed"), None);
    assert_eq!(upstream.count(), 3);
}

/// RT29, and a crash: what one process wrote down, the next one knows.
#[tokio::test]
async fn the_next_process_knows_what_the_last_one_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = format!("[ledger]\npath = \"{}\"\n", folder.path().join("ledger.db").display());
    let upstream = Upstream::script(vec![Reply::job(), Reply::default().read().reset(), Reply::job()]).await;
    let gateway = with(&upstream, &ledger).await;
    let answered = gateway.ask(&first("a cat")).await;
    let lost = gateway.ask(&first("a dog")).await;
    assert_eq!((answered.status(), lost.status()), (200, 502));
    gateway.stop().await;

    let next = with(&upstream, &ledger).await;
    let cat = next.ask(&again("a cat")).await;
    assert_eq!((cat.status(), &cat.body), (200, &answered.body));
    assert_eq!(next.ask(&again("a dog")).await.code().as_deref(), Some("create_unresolved"));
    assert_eq!(upstream.count(), 2);
}

/// SD07, RT25: a process that ends while a create is under way answers its client all the same.
#[tokio::test]
async fn a_create_that_outlasts_the_drain_is_answered_before_its_end() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let toml =
        "presets = [\"openai\"]\n[server]\ndrain = \"500ms\"\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let gateway = Gateway::start(&upstream, toml).await;
    let mut client = gateway.connect().await;
    client.send(first("a cat").bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;

    let stopping = tokio::spawn(gateway.stop());
    let answer = client.answer().await;

    assert_eq!((answer.status(), answer.code().as_deref()), (504, Some("upstream_outcome_unknown")));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert!(answer.header("x-reelgate-ledger-id").is_some());
    within("the end", stopping).await.expect("no panic");
}

/// Reading costs nothing, and is not written down.
#[tokio::test]
async fn a_read_has_no_record() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let answer = gateway.ask(&get("/v1/videos/video_1").with("idempotency-key", "k")).await;
    assert_eq!(answer.header("x-reelgate-ledger-id"), None);
}
