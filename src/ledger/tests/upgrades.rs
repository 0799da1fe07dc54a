//! Files of older versions come up to date: what they say is said afterwards, and by less.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::stores::{EVER, ever, now, record};
use super::*;
use crate::budget::Amount;
use crate::ledger::archive::{Archive, Filter};
use crate::ledger::record::{Fault, JobStatus, LedgerIds, State};
use crate::ledger::sqlite::{FileArchive, SqliteStore};
use crate::ledger::store::{Note, Noted};
use crate::ledger::time::Timestamp;
use crate::money::Money;

/// The tables as each version made them, and calls that it wrote: three a minute ago (accepted, refused, unknown) and
/// one that was accepted 40 days ago.
const OLDER: [(&str, &str); 2] = [("1", include_str!("schemas/1.sql")), ("2", include_str!("schemas/2.sql"))];

const CALL: &str = "
    INSERT INTO calls VALUES (
        printf('lg_%012x', :at) || '0123456789abcdef0123', :at, :at, 'team', 'create', :fingerprint, NULL, 0, 'main',
        'sora-2', 8, '1280x720', 0.8, 'req_0123456789abcdef0123456789abcdef', 'POST /v1/videos',
        '[[\"user-agent\",\"a\"]]', 7, :state, 1, 200, :job, :job_status, 'req_up', NULL, NULL, 'there', 0, 0
    )";
const DAY: i64 = 86_400_000;

/// A file of an older version, and when its young calls were made.
fn older(folder: &Path, schema: &str) -> (PathBuf, i64) {
    let path = folder.join("ledger.db");
    let file = Connection::open(&path).expect("a file");
    file.execute_batch(schema).expect("its tables");
    let at = now().0 - 60_000;
    let calls = [
        (at - 40 * DAY, "old", "accepted", Some("video_0")),
        (at, "{}", "accepted", Some("video_1")),
        (at + 1, "[]", "refused", None),
        (at + 2, "1", "unknown", None),
    ];
    for (at, body, state, job) in calls {
        let fingerprint = fingerprint(body);
        let job_status = job.map(|_| "queued");
        file.execute(CALL, rusqlite::named_params! {
            ":at": at, ":fingerprint": fingerprint.as_str(), ":state": state, ":job": job, ":job_status": job_status,
        })
        .expect("a call");
    }
    let answer = "INSERT INTO answers SELECT id, at, '[]', x'7b7d' FROM calls WHERE job_id = 'video_1'";
    file.execute(answer, []).expect("an answer");
    (path, at)
}

fn file(path: &Path) -> Result<SqliteStore, crate::ledger::Unopened> {
    SqliteStore::open(&Settings { path: path.to_owned(), ..Settings::default() })
}

/// RT29: what an older version has made, a newer one does not make again.
#[tokio::test]
async fn what_an_older_version_wrote_is_found_by_a_newer_one() {
    for (version, schema) in OLDER {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, at) = older(folder.path(), schema);
        let store = file(&path).expect("up to date");
        let id = |at: i64| LedgerIds::default().next(Timestamp(at)).as_str()[..15].to_owned();
        for (body, at, state) in
            [("{}", at, State::Accepted), ("[]", at + 1, State::Refused), ("1", at + 2, State::Unknown)]
        {
            let (client, fingerprint) = ("team".into(), fingerprint(body));
            let tries =
                store.records(Which::Request { client, fingerprint, since: EVER }).await.expect("tries");
            assert_eq!(tries.len(), 1, "{version}: {body}");
            assert!(
                tries[0].outcome.state == state && tries[0].id.as_str().starts_with(&id(at)),
                "{version}"
            );
        }
        let accepted = store.jobs("video_1").await.expect("an answer").remove(0);
        assert_eq!(
            (accepted.since, store.jobs("video_0").await.expect("an answer").len() == 1),
            (Timestamp(at), true)
        );
        let mut records = FileArchive::open(&path).expect("a file");
        let found = records.find("video_1").expect("records");
        assert!(records.answer(&found[0].id).expect("an answer").is_some(), "{version}");
        assert_eq!(
            records.find("req_0123456789abcdef0123456789abcdef").expect("records").len(),
            4,
            "{version}"
        );
        assert_eq!(records.list(&Filter { limit: 10, ..Filter::default() }).expect("records").len(), 4);
        let again = store.insert(record(repeat("{}")), ever()).await;
        assert_eq!(again, Ok(Some(found[0].id.clone())), "{version}");
    }
}

#[tokio::test]
async fn what_an_older_version_counted_is_counted_once() {
    for (version, schema) in OLDER {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, at) = older(folder.path(), schema);
        let store = file(&path).expect("up to date");
        let used = async || {
            let usage = store.usage(Timestamp(at)).await.expect("usage");
            usage.get("team").copied().unwrap_or_default()
        };
        let calls = |number| Amount { requests: number, seconds: 8 * number, money: Money(800_000 * number) };
        assert_eq!(used().await, calls(2), "{version}");
        let what = Noted::Job { id: "video_1".into(), status: JobStatus::Failed, fault: Fault::default() };
        store.note(Note { at: now(), what }).await.expect("noted");
        assert_eq!(used().await, calls(1), "{version}");
    }
}

/// It would not write what a newer one looks for.
#[tokio::test]
async fn a_file_is_left_alone_while_an_older_version_has_it_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = older(folder.path(), OLDER[1].1);
    let lock = std::fs::File::create(folder.path().join("ledger.db.lock")).expect("a lock");
    lock.lock_shared().expect("as a process has it");
    let error = file(&path).expect_err("a refusal");
    assert!(error.to_string().contains("end that one first"), "{error}");
    drop(lock);
    file(&path).expect("up to date");
    file(&path).expect("and stays so");
}
