//! What only a server does: several gateways share it, and it may be away.

use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::config::ledger::StoreKind;
use crate::ledger::archive::{Archive, Filter};
use crate::ledger::owners::Owners;
use crate::ledger::record::{LedgerId, State};
use crate::ledger::redis::{RedisArchive, RedisStore};
use crate::redis_client::tests::RedisServer;

fn settings(server: &RedisServer, lines: &str) -> Settings {
    Settings {
        store: StoreKind::Redis,
        redis: Some(crate::redis_client::tests::settings(server, lines)),
        ..Settings::default()
    }
}

/// The store of one process.
pub(super) fn in_server(server: &RedisServer, instance: &str) -> Arc<dyn Store> {
    let up = Metrics::new().expect("metrics").redis_up;
    Arc::new(RedisStore::open(&settings(server, ""), &instance.into(), &up).expect("a server"))
}

fn open(settings: &Settings) -> Ledger {
    Ledger::open(settings, &Metrics::new().expect("metrics")).expect("a ledger")
}

pub(super) async fn until(what: &str, mut satisfied: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !satisfied().await {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

#[tokio::test]
async fn two_gateways_share_a_server() {
    let server = RedisServer::start();
    let settings = settings(&server, "");
    let (one, other) = (open(&settings), open(&settings));
    let call = one.under_way(keyed("k", "{}")).await;
    let twin = tokio::spawn(other.twin(keyed("k", "{}")).await.outcome());
    call.settle(took("video_1")).await;
    assert_eq!(job_id(&replay_of(twin.await.expect("no panic").expect("an answer"))), "video_1");
    assert_eq!(place(other.job("video_1").await), Some(("video_1".to_owned(), "main".to_owned())));

    // Without a key it is the same, for an SDK's own repeat.
    let call = one.under_way(first_try("[]")).await;
    let twin = tokio::spawn(other.twin(repeat("[]")).await.outcome());
    call.settle(took("video_2")).await;
    assert_eq!(job_id(&replay_of(twin.await.expect("no panic").expect("an answer"))), "video_2");
}

/// RT24: of two that come at the same moment, one is made, and the other one gets its answer.
#[tokio::test]
async fn of_two_gateways_at_the_same_moment_one_makes_the_call() {
    let server = RedisServer::start();
    let settings = settings(&server, "");
    let (one, other) = (open(&settings), open(&settings));
    for intent in [keyed("k", "{}"), repeat("[]")] {
        // Neither knows of the other's.
        let (mut first, mut second) = (one.fresh(intent.clone()).await, other.fresh(intent.clone()).await);
        assert!(first.record(details()).await.expect("recorded").is_none());
        let twin = second.record(details()).await.expect("met").expect("a twin");
        let twin = tokio::spawn(twin.outcome());
        first.settle(took("video_1")).await;
        assert_eq!(job_id(&replay_of(twin.await.expect("no panic").expect("an answer"))), "video_1");
    }
}

/// RT06: nor is a first try made that its repeat has overtaken by way of another gateway.
#[tokio::test]
async fn a_try_that_was_overtaken_at_another_gateway_is_not_made() {
    let server = RedisServer::start();
    let settings = settings(&server, "");
    let (one, other) = (open(&settings), open(&settings));
    one.under_way(repeat("{}")).await.settle(took("video_1")).await;
    let mut late = other.fresh(first_try("{}")).await;
    let twin = late.record(details()).await.expect("met").expect("a twin");
    assert_eq!(job_id(&replay_of(twin.outcome().await.expect("an answer"))), "video_1");
}

#[tokio::test]
async fn calls_of_a_gateway_that_is_gone_are_unknown() {
    let server = RedisServer::start();
    let mut settings = settings(&server, "lease = \"3s\"");
    settings.timeout = Duration::from_secs(1);
    let gone = open(&settings);
    let call = gone.under_way(first_try("{}")).await;
    let id = call.id().clone();
    // As it is when a process is killed: nothing is settled, and nobody gives its word any more.
    let settled = call.into_silence();
    let inner = Arc::into_inner(gone.0).expect("the last");
    drop(inner.store);

    let next = open(&settings);
    assert_eq!(next.record_of(&id).await.outcome.state, State::Open, "it may only be slow");
    until("the lease to end", async || next.record_of(&id).await.outcome.state == State::Unknown).await;
    let outcome = next.record_of(&id).await.outcome;
    assert_eq!(outcome.fault.code.as_deref(), Some("interrupted"));
    let unresolved = Rejection::CreateUnresolved { ledger_id: id.to_string() };
    assert_eq!(next.refused(repeat("{}")).await, unresolved);

    // It only was out of reach: what it says of its own call counts more than what was presumed.
    next.0.store.settle(id.clone(), settled.into()).await.expect("settled");
    assert_eq!(next.record_of(&id).await.outcome.job_id.as_deref(), Some("video_1"));
    assert_eq!(next.record_of(&id).await.outcome.fault, crate::ledger::record::Fault::default());
    assert_eq!(job_id(&next.replayed(repeat("{}")).await), "video_1");
}

#[tokio::test]
async fn a_gateway_that_lives_keeps_its_calls() {
    let server = RedisServer::start();
    let mut settings = settings(&server, "lease = \"3s\"");
    settings.timeout = Duration::from_secs(1);
    let (one, other) = (open(&settings), open(&settings));
    let call = one.under_way(first_try("{}")).await;
    // Long enough for both to have judged the other.
    sleep(Duration::from_secs(4)).await;
    assert_eq!(other.record_of(call.id()).await.outcome.state, State::Open);
    call.settle(took("video_1")).await;
}

/// What cannot be written down is not sent; what was sent is written down as soon as that is possible.
#[tokio::test]
async fn a_server_that_is_away_refuses_calls_before_they_are_made() {
    let mut server = RedisServer::durable();
    let mut settings = settings(&server, "");
    settings.timeout = Duration::from_secs(2);
    let ledger = open(&settings);
    let sent = ledger.under_way(first_try("[]")).await;
    let id = sent.id().clone();
    server.kill();
    let mut call = ledger.fresh(first_try("{}")).await;
    assert_eq!(call.record(details()).await.err(), Some(Rejection::LedgerUnavailable));
    sent.settle(took("video_1")).await;
    assert!(ledger.job("video_1").await.is_some(), "it is known all the same");

    server.restart();
    until("what was not written", async || {
        ledger.try_unwritten().await;
        ledger.unwritten().is_empty()
    })
    .await;
    until("its outcome", async || ledger.record_of(&id).await.outcome.state == State::Accepted).await;
}

/// A command that waits in a socket of the server's is done when that goes on: nobody waits for it by then.
#[tokio::test]
async fn a_call_that_was_given_up_does_not_come_to_life_later() {
    let server = RedisServer::start();
    let mut settings = settings(&server, "");
    settings.timeout = Duration::from_secs(1);
    let ledger = open(&settings);
    let mut call = ledger.fresh(first_try("{}")).await;
    let id = call.id().clone();
    server.stall();
    assert_eq!(call.record(details()).await.err(), Some(Rejection::LedgerUnavailable));
    server.resume();
    until("the server to answer", async || ledger.0.store.job("video_1", Owners::Everybody).await.is_ok())
        .await;
    until("what was not written", async || {
        ledger.try_unwritten().await;
        ledger.unwritten().is_empty()
    })
    .await;
    let records = ledger.0.store.records(Which::Id(id)).await.expect("records");
    assert!(records.iter().all(|record| record.outcome.state == State::Refused), "{records:?}");
}

#[tokio::test]
async fn a_restart_of_a_server_that_remembers_loses_nothing() {
    let mut server = RedisServer::durable();
    let settings = settings(&server, "");
    let ledger = open(&settings);
    ledger.under_way(keyed("k", "{}")).await.settle(took("video_1")).await;
    server.restart();
    until("the server", async || ledger.0.store.job("video_1", Owners::Everybody).await.is_ok()).await;
    assert_eq!(job_id(&ledger.replayed(keyed("k", "{}")).await), "video_1");
}

#[tokio::test]
async fn people_read_what_gateways_wrote() {
    let server = RedisServer::start();
    let settings = settings(&server, "");
    let ledger = open(&settings);
    for number in 0..450 {
        let call = ledger.under_way(keyed(&format!("k{number}"), "{}")).await;
        let settlement = if number % 2 == 0 { took(&format!("video_{number}")) } else { said(400) };
        call.settle(settlement).await;
    }
    let mut archive = RedisArchive::open(settings.redis.as_ref().expect("a server")).expect("a server");
    let all = archive.list(&Filter { limit: u32::MAX, ..Filter::default() }).expect("records");
    assert_eq!(all.len(), 450);
    assert!(all.is_sorted_by(|newer, older| newer.at >= older.at));
    let refused = Filter { state: Some(State::Refused), limit: 100, ..Filter::default() };
    assert_eq!(archive.list(&refused).expect("records").len(), 100);
    let keyed = Filter { key: Some("k4".to_owned()), limit: 10, ..Filter::default() };
    let found = archive.list(&keyed).expect("records");
    assert_eq!(archive.find("video_4").expect("records"), found);
    assert_eq!(archive.find(found[0].id.as_str()).expect("records"), found);
    assert_eq!(archive.answer(&found[0].id), Ok(Some(job_answer("video_4"))));
    assert_eq!(archive.answer(&LedgerId("lg_none".into())), Ok(None));
    assert_eq!(archive.find("nothing"), Ok(Vec::new()));
}

#[test]
fn a_server_that_is_not_there_ends_the_start_with_the_key_to_change() {
    let mut server = RedisServer::start();
    let settings = settings(&server, "");
    server.kill();
    let error = Ledger::open(&settings, &Metrics::new().expect("metrics")).expect_err("no server");
    assert!(error.to_string().starts_with("redis.url: "), "{error}");
}
