//! What every store does, over each of them.

use std::time::Duration;

use super::servers::in_server;
use super::*;
use crate::ledger::owners::{Found, Owners};
use crate::ledger::record::{Fault, JobStatus, LedgerId, LedgerIds, Outcome, State};
use crate::ledger::settlement::End;
use crate::ledger::sqlite::SqliteStore;
use crate::ledger::store::{Note, Noted, Settled, Unless};
use crate::ledger::time::Timestamp;
use crate::redis_client::tests::RedisServer;

/// A store by name, and what keeps it alive.
pub(super) type Named = (&'static str, Arc<dyn Store>, Box<dyn std::any::Any>);

/// Each store there is.
pub(super) fn stores() -> Vec<Named> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let settings = Settings { path, ..Settings::default() };
    let file = SqliteStore::open(&settings).expect("a file");
    let server = RedisServer::start();
    vec![
        ("memory", Arc::new(MemoryStore::new(settings.keep)), Box::new(())),
        ("sqlite", Arc::new(file), Box::new(folder)),
        ("redis", in_server(&server, "here"), Box::new(server)),
    ]
}

pub(super) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

pub(super) fn record(intent: Intent) -> Record {
    let at = now();
    Record {
        id: LedgerIds::default().next(at),
        at,
        updated: at,
        intent,
        details: Details {
            sent: Sent { headers: Pairs::written(r#"[["user-agent","a"]]"#.to_owned()), ..details().sent },
            ..details()
        },
        outcome: Outcome::open(),
        instance: "here".into(),
        client_left: false,
        replays: 0,
    }
}

pub(super) fn settled(settlement: Settlement) -> Arc<Settled> {
    let End::Answered(answer) = settlement.end else { panic!("an answer") };
    Arc::new(Settled { at: now(), outcome: settlement.outcome, answer: Some(answer), client_left: false })
}

pub(super) const EVER: Timestamp = Timestamp(0);

/// Whatever was before it counts.
pub(super) fn ever() -> Unless {
    Unless::default()
}

async fn found(store: &Arc<dyn Store>, id: &LedgerId) -> Record {
    let records = store.records(Which::Id(id.clone())).await.expect("records");
    records.into_iter().next().expect("the record")
}

#[tokio::test]
async fn what_is_written_is_read_as_it_was() {
    for (name, store, _kept) in stores() {
        for intent in [first_try("{}"), repeat("[]"), keyed("a key", "1")] {
            let mut record = record(intent);
            assert_eq!(store.insert(record.clone(), ever()).await, Ok(None), "{name}");
            assert_eq!(found(&store, &record.id).await, record, "{name}");

            let settled = settled(took("video_1"));
            store.settle(record.id.clone(), Arc::clone(&settled)).await.expect("settled");
            record.updated = settled.at;
            record.outcome = settled.outcome.clone();
            assert_eq!(found(&store, &record.id).await, record, "{name}");
            assert_eq!(store.answer(record.id).await, Ok(settled.answer.as_deref().cloned()), "{name}");
        }
    }
}

#[tokio::test]
async fn the_first_outcome_counts() {
    for (name, store, _kept) in stores() {
        let record = record(first_try("{}"));
        store.insert(record.clone(), ever()).await.expect("inserted");
        for settlement in [took("video_1"), said(429)] {
            store.settle(record.id.clone(), settled(settlement)).await.expect("settled");
        }
        assert_eq!(found(&store, &record.id).await.outcome.state, State::Accepted, "{name}");
        assert_eq!(store.answer(record.id).await, Ok(Some(job_answer("video_1"))), "{name}");
    }
}

#[tokio::test]
async fn a_key_is_held_until_it_is_refused_or_old() {
    for (name, store, _kept) in stores() {
        let first = record(keyed("k", "{}"));
        assert_eq!(store.insert(first.clone(), ever()).await, Ok(None), "{name}");
        let second = record(keyed("k", "{}"));
        assert_eq!(store.insert(second.clone(), ever()).await, Ok(Some(first.id.clone())), "{name}");
        let later = Unless { since: Timestamp(first.at.0 + 1), ..ever() };
        assert_eq!(store.insert(record(keyed("k", "{}")), later).await, Ok(None), "{name}");

        let refused = record(keyed("l", "{}"));
        store.insert(refused.clone(), ever()).await.expect("inserted");
        store.settle(refused.id, settled(said(429))).await.expect("settled");
        assert_eq!(store.insert(record(keyed("l", "{}")), ever()).await, Ok(None), "{name}");
    }
}

/// RT22: also if the clock was set back in between.
#[tokio::test]
async fn a_refusal_never_hides_what_a_key_has_been_paid_for() {
    for (name, store, _kept) in stores() {
        let refused = record(keyed("k", "{}"));
        store.insert(refused.clone(), ever()).await.expect("written");
        store.settle(refused.id, settled(said(429))).await.expect("settled");
        let earlier = Timestamp(refused.at.0 - 5000);
        let paid = Record { id: LedgerIds::default().next(earlier), at: earlier, ..record(keyed("k", "{}")) };
        store.insert(paid.clone(), ever()).await.expect("written");
        store.settle(paid.id.clone(), settled(took("video_1"))).await.expect("settled");

        let Intent { client, operation, key, .. } = paid.intent;
        let which = Which::Key { client, operation, key: key.expect("a key"), since: EVER };
        let found = store.records(which).await.expect("records");
        assert_eq!(found.first().map(|record| &record.id), Some(&paid.id), "{name}");
        let next = store.insert(record(keyed("k", "{}")), ever()).await;
        assert_eq!(next, Ok(Some(paid.id)), "{name}");
    }
}

#[tokio::test]
async fn records_are_found_by_key_and_by_request_newest_first() {
    for (name, store, _kept) in stores() {
        let mut expected = Vec::new();
        for (index, intent) in
            [first_try("{}"), repeat("{}"), first_try("other"), keyed("k", "{}")].into_iter().enumerate()
        {
            let mut record = record(intent);
            record.at = Timestamp(1000 + i64::try_from(index).expect("small"));
            record.id = LedgerIds::default().next(record.at);
            store.insert(record.clone(), ever()).await.expect("inserted");
            expected.push(record);
        }
        let of_request = |since| Which::Request {
            client: "team".into(),
            fingerprint: fingerprint("{}"),
            since: Timestamp(since),
        };
        let newest_first = vec![expected[1].clone(), expected[0].clone()];
        assert_eq!(store.records(of_request(0)).await, Ok(newest_first), "{name}");
        assert_eq!(store.records(of_request(1001)).await, Ok(vec![expected[1].clone()]), "{name}");
        let of_key = Which::Key {
            client: "team".into(),
            operation: Operation::Create,
            key: IdempotencyKey::parse("k").expect("a key"),
            since: EVER,
        };
        assert_eq!(store.records(of_key).await, Ok(vec![expected[3].clone()]), "{name}");
    }
}

/// First tries and repeats, minutes apart.
#[tokio::test]
async fn tries_of_several_minutes_are_found_newest_first() {
    for (name, store, _kept) in stores() {
        let mut expected = Vec::new();
        for minute in 0..12_i64 {
            for (later, intent) in [(0, first_try("{}")), (1, repeat("{}"))] {
                let at = Timestamp(minute * 45_000 + later);
                let record = Record { id: LedgerIds::default().next(at), at, ..record(intent) };
                store.insert(record.clone(), known(&expected)).await.expect("inserted");
                store
                    .insert(Record { id: LedgerIds::default().next(at), ..record_of("other", at) }, ever())
                    .await
                    .expect("inserted");
                expected.insert(0, record);
            }
        }
        let since = |since| Which::Request {
            client: "team".into(),
            fingerprint: fingerprint("{}"),
            since: Timestamp(since),
        };
        assert!(store.records(since(0)).await == Ok(expected.clone()), "{name}");
        assert_eq!(store.records(since(10 * 45_000 + 1)).await, Ok(expected[..3].to_vec()), "{name}");
        if name == "redis" {
            // There the server itself looks for the oldest.
            continue;
        }
        let Which::Request { client, fingerprint, .. } = since(0) else { panic!("a request") };
        let oldest = |since| Which::Oldest {
            client: Arc::clone(&client),
            fingerprint: fingerprint.clone(),
            since: Timestamp(since),
        };
        assert_eq!(store.records(oldest(0)).await, Ok(expected[23..].to_vec()), "{name}");
        assert_eq!(store.records(oldest(45_001)).await, Ok(expected[20..21].to_vec()), "{name}");
    }
}

/// A call of another client that asks for the same.
fn record_of(client: &str, at: Timestamp) -> Record {
    Record { at, ..record(Intent { client: client.into(), ..first_try("{}") }) }
}

/// A claim that knew of these.
fn known(records: &[Record]) -> Unless {
    Unless { known: records.iter().map(|record| record.id.clone()).collect(), ..ever() }
}

#[tokio::test]
async fn what_comes_to_light_later_is_added() {
    for (name, store, _kept) in stores() {
        let record = record(first_try("{}"));
        store.insert(record.clone(), ever()).await.expect("inserted");
        store.settle(record.id.clone(), settled(took("video_1"))).await.expect("settled");
        let fault = Fault { code: Some("c".to_owned()), message: None };
        let job = |status, fault| Noted::Job { id: "video_1".into(), status, fault };
        for what in [
            Noted::ClientLeft(record.id.clone()),
            Noted::Replayed(record.id.clone()),
            Noted::Replayed(record.id.clone()),
            job(JobStatus::Failed, fault.clone()),
            job(JobStatus::Deleted, Fault::default()),
        ] {
            store.note(Note { at: now(), what }).await.expect("noted");
        }
        let found = found(&store, &record.id).await;
        assert_eq!((found.client_left, found.replays), (true, 2), "{name}");
        assert_eq!(found.outcome.job_status, Some(JobStatus::Deleted), "{name}");
        assert_eq!(found.outcome.fault, fault, "{name}");
    }
}

#[tokio::test]
async fn jobs_are_found_and_the_finished_are_not_unfinished() {
    for (name, store, _kept) in stores() {
        for job in ["video_1", "video_2"] {
            let record = record(first_try(job));
            store.insert(record.clone(), ever()).await.expect("inserted");
            store.settle(record.id, settled(took(job))).await.expect("settled");
        }
        let found = store.job("video_1", Owners::Everybody).await.expect("an answer");
        let Found::Owned(job) = found else { panic!("{name}: {found:?}") };
        assert_eq!((&*job.id, &*job.upstream, job.status), ("video_1", "main", JobStatus::Queued), "{name}");
        assert_eq!(store.job("video_9", Owners::Everybody).await, Ok(Found::Unknown), "{name}");

        let what = Noted::Job { id: "video_1".into(), status: JobStatus::Completed, fault: Fault::default() };
        store.note(Note { at: now(), what }).await.expect("noted");
        let unfinished = store.unfinished(EVER).await.expect("jobs");
        assert_eq!(unfinished.iter().map(|job| &*job.id).collect::<Vec<_>>(), ["video_2"], "{name}");
        let later = Timestamp(now().0 + 1000);
        assert_eq!(store.unfinished(later).await, Ok(Vec::new()), "{name}");
    }
}

#[tokio::test]
async fn what_was_asked_is_done_also_if_nobody_waits() {
    for (name, store, _kept) in stores() {
        let record = record(first_try("{}"));
        store.insert(record.clone(), ever()).await.expect("inserted");
        drop(store.settle(record.id.clone(), settled(took("video_1"))));
        // Asked later, done later.
        store.note(Note { at: now(), what: Noted::Replayed(record.id.clone()) }).await.expect("noted");
        assert_eq!(found(&store, &record.id).await.outcome.state, State::Accepted, "{name}");
    }
}

/// Two processes that claim at the same time do not know of each other: whoever is second is told.
#[tokio::test]
async fn what_another_process_made_meanwhile_keeps_a_repeat_from_being_written() {
    for (name, store, _kept) in stores() {
        let from = |instance: &str, intent| Record { instance: instance.into(), ..record(intent) };
        let first = from("there", first_try("{}"));
        store.insert(first.clone(), ever()).await.expect("inserted");
        let again = from("here", repeat("{}"));
        assert_eq!(store.insert(again.clone(), ever()).await, Ok(Some(first.id.clone())), "{name}");

        let known = Unless { known: vec![first.id.clone()], ..ever() };
        assert_eq!(store.insert(again, known).await, Ok(None), "{name}: its claim knew of that");
        let own = from("there", repeat("{}"));
        assert_eq!(
            store.insert(own, Unless { known: Vec::new(), ..ever() }).await.map(|met| met.is_some()),
            Ok(true),
            "{name}"
        );
        let twice = from("here", first_try("{}"));
        assert_eq!(store.insert(twice, ever()).await, Ok(None), "{name}: whoever asks twice gets two");

        let refused = from("there", first_try("[]"));
        store.insert(refused.clone(), ever()).await.expect("inserted");
        store.settle(refused.id, settled(said(429))).await.expect("settled");
        assert_eq!(
            store.insert(from("here", repeat("[]")), ever()).await,
            Ok(None),
            "{name}: it came to nothing"
        );
        let own = from("there", first_try("1"));
        store.insert(own, ever()).await.expect("inserted");
        let again = from("there", repeat("1"));
        assert_eq!(store.insert(again, ever()).await, Ok(None), "{name}: of its own the desk knows");
    }
}

/// RT06: also where the repeat that overtook it was another process's.
#[tokio::test]
async fn a_first_try_that_was_overtaken_elsewhere_is_not_written() {
    for (name, store, _kept) in stores() {
        let from = |instance: &str, intent| Record { instance: instance.into(), ..record(intent) };
        let overtaking = from("there", repeat("{}"));
        store.insert(overtaking.clone(), ever()).await.expect("inserted");
        let late = from("here", first_try("{}"));
        assert_eq!(store.insert(late.clone(), ever()).await, Ok(Some(overtaking.id)), "{name}");
        let too_late = Unless { overtaken_since: Timestamp(overtaking.at.0 + 1), ..ever() };
        assert_eq!(store.insert(late, too_late).await, Ok(None), "{name}");
        let before = Timestamp(now().0 - 1);
        let earlier =
            Record { at: before, id: LedgerIds::default().next(before), ..from("there", first_try("[]")) };
        store.insert(earlier, ever()).await.expect("inserted");
        store.insert(from("there", repeat("[]")), ever()).await.expect("inserted");
        let other = from("here", first_try("[]"));
        assert_eq!(store.insert(other, ever()).await, Ok(None), "{name}: that one repeats another");
    }
}

#[test]
fn old_records_are_forgotten_in_memory_too() {
    let store = MemoryStore::new(Duration::from_secs(60));
    let mut old = record(first_try("{}"));
    old.at = Timestamp(0);
    old.id = LedgerIds::default().next(old.at);
    drop(store.insert(old.clone(), ever()));
    drop(store.insert(record(first_try("{}")), ever()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(store.records(Which::Id(old.id))), Ok(Vec::new()));
}
