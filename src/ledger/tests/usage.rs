//! What each client has had made, over each store.

use std::collections::HashMap;
use std::time::Duration;

use super::stores::{ever, now, record, settled, stores};
use super::*;
use crate::budget::{Amount, Period};
use crate::ledger::record::{Fault, JobStatus, LedgerIds};
use crate::ledger::settlement::JobView;
use crate::ledger::sqlite::SqliteStore;
use crate::ledger::store::{Note, Noted};
use crate::ledger::time::Timestamp;
use crate::money::Money;

/// The first moment of this day.
fn today() -> Timestamp {
    Period::Day.at(now().system()).start.into()
}

/// As many calls of the usual kind.
fn calls(number: u64) -> Amount {
    Amount { requests: number, seconds: 8 * number, money: Money(800_000 * number) }
}

async fn used(store: &Arc<dyn Store>) -> Amount {
    let usage = store.usage(today()).await.expect("usage");
    usage.get("team").copied().unwrap_or_default()
}

/// Notes how far the job has come.
async fn seen(store: &Arc<dyn Store>, job: &str, status: JobStatus) {
    let what = Noted::Job { id: job.into(), status, fault: Fault::default() };
    store.note(Note { at: now(), what }).await.expect("noted");
}

#[tokio::test]
async fn a_call_counts_from_its_record_until_it_came_to_nothing() {
    for (name, store, _kept) in stores() {
        let took_a_job = record(first_try("1"));
        store.insert(took_a_job.clone(), ever()).await.expect("inserted");
        assert_eq!(used(&store).await, calls(1), "{name}: it may be made any moment");
        store.settle(took_a_job.id, settled(took("video_1"))).await.expect("settled");

        let refused = record(first_try("2"));
        store.insert(refused.clone(), ever()).await.expect("inserted");
        assert_eq!(used(&store).await, calls(2), "{name}");
        store.settle(refused.id, settled(said(429))).await.expect("settled");
        assert_eq!(used(&store).await, calls(1), "{name}");

        let unknown = record(first_try("3"));
        store.insert(unknown.clone(), ever()).await.expect("inserted");
        store.settle(unknown.id, settled(said(500))).await.expect("settled");
        assert_eq!(used(&store).await, calls(2), "{name}");

        seen(&store, "video_1", JobStatus::InProgress).await;
        assert_eq!(used(&store).await, calls(2), "{name}");
        for _ in 0..2 {
            seen(&store, "video_1", JobStatus::Failed).await;
            assert_eq!(used(&store).await, calls(1), "{name}: once");
        }
    }
}

#[tokio::test]
async fn each_client_and_each_day_counts_for_itself() {
    for (name, store, _kept) in stores() {
        let yesterday = Timestamp(today().0 - 1);
        for (client, at) in [("team", today()), ("other", now()), ("team", yesterday), ("team", now())] {
            let intent = Intent { client: client.into(), ..first_try("{}") };
            let record = Record { id: LedgerIds::default().next(at), at, ..record(intent) };
            store.insert(record, ever()).await.expect("inserted");
        }
        let expected =
            |team| HashMap::from([(Arc::from("team"), calls(team)), (Arc::from("other"), calls(1))]);
        assert_eq!(store.usage(today()).await, Ok(expected(2)), "{name}");
        let two_days = today().before(Duration::from_hours(24));
        assert_eq!(store.usage(two_days).await, Ok(expected(3)), "{name}");
    }
}

/// A failed job that is deleted afterwards was not paid for either.
#[tokio::test]
async fn a_failed_job_is_not_counted_again_for_being_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = file(&folder.path().join("ledger.db"));
    let record = record(first_try("1"));
    store.insert(record.clone(), ever()).await.expect("inserted");
    store.settle(record.id, settled(took("video_1"))).await.expect("settled");
    for status in [JobStatus::Failed, JobStatus::Deleted, JobStatus::Failed] {
        seen(&store, "video_1", status).await;
        assert_eq!(used(&store).await, calls(0), "{status:?}");
    }
}

/// What a restart counts is what the file says, also of calls that a dead process left open.
#[tokio::test]
async fn usage_outlives_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let store = file(&path);
    store.insert(record(first_try("1")), ever()).await.expect("inserted");
    drop(store);
    assert_eq!(used(&file(&path)).await, calls(1), "it may have been made");
}

/// Several look at a job at the same time, and its failure is told to one of them.
#[tokio::test]
async fn a_failure_is_yielded_once() {
    let ledger = ledger();
    ledger.under_way(first_try("1")).await.settle(took("video_1")).await;
    let view =
        |status| JobView { id: Some("video_1".to_owned()), status: Some(status), ..JobView::default() };
    assert_eq!(ledger.job_seen(&view(JobStatus::InProgress)), None);
    let failed = ledger.job_seen(&view(JobStatus::Failed)).expect("the first time");
    assert_eq!((&*failed.charge().key, failed.charge().amount), ("team", calls(1)));
    assert_eq!(ledger.job_seen(&view(JobStatus::Failed)), None);
    // Whoever asks the store meanwhile does not bring back what it said before.
    assert_eq!(ledger.job("video_1").await.map(|job| job.status), Some(JobStatus::Failed));
}

fn file(path: &std::path::Path) -> Arc<dyn Store> {
    let settings = Settings { path: path.to_owned(), ..Settings::default() };
    Arc::new(SqliteStore::open(&settings).expect("a file"))
}
