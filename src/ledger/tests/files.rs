//! What only a file does.

use std::path::Path;
use std::time::Duration;

use super::servers::until;
use super::*;
use crate::config::ledger::{StoreKind, Sync};
use crate::ledger::archive::{Archive, Filter};
use crate::ledger::record::State;
use crate::ledger::sqlite::FileArchive;
use crate::request_id::RequestId;

fn settings(path: &Path) -> Settings {
    // The disk's own speed is not what is tested.
    Settings { path: path.to_owned(), sync: Sync::Normal, ..Settings::default() }
}

fn open(settings: &Settings) -> Ledger {
    Ledger::open(settings, &Metrics::new().expect("metrics")).expect("a ledger")
}

#[tokio::test]
async fn a_key_counts_for_the_next_process_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("ledger.db"));
    open(&settings).under_way(keyed("k", "{}")).await.settle(took("video_1")).await;
    let next = open(&settings);
    assert_eq!(job_id(&next.replayed(keyed("k", "{}")).await), "video_1");
    assert_eq!(place(next.job("video_1").await), Some(("video_1".to_owned(), "main".to_owned())));
}

/// What one has under way, another one waits for.
#[tokio::test]
async fn two_processes_share_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("ledger.db"));
    let (one, other) = (open(&settings), open(&settings));
    let call = one.under_way(keyed("k", "{}")).await;
    let twin = tokio::spawn(other.twin(keyed("k", "{}")).await.outcome());
    call.settle(took("video_1")).await;
    assert_eq!(job_id(&replay_of(twin.await.expect("no panic").expect("an answer"))), "video_1");

    // A third one does not take what the first still has under way for lost.
    let call = one.under_way(first_try("{}")).await;
    let third = open(&settings);
    assert_eq!(third.record_of(call.id()).await.outcome.state, State::Open);
    call.settle(took("video_2")).await;
}

#[tokio::test]
async fn many_calls_at_once_are_all_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("ledger.db"));
    let ledger = open(&settings);
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let call = ledger.under_way(first_try("{}")).await;
                call.settle(took(&format!("video_{number}"))).await;
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic");
    }
    drop(ledger);
    let mut archive = FileArchive::open(&settings.path).expect("a file");
    let filter = Filter { state: Some(State::Accepted), limit: 1000, ..Filter::default() };
    assert_eq!(archive.list(&filter).expect("records").len(), 200);
}

#[tokio::test]
async fn a_store_that_hangs_refuses_calls_before_they_are_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(&folder.path().join("ledger.db"));
    settings.timeout = Duration::from_millis(100);
    let ledger = open(&settings);
    let hog = rusqlite::Connection::open(&settings.path).expect("a connection");
    hog.execute_batch("BEGIN IMMEDIATE").expect("the lock");

    let mut call = ledger.fresh(first_try("{}")).await;
    assert_eq!(call.record(details()).await.err(), Some(Rejection::LedgerUnavailable));
    drop(call);
    hog.execute_batch("COMMIT").expect("released");
    // It is over as soon as the hindrance is, and the repeat is a call like any other.
    let call = ledger.under_way(repeat("{}")).await;
    call.settle(took("video_1")).await;
    let open = Filter { state: Some(State::Open), limit: 10, ..Filter::default() };
    assert_eq!(FileArchive::open(&settings.path).expect("a file").list(&open).expect("records"), []);
}

/// The answer goes to the client all the same, so the record must follow.
#[tokio::test]
async fn an_outcome_that_could_not_be_written_is_written_once_it_can_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(&folder.path().join("ledger.db"));
    settings.timeout = Duration::from_millis(100);
    let ledger = open(&settings);
    let call = ledger.under_way(first_try("{}")).await;
    let id = call.id().clone();
    let hog = rusqlite::Connection::open(&settings.path).expect("a connection");
    hog.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    call.settle(took("video_1")).await;
    // The job is known all the same.
    assert!(ledger.job("video_1").await.is_some());
    hog.execute_batch("COMMIT").expect("released");

    ledger.under_way(first_try("{}")).await.settle(took("video_2")).await;
    drop(ledger);
    assert_eq!(open(&settings).record_of(&id).await.outcome.job_id.as_deref(), Some("video_1"));
}

/// Whatever fails again is tried again, also if no other call comes.
#[tokio::test]
async fn an_outcome_is_tried_again_until_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings =
        Settings { timeout: Duration::from_millis(100), ..settings(&folder.path().join("ledger.db")) };
    let ledger = open(&settings);
    let call = ledger.under_way(first_try("{}")).await;
    let dropped = ledger.under_way(first_try("{}")).await;
    let ids = [call.id().clone(), dropped.id().clone()];
    let hog = rusqlite::Connection::open(&settings.path).expect("a connection");
    hog.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    call.settle(took("video_1")).await;
    drop(dropped);
    let unwritten = async |number: usize| {
        while ledger.unwritten().len() != number {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    unwritten(2).await;
    for _ in 0..3 {
        ledger.try_unwritten().await;
        assert_eq!(ledger.unwritten().len(), 2);
    }
    hog.execute_batch("COMMIT").expect("released");
    ledger.try_unwritten().await;
    unwritten(0).await;
    drop(ledger);

    let mut archive = FileArchive::open(&settings.path).expect("a file");
    let mut states = || ids.each_ref().map(|id| archive.find(id.as_str()).expect("records")[0].outcome.state);
    while states().contains(&State::Open) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(states(), [State::Accepted, State::Unknown]);
}

#[tokio::test]
async fn old_records_and_answers_are_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("ledger.db"));
    let ledger = open(&settings);
    ledger.under_way(first_try("a")).await.settle(said(400)).await;
    for body in ["b", "c"] {
        ledger.under_way(first_try(body)).await.settle(took(body)).await;
    }
    drop(ledger);
    let by_hand = rusqlite::Connection::open(&settings.path).expect("a connection");
    // Ids have the time too.
    let age = "UPDATE calls SET at = at - 91 * 86400000, id = printf('lg_%012x', at - 91 * 86400000) || id \
               WHERE job_id IS NULL; \
               UPDATE answers SET at = at - 2 * 86400000; UPDATE tries SET minute = minute - 2 * 1440";
    by_hand.execute_batch(age).expect("aged");

    let ledger = open(&settings);
    // The chore comes before the first question.
    ledger.under_way(first_try("d")).await.settle(took("d")).await;
    let count = |sql: &str| by_hand.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    assert_eq!(count("SELECT count(*) FROM calls"), 3);
    assert_eq!(count("SELECT count(*) FROM answers"), 1, "only the new one");
    assert_eq!(count("SELECT count(*) FROM tries"), 1, "what a repeat may be of");
}

