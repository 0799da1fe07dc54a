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

/// ME03: whoever asks, and however often.
#[tokio::test(start_paused = true)]
async fn a_job_is_counted_once_in_each_state_also_by_the_next_process() {
    let metrics = Metrics::new().expect("metrics");
    let (store, settings) = (Arc::new(MemoryStore::new(Duration::MAX)), Settings::default());
    let ledger = Ledger::over(Arc::<MemoryStore>::clone(&store), &settings, "one".into(), &metrics);
    for job in ["video_1", "video_2", "video_3"] {
        ledger.under_way(first_try(job)).await.settle(took(job)).await;
    }
    ledger.under_way(first_try("refused")).await.settle(said(400)).await;
    let character = Intent { operation: Operation::Character, ..first_try("character") };
    ledger.under_way(character).await.settle(took("char_1").without_job()).await;
    assert_eq!(ledger.jobs_unfinished(), 3);

    // What the next process sees, it counts as well; what it costs stands in the store.
    let next = Ledger::over(store, &settings, "two".into(), &metrics);
    assert_eq!(next.unfinished(Duration::from_secs(60)).await.expect("jobs").len(), 3, "a character is none");
    for _ in 0..100 {
        next.job_seen(&seen(r#"{"id":"video_1","status":"in_progress"}"#));
        next.job_seen(&seen(r#"{"id":"video_2","status":"completed"}"#));
        next.job_seen(&seen(r#"{"id":"video_3","status":"failed"}"#));
        next.job_deleted("video_2");
    }
    next.job_deleted("video_1");
    let page = String::from_utf8(metrics.page(|_| ())).expect("UTF-8");
    for series in [
        "jobs_total{model=\"sora-2\",state=\"submitted\"} 3",
        "jobs_total{model=\"sora-2\",state=\"completed\"} 1",
        "jobs_total{model=\"sora-2\",state=\"failed\"} 1",
        "jobs_total{model=\"sora-2\",state=\"deleted\"} 1",
        "video_seconds_total{model=\"sora-2\",stage=\"requested\"} 24",
        "video_seconds_total{model=\"sora-2\",stage=\"completed\"} 8",
        "video_cost_total{model=\"sora-2\",stage=\"completed\"} 0.8",
        "job_duration_seconds_count{model=\"sora-2\",state=\"completed\"} 1",
    ] {
        assert!(page.contains(&format!("reelgate_{series}\n")), "{series} in {page}");
    }
}
