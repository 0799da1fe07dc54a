//! Whose videos each store finds, and in which order.

use super::stores::{ever, now, record, settled, stores};
use super::*;
use crate::ledger::owners::{Found, Owners, Page};
use crate::ledger::record::{Fault, JobStatus, LedgerIds};
use crate::ledger::store::{Note, Noted, Videos};

fn page(after: Option<&str>, limit: usize, oldest_first: bool) -> Page {
    Page { after: after.map(str::to_owned), limit, oldest_first }
}

fn clients(names: &[&str]) -> Owners {
    Owners::Clients(names.iter().map(|name| Arc::from(*name)).collect())
}

/// Videos of two clients and a character, oldest first.
async fn with_videos(store: &Arc<dyn Store>) {
    let calls = [
        ("one", "video_1", Operation::Create),
        ("other", "video_2", Operation::Create),
        ("one", "char_1", Operation::Character),
        ("one", "video_3", Operation::Remix),
        ("one", "video_4", Operation::Create),
        ("one", "video_5", Operation::Create),
    ];
    let mut ids = LedgerIds::default();
    for (client, job, operation) in calls {
        let intent = Intent { client: client.into(), operation, ..first_try(job) };
        let record = Record { id: ids.next(now()), ..record(intent) };
        store.insert(record.clone(), ever()).await.expect("inserted");
        store.settle(record.id, settled(took(job))).await.expect("settled");
    }
    let what = Noted::Job { id: "video_4".into(), status: JobStatus::Deleted, fault: Fault::default() };
    store.note(Note { at: now(), what }).await.expect("noted");
}

/// OW01, OW02: a page holds the owners' videos and no others, in the order of their orders.
#[tokio::test]
async fn a_page_of_videos_is_its_owners_alone() {
    for (name, store, _kept) in stores() {
        with_videos(&store).await;
        let listed =
            async |owners: Owners, page: Page| match store.videos(owners, page).await.expect("an answer") {
                Videos::Page(records) => {
                    Some(records.into_iter().filter_map(|record| record.outcome.job_id).collect())
                }
                Videos::UnknownCursor => None,
                Videos::NotKept => Some(vec!["not kept".to_owned()]),
            };
        if name == "redis" {
            assert_eq!(
                listed(Owners::Everybody, page(None, 9, false)).await,
                Some(vec!["not kept".to_owned()])
            );
            continue;
        }
        let one = || clients(&["one"]);
        for (owners, page, videos) in [
            (one(), page(None, 9, false), Some(&["video_5", "video_3", "video_1"][..])),
            (one(), page(None, 2, false), Some(&["video_5", "video_3"])),
            (one(), page(Some("video_3"), 2, false), Some(&["video_1"])),
            (one(), page(None, 9, true), Some(&["video_1", "video_3", "video_5"])),
            (one(), page(Some("video_1"), 1, true), Some(&["video_3"])),
            // One that was deleted meanwhile still marks a place.
            (one(), page(Some("video_4"), 9, false), Some(&["video_3", "video_1"])),
            (one(), page(Some("video_2"), 9, false), None),
            (one(), page(Some("char_1"), 9, false), None),
            (one(), page(Some("video_9"), 9, false), None),
            (clients(&["other"]), page(None, 9, false), Some(&["video_2"])),
            (clients(&["none"]), page(None, 9, false), Some(&[])),
            (clients(&["one", "other"]), page(None, 3, false), Some(&["video_5", "video_3", "video_2"])),
            (Owners::Everybody, page(None, 9, false), Some(&["video_5", "video_3", "video_2", "video_1"])),
            (Owners::Everybody, page(Some("video_2"), 9, true), Some(&["video_3", "video_5"])),
            (one(), page(None, 0, false), Some(&[])),
        ] {
            let expected =
                videos.map(|videos| videos.iter().map(|&video| video.to_owned()).collect::<Vec<_>>());
            assert_eq!(listed(owners.clone(), page.clone()).await, expected, "{name}: {owners:?} {page:?}");
        }
    }
}

/// OW01: several upstreams may give the same id, and each client then has its own.
#[tokio::test]
async fn of_an_id_that_two_upstreams_gave_each_client_reaches_its_own() {
    for (name, store, _kept) in stores() {
        if name == "redis" {
            continue;
        }
        let mut ids = LedgerIds::default();
        for client in ["one", "other"] {
            let intent = Intent { client: client.into(), ..first_try(client) };
            let details = Details { upstream: client.into(), ..details() };
            let record = Record { id: ids.next(now()), details, ..record(intent) };
            store.insert(record.clone(), ever()).await.expect("inserted");
            store.settle(record.id, settled(took("1"))).await.expect("settled");
        }
        let ledger = over(store, &Settings::default());
        for client in ["other", "one", "other"] {
            let found = ledger.owned_job("1", &clients(&[client])).await.expect("an answer");
            let Found::Owned(job) = found else { panic!("{name}: {found:?}") };
            assert_eq!((&*job.client, &*job.upstream), (client, client), "{name}");
        }
        assert_eq!(ledger.owned_job("1", &clients(&["none"])).await, Ok(Found::Foreign), "{name}");
        assert_eq!(ledger.owned_job("2", &clients(&["one"])).await, Ok(Found::Unknown), "{name}");
    }
}