/// OW01: a client still reaches its video of last year.
#[tokio::test]
async fn the_record_of_a_job_outlives_the_others_until_its_client_deletes_it() {
    const DAY: Duration = Duration::from_hours(24);
    for (keep_jobs, left) in [(None, 700), (Some(91 * DAY), 0)] {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { keep_jobs, ..settings(&folder.path().join("ledger.db")) };
        let ledger = open(&settings);
        ledger.under_way(first_try("a")).await.settle(took("a")).await;
        ledger.under_way(first_try("b")).await.settle(took("b")).await;
        ledger.job_deleted("b");
        drop(ledger);
        let by_hand = rusqlite::Connection::open(&settings.path).expect("a connection");
        let age = "UPDATE calls SET at = at - 92 * 86400000, id = printf('lg_%012x', at - 92 * 86400000)";
        by_hand.execute(&format!("{age} || substr(id, 16)"), []).expect("aged");
        // More than are looked through at once, whose jobs are all there.
        let more = "CREATE TEMP TABLE one AS SELECT * FROM calls WHERE job_id = 'a'";
        by_hand.execute(more, []).expect("a copy");
        for number in 1..700 {
            let next =
                "UPDATE one SET at = at - 1, id = printf('lg_%012x', at - 1) || substr(id, 16), job_id = ?1";
            by_hand.execute(next, [format!("a{number}")]).expect("another one");
            by_hand.execute("INSERT INTO calls SELECT * FROM one", []).expect("another one");
        }

        let ledger = open(&settings);
        let count = || {
            let sql = "SELECT count(*) FROM calls WHERE at < unixepoch('now', '-1 day') * 1000";
            by_hand.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number")
        };
        let has_deleted = || {
            let sql = "SELECT count(*) FROM calls WHERE job_id = 'b'";
            by_hand.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") == 0
        };
        until("the old ones to be deleted", async || has_deleted() && count() == left).await;
        assert_eq!(ledger.job("a").await.is_some(), keep_jobs.is_none());
    }
}

#[tokio::test]
async fn the_view_is_for_reading_by_hand() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("ledger.db"));
    open(&settings).under_way(first_try("{}")).await.settle(took("video_1")).await;
    let by_hand = rusqlite::Connection::open(&settings.path).expect("a connection");
    let (at, job): (String, String) = by_hand
        .query_row("SELECT at, job_id FROM ledger", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("a row");
    assert!(at.ends_with('Z') && at.len() == 24, "{at}");
    assert_eq!(job, "video_1");
}

/// By what stands in every log line and answer.
#[tokio::test]
async fn a_call_is_found_by_the_id_of_its_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("ledger.db"));
    let ledger = open(&settings);
    let (id, older) = (RequestId::random(), "req_older");
    for request_id in [id.as_str(), older] {
        let mut call = ledger.fresh(first_try("{}")).await;
        let details = Details { request_id: request_id.to_owned(), ..details() };
        call.record(details).await.expect("recorded");
        call.settle(took("video_1")).await;
    }
    let mut archive = FileArchive::open(&settings.path).expect("a file");
    for request_id in [id.as_str(), older] {
        let found = archive.find(request_id).expect("records");
        assert_eq!(found.iter().map(|record| &*record.details.request_id).collect::<Vec<_>>(), [request_id]);
    }
    assert_eq!(archive.find(RequestId::random().as_str()), Ok(Vec::new()));
}

#[test]
fn a_file_that_cannot_be_made_ends_the_start_with_the_key_to_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("missing/ledger.db"));
    let error = Ledger::open(&settings, &Metrics::new().expect("metrics")).expect_err("no folder");
    assert!(error.to_string().starts_with("ledger.path: "), "{error}");
    let memory = Settings { store: StoreKind::Memory, ..settings };
    Ledger::open(&memory, &Metrics::new().expect("metrics")).expect("no file is needed");
}

#[test]
fn a_file_that_is_no_ledger_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "These are my notes, and there are many of them. ".repeat(100)).expect("written");
    let error = Ledger::open(&settings(&path), &Metrics::new().expect("metrics")).expect_err("no ledger");
    assert!(error.to_string().contains("notes.txt cannot be used"), "{error}");
    assert!(std::fs::read_to_string(&path).expect("still there").starts_with("These are my notes"));
}
