//! Job slots: held from a create until its job is seen to have ended.

use std::time::Duration;

use crate::money::{first, with};
use crate::support::gateway::Gateway;
use crate::support::request::{get, request};
use crate::support::upstream::{Reply, Upstream};
use crate::support::within;

const ONE: &str = "[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n";
const IN_USE: &str = "reelgate_slots_in_use{name=\"main\",scope=\"upstream\"}";

fn state(status: &str) -> Reply {
    Reply::json(200, &format!(r#"{{"id":"video_1","object":"video","status":"{status}"}}"#))
}

async fn one_slot(then: Vec<Reply>) -> (Upstream, Gateway) {
    let upstream = Upstream::script([vec![Reply::job()], then].concat()).await;
    let gateway = with(&upstream, ONE).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    (upstream, gateway)
}

/// Waits until the slot is free; whoever frees it tells nobody.
async fn until_free(gateway: &Gateway) {
    within("the slot to be free", async {
        while gateway.metric(IN_USE) > 0.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Video capacity is a limit on running jobs.
#[tokio::test]
async fn a_job_holds_its_slot_until_it_is_seen_to_have_ended() {
    for (last, frees) in [(state("completed"), true), (state("failed"), true), (state("in_progress"), false)]
    {
        let (upstream, gateway) = one_slot(vec![last, Reply::job()]).await;
        let refused = gateway.ask(&first("a dog")).await;
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.json()["error"]["message"], "Too many running tasks");
        assert!(refused.header("retry-after").is_some());
        assert_eq!(upstream.count(), 1, "a refusal never reaches the upstream");

        gateway.ask(&get("/v1/videos/video_1")).await;

        let status = gateway.ask(&first("a dog")).await.status();
        assert_eq!(status, if frees { 200 } else { 429 });
    }
}

/// JO03: the path of a poll names the job, so an answer is about it unless it names another one.
#[tokio::test]
async fn a_job_ends_in_every_shape_and_word_in_which_an_upstream_says_so() {
    for (body, frees) in [
        (r#"{"id":"video_1","status":"SUCCEEDED"}"#, true),
        (r#"{"id":"video_1","status":"budget_exceeded"}"#, true),
        (r#"{"id":"video_1","state":"failed"}"#, true),
        (r#"{"code":"success","message":"","data":{"task_id":"video_1","status":"SUCCESS"}}"#, true),
        (r#"{"output":{"task_id":"video_1","task_status":"CANCELED"},"request_id":"r"}"#, true),
        (r#"{"task_status":"done"}"#, true),
        (r#"{"status":"done","video":{"url":"u"}}"#, true),
        (r#"{"done":true,"error":{"code":3,"message":"no"}}"#, true),
        (r#"{"id":"video_1","status":"cancelling"}"#, false),
        (r#"{"id":"video_1","status":"UNKNOWN"}"#, false),
        (r#"{"id":"video_2","status":"completed"}"#, false),
        (r#"{"status":"success","data":{"status":"processing"}}"#, false),
        (r#"{"status":"error","message":"try again"}"#, false),
        (r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#, false),
    ] {
        let upstream = Upstream::script(vec![Reply::job(), Reply::json(200, body)]).await;
        let gateway = with(&upstream, &format!("{ONE}[jobs]\nwatch = false\n")).await;
        assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.text(), body);
        assert_eq!(gateway.metric(IN_USE) < 1.0, frees, "{body}");
    }
    // Without an id, only a successful answer to a poll counts.
    let ended = r#"{"status":"completed"}"#;
    for (target, status) in [("/v1/videos/video_1/content", 200), ("/v1/videos/video_1", 400)] {
        let upstream = Upstream::script(vec![Reply::job(), Reply::json(status, ended)]).await;
        let gateway = with(&upstream, &format!("{ONE}[jobs]\nwatch = false\n")).await;
        gateway.ask(&first("a cat")).await;
        gateway.ask(&get(target)).await;
        assert!(gateway.metric(IN_USE) > 0.0, "{target} {status}");
    }
}

#[tokio::test]
async fn a_deleted_job_holds_no_slot() {
    let deleted = Reply::json(200, r#"{"id":"video_1","object":"video.deleted","deleted":true}"#);
    let (_upstream, gateway) = one_slot(vec![deleted, Reply::job()]).await;
    gateway.ask(&request("DELETE", "/v1/videos/video_1")).await;
    assert_eq!(gateway.ask(&first("a dog")).await.status(), 200);
}

/// Somebody's 404 says nothing: it may not be theirs to see. The gateway's own question does.
#[tokio::test]
async fn a_job_that_its_upstream_does_not_know_any_more_holds_no_slot() {
    let unknown = Reply::json(404, r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#);
    let (_upstream, gateway) = one_slot(vec![unknown.clone(), Reply::job()]).await;
    assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 404);
    assert_eq!(gateway.ask(&first("a dog")).await.status(), 429);

    let upstream = Upstream::script(vec![Reply::job(), unknown]).await;
    let settings = format!("{ONE}[jobs]\nwatch_after = \"1ms\"\nwatch_interval = \"1ms\"\n");
    let gateway = with(&upstream, &settings).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    until_free(&gateway).await;
}

#[tokio::test]
async fn a_create_that_came_to_nothing_holds_no_slot() {
    let refused = Reply::json(400, r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#);
    let upstream = Upstream::script(vec![refused, Reply::default().read().reset(), Reply::job()]).await;
    let gateway = with(&upstream, ONE).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 400);
    assert_eq!(gateway.ask(&first("a dog")).await.status(), 502);
    assert_eq!(gateway.ask(&first("a bird")).await.status(), 200);
    assert!((gateway.metric(IN_USE) - 1.0).abs() < f64::EPSILON);
}

/// What nobody polls, the gateway polls itself, as its client would.
#[tokio::test]
async fn a_job_that_nobody_polls_is_watched() {
    let upstream = Upstream::script(vec![Reply::job(), state("in_progress"), state("completed")]).await;
    let settings = format!("{ONE}[jobs]\nwatch_after = \"1ms\"\nwatch_interval = \"1ms\"\n");
    let gateway = with(&upstream, &settings).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    until_free(&gateway).await;
    let polls = upstream.requests();
    assert_eq!((polls[1].method(), polls[1].target()), ("GET", "/v1/videos/video_1"));
    assert_eq!(polls[1].header("authorization"), Some("Bearer sk-test"));
}

/// A slot outlives the process: the job does.
#[tokio::test]
async fn slots_are_rebuilt_from_the_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!("{ONE}[ledger]\npath = \"{}\"\n", folder.path().join("ledger.db").display());
    let upstream = Upstream::script(vec![Reply::job(), state("completed"), Reply::job()]).await;
    let gateway = with(&upstream, &settings).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    gateway.stop().await;

    let next = with(&upstream, &settings).await;
    assert_eq!(next.ask(&first("a dog")).await.status(), 429);
    next.ask(&get("/v1/videos/video_1")).await;
    assert_eq!(next.ask(&first("a dog")).await.status(), 200);
}
