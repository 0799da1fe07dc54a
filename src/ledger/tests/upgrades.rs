//! Files of older versions come up to date: what they say is said afterwards, and by less.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::stores::{EVER, ever, now, record};
use super::*;
use crate::budget::Amount;
use crate::ledger::archive::{Archive, Filter};
use crate::ledger::owners::{Found, Owners};
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
        let found = async |id| match store.job(id, Owners::Everybody).await.expect("an answer") {
            Found::Owned(job) => job,
            other @ (Found::Foreign | Found::Unknown) => panic!("{version}: {id}: {other:?}"),
        };
        assert_eq!(found("video_1").await.since, Timestamp(at));
        assert_eq!(found("video_0").await.since, Timestamp(at - 40 * DAY), "a job outlives other records");
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

/// Names in a folder, but for those of the lock and of what SQLite keeps beside a file.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> =
        names.filter(|name| !["-wal", "-shm", ".lock"].iter().any(|end| name.ends_with(end))).collect();
    names.sort();
    names
}

/// How many calls are in a file, and by which version of the tables.
fn held(path: &Path) -> (i64, i64) {
    let file = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a file");
    let number = |sql: &str| file.query_row(sql, [], |row| row.get(0)).expect("a number");
    (number("SELECT count(*) FROM calls"), number("PRAGMA user_version"))
}

/// The name of the copy that a file is kept under before it is brought up to date.
fn backup_name() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    drop(file(&folder.path().join("ledger.db")).expect("a new file"));
    assert_eq!(names(folder.path()), ["ledger.db"], "a new file needs no copy");
    let (_, newest) = held(&folder.path().join("ledger.db"));
    format!("ledger.db.before-schema-{newest}")
}

#[test]
fn an_older_file_is_copied_before_it_is_brought_up_to_date() {
    use std::os::unix::fs::PermissionsExt;
    for (version, schema) in OLDER {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, _) = older(folder.path(), schema);
        drop(file(&path).expect("up to date"));
        let backup = folder.path().join(backup_name());
        assert_eq!(names(folder.path()), ["ledger.db".to_owned(), backup_name()]);
        assert_eq!(held(&backup), (4, version.parse().expect("a number")));
        let mode = std::fs::metadata(&backup).expect("a copy").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds what the ledger holds");

        drop(file(&path).expect("nothing is left to do"));
        assert_eq!(names(folder.path()), ["ledger.db".to_owned(), backup_name()]);
    }
}

/// The operator went back to the older version, and comes again: both copies may be needed.
#[test]
fn a_copy_of_an_earlier_upgrade_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = older(folder.path(), OLDER[1].1);
    std::fs::write(folder.path().join(backup_name()), "of an earlier upgrade").expect("a file");
    drop(file(&path).expect("up to date"));
    let second = format!("{}-2", backup_name());
    assert_eq!(names(folder.path()), ["ledger.db".to_owned(), backup_name(), second.clone()]);
    let first = std::fs::read_to_string(folder.path().join(backup_name())).expect("still there");
    assert_eq!((first.as_str(), held(&folder.path().join(second)).0), ("of an earlier upgrade", 4));
}

#[test]
fn an_interrupted_upgrade_is_made_good_at_the_next_start() {
    let unfinished = format!("{}.unfinished", backup_name());
    // While the copy was written: it is half a file, and is made anew.
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = older(folder.path(), OLDER[1].1);
    std::fs::write(folder.path().join(&unfinished), "half a file").expect("a file");
    drop(file(&path).expect("up to date"));
    assert_eq!(names(folder.path()), ["ledger.db".to_owned(), backup_name()]);
    assert_eq!(held(&folder.path().join(backup_name())).0, 4);

    // After the tables were changed, and before the copy got its name.
    std::fs::rename(folder.path().join(backup_name()), folder.path().join(&unfinished)).expect("renamed");
    drop(file(&path).expect("up to date"));
    assert_eq!(names(folder.path()), ["ledger.db".to_owned(), backup_name()]);
    assert_eq!(held(&folder.path().join(backup_name())), (4, 2));
}

#[test]
fn a_file_that_cannot_be_copied_is_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = older(folder.path(), OLDER[1].1);
    let in_its_way = folder.path().join(format!("{}.unfinished", backup_name()));
    std::fs::create_dir(&in_its_way).expect("a folder");
    let error = file(&path).expect_err("a refusal").to_string();
    let expected = format!("no backup of it can be written to {}: ", in_its_way.display());
    assert!(error.contains(&expected) && error.ends_with("KiB of room there)"), "{error}");
    assert_eq!(held(&path), (4, 2), "it is as it was");
    std::fs::remove_dir(&in_its_way).expect("out of the way");
    file(&path).expect("up to date");
}

/// All of it or nothing, so that the copy and the file always belong together.
#[test]
fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = older(folder.path(), OLDER[1].1);
    let by_hand = Connection::open(&path).expect("a file");
    by_hand.execute_batch("CREATE TABLE tries (whatever TEXT)").expect("a table in the way");
    let error = file(&path).expect_err("a refusal").to_string();
    assert!(error.contains("tries"), "{error}");
    assert_eq!((held(&path), names(folder.path())), ((4, 2), vec!["ledger.db".to_owned()]));
}

#[test]
fn a_database_of_another_application_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("contacts.db");
    for (other, told) in [
        ("CREATE TABLE people (name TEXT)", "(tables: people)"),
        // It has a table of the name of one of ours.
        ("CREATE TABLE calls (number TEXT); PRAGMA user_version = 3", "(tables: calls)"),
        (
            "PRAGMA application_id = 0x47504b47; CREATE TABLE gpkg_contents (a)",
            "(application_id 0x47504b47, \"GPKG\"; tables: gpkg_contents)",
        ),
        ("PRAGMA user_version = 7", "(it has no tables)"),
    ] {
        let _ = std::fs::remove_file(&path);
        Connection::open(&path).expect("a file").execute_batch(other).expect("its tables");
        let before = std::fs::read(&path).expect("a file");
        let error = file(&path).expect_err("a refusal").to_string();
        let expected = format!(
            "ledger.path: {} cannot be used: it is a database of another application {told}, and is left as it is \
             (name a file of the ledger's own)",
            path.display()
        );
        assert_eq!(error, expected);
        assert!(std::fs::read(&path).expect("a file") == before, "{other}");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "nothing stands beside it"
        );
    }
}

#[test]
fn a_file_of_ours_says_so_and_an_empty_one_becomes_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "").expect("an empty file");
    let id = |path: &Path| -> i64 {
        let file = Connection::open(path).expect("a file");
        file.query_row("PRAGMA application_id", [], |row| row.get(0)).expect("an id")
    };
    drop(file(&path).expect("a ledger"));
    assert_eq!(id(&path), i64::from(u32::from_be_bytes(*b"Relg")));
    // As version 0.1 left it.
    Connection::open(&path).expect("a file").execute_batch("PRAGMA application_id = 0").expect("taken away");
    drop(file(&path).expect("a ledger"));
    assert_eq!(id(&path), i64::from(u32::from_be_bytes(*b"Relg")));
    assert_eq!(names(folder.path()), ["ledger.db"]);
}
