//! Files of the ledger that are deleted, replaced or moved away under the running process.

use std::fs;
use std::path::Path;

use super::*;
use crate::config::ledger::Sync;
use crate::ledger::archive::{Archive, Filter};
use crate::ledger::record::State;
use crate::ledger::sqlite::FileArchive;

const FILES: [&str; 3] = ["ledger.db", "ledger.db-wal", "ledger.db-shm"];

fn settings(folder: &Path) -> Settings {
    // The disk's own speed is not what is tested.
    Settings { path: folder.join("ledger.db"), sync: Sync::Normal, ..Settings::default() }
}

fn open(settings: &Settings) -> Ledger {
    Ledger::open(settings, &Metrics::new().expect("metrics")).expect("a ledger")
}

/// A ledger that has one call of the past.
async fn in_use(folder: &Path) -> Ledger {
    let ledger = open(&settings(folder));
    ledger.under_way(keyed("past", "{}")).await.settle(took("video_1")).await;
    ledger
}

/// Whether the next paid call is refused before it is sent, and why.
async fn refused(ledger: &Ledger) -> Option<String> {
    let mut call = ledger.fresh(first_try("{}")).await;
    match call.record(details()).await {
        Ok(_) => {
            call.settle(took("video_2")).await;
            assert_eq!(ledger.lost(), None);
            None
        }
        Err(reason) => {
            assert_eq!(reason, Rejection::LedgerUnavailable);
            Some(ledger.lost().expect("a reason").to_string())
        }
    }
}

fn move_all(from: &Path, to: &Path) {
    for file in FILES {
        fs::rename(from.join(file), to.join(file)).expect("moved");
    }
}

/// What could not be found again is not sent.
#[tokio::test]
async fn a_deleted_file_refuses_the_next_paid_call_and_all_after_it() {
    for gone in [&FILES[..], &FILES[..1], &FILES[1..2], &FILES[2..]] {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = in_use(folder.path()).await;
        gone.iter().for_each(|file| fs::remove_file(folder.path().join(file)).expect("deleted"));
        for _ in 0..2 {
            let reason = refused(&ledger).await.unwrap_or_else(|| panic!("sent without {gone:?}"));
            let expected = format!("{}: it was deleted, moved away or unmounted", gone[0]);
            assert!(reason.ends_with(&expected), "{gone:?}: {reason}");
        }
        // What is known is still known.
        assert_eq!(job_id(&ledger.replayed(keyed("past", "{}")).await), "video_1");
    }
}

/// As a restored backup is, or another volume that is mounted there.
#[tokio::test]
async fn another_file_in_its_place_refuses_paid_calls_until_a_restart() {
    for replaced in FILES {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = in_use(folder.path()).await;
        let (path, copy) = (folder.path().join(replaced), folder.path().join("copy"));
        fs::copy(&path, &copy).expect("copied");
        fs::rename(&copy, &path).expect("replaced");
        let reason = refused(&ledger).await.unwrap_or_else(|| panic!("sent with another {replaced}"));
        assert!(reason.ends_with(&format!("{replaced}: another file has taken its place")), "{reason}");
    }
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let ledger = in_use(folder.path()).await;
    move_all(folder.path(), other.path());
    let metrics = Metrics::new().expect("metrics");
    let unopened = Ledger::open(&settings(folder.path()), &metrics).expect_err("the first one still runs");
    assert!(unopened.to_string().contains("still runs had another file in its place"), "{unopened}");
    let reason = refused(&ledger).await.expect("a new file is another one");
    assert!(reason.contains("another file has taken its place"), "{reason}");
    drop(ledger);
    // What was to be written of the refused call holds the ledger until it is answered.
    let next = loop {
        match Ledger::open(&settings(folder.path()), &metrics) {
            Ok(next) => break next,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
        }
    };
    assert_eq!(refused(&next).await, None, "a restart takes what is there");
}

/// As a link that is set to another release.
#[tokio::test]
async fn a_path_that_leads_elsewhere_refuses_paid_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let [real, other] = ["real", "other"].map(|name| folder.path().join(name));
    fs::create_dir(&real).and_then(|()| fs::create_dir(&other)).expect("folders");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&real, &link).expect("a link");
    let ledger = in_use(&link).await;
    assert_eq!(refused(&ledger).await, None);
    fs::remove_file(&link).and_then(|()| std::os::unix::fs::symlink(&other, &link)).expect("another link");
    assert!(refused(&ledger).await.is_some(), "nothing is there");
}

#[tokio::test]
async fn the_same_files_in_their_place_again_take_paid_calls_again() {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let ledger = in_use(folder.path()).await;
    let under_way = ledger.under_way(keyed("k", "{}")).await;
    let id = under_way.id().clone();
    move_all(folder.path(), other.path());
    assert!(refused(&ledger).await.is_some());
    // The client gets its answer, and the outcome is kept until it can be written down.
    under_way.settle(took("video_3")).await;
    assert!(ledger.unwritten().iter().any(|(unwritten, _)| *unwritten == id));

    move_all(other.path(), folder.path());
    assert_eq!(refused(&ledger).await, None);
    ledger.try_unwritten().await;
    while ledger.record_of(&id).await.outcome.state != State::Accepted {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// A process that is killed afterwards must not take with it what was written down before.
#[tokio::test]
async fn what_the_log_held_is_found_although_the_log_was_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = in_use(folder.path()).await;
    fs::remove_file(folder.path().join("ledger.db-wal")).expect("deleted");
    assert!(refused(&ledger).await.is_some());
    // As the next process finds it while this one has not ended well.
    let copy = folder.path().join("copy.db");
    fs::copy(folder.path().join("ledger.db"), &copy).expect("copied");
    let mut archive = FileArchive::open(&copy).expect("a file");
    let found = archive.list(&Filter { limit: 10, ..Filter::default() }).expect("records");
    let states: Vec<State> = found.iter().map(|record| record.outcome.state).collect();
    assert_eq!(states, [State::Accepted], "and nothing of the call that was refused");
}

/// Who asks whether the gateway is ready need not wait for the next paid call.
#[tokio::test]
async fn a_lost_file_is_noticed_although_there_is_nothing_to_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = in_use(folder.path()).await;
    fs::remove_file(folder.path().join("ledger.db")).expect("deleted");
    while ledger.lost().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
