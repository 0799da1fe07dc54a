//! Where jobs are.

use std::time::Duration;

use super::*;
use crate::ledger::record::JobStatus;
use crate::ledger::settlement::JobView;

fn seen(body: &str) -> JobView {
    JobView::read(body.as_bytes()).expect("an object")
}

#[tokio::test(start_paused = true)]
async fn a_job_is_found_at_its_upstream_also_by_the_next_process() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    let next = over(Arc::clone(&ledger.0.store), &Settings::default());
    for ledger in [ledger, next] {
        let found = place(ledger.job("video_1").await);
        assert_eq!(found, Some(("video_1".to_owned(), "main".to_owned())));
        assert_eq!(ledger.job("video_2").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_unfinished_until_somebody_sees_its_end() {
    let ledger = ledger();
    for job in ["video_1", "video_2", "video_3"] {
        ledger.under_way(first_try(job)).await.settle(took(job)).await;
    }
    ledger.job_seen(&seen(r#"{"id":"video_1","status":"in_progress"}"#));
    ledger.job_seen(&seen(
        r#"{"id":"video_2","status":"failed","error":{"code":"moderation_blocked","message":"Blocked."}}"#,
    ));
    ledger.job_deleted("video_3");
    let jobs = ledger.unfinished(Duration::from_secs(60)).await.expect("jobs");
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!((&*jobs[0].id, jobs[0].status), ("video_1", JobStatus::InProgress));

    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(ledger.unfinished(Duration::from_secs(60)).await, Ok(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn why_a_job_failed_stands_in_its_record_and_its_end_is_final() {
    let ledger = ledger();
    let open = ledger.under_way(first_try("{}")).await;
    let id = open.id().clone();
    open.settle(took("video_1")).await;
    ledger.job_seen(&seen(r#"{"id":"video_1","status":"failed","error":{"code":"c","message":"m"}}"#));
    ledger.job_seen(&seen(r#"{"id":"video_1","status":"in_progress","error":null}"#));
    let outcome = ledger.record_of(&id).await.outcome;
    assert_eq!(outcome.job_status, Some(JobStatus::Failed));
    assert_eq!((outcome.fault.code.as_deref(), outcome.fault.message.as_deref()), (Some("c"), Some("m")));
}
