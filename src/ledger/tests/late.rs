//! A store that does what it is asked, and does not say so in time.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::budget::Amount;
use crate::failure::Failure;
use crate::ledger::owners::{Found, Owners, Page};
use crate::ledger::record::{LedgerId, State};
use crate::ledger::store::{Asked, LedgerError, Note, Settled, Unless, Videos};
use crate::ledger::time::Timestamp;

#[derive(Debug)]
struct Mute {
    store: MemoryStore,
    /// Whether what it writes seems to be late.
    is_late: AtomicBool,
    /// Whether it says nothing of what it writes.
    is_silent: AtomicBool,
}

impl Mute {
    fn told<T: Send + 'static>(&self, asked: Asked<T>) -> Asked<T> {
        if self.is_silent.load(Ordering::Relaxed) {
            Box::pin(pending())
        } else if self.is_late.load(Ordering::Relaxed) {
            Box::pin(ready(Err(LedgerError::Late)))
        } else {
            asked
        }
    }
}

impl Store for Mute {
    fn insert(&self, record: Record, unless: Unless) -> Asked<Option<LedgerId>> {
        self.told(self.store.insert(record, unless))
    }

    fn settle(&self, id: LedgerId, settled: Arc<Settled>) -> Asked<()> {
        self.told(self.store.settle(id, settled))
    }

    fn note(&self, note: Note) -> Asked<()> {
        self.told(self.store.note(note))
    }

    fn records(&self, which: Which) -> Asked<Vec<Record>> {
        Store::records(&self.store, which)
    }

    fn answer(&self, id: LedgerId) -> Asked<Option<Answer>> {
        self.store.answer(id)
    }

    fn job(&self, job_id: &str, owners: Owners) -> Asked<Found> {
        self.store.job(job_id, owners)
    }

    fn videos(&self, owners: Owners, page: Page) -> Asked<Videos> {
        self.store.videos(owners, page)
    }

    fn unfinished(&self, since: Timestamp) -> Asked<Vec<Job>> {
        self.store.unfinished(since)
    }

    fn usage(&self, since: Timestamp) -> Asked<HashMap<Arc<str>, Amount>> {
        self.store.usage(since)
    }
}

fn mute() -> (Ledger, Arc<Mute>) {
    let settings = Settings::default();
    let store = MemoryStore::new(settings.keep);
    let mute = Mute { store, is_late: AtomicBool::new(true), is_silent: AtomicBool::new(false) };
    let mute = Arc::new(mute);
    (over(Arc::<Mute>::clone(&mute), &settings), mute)
}

/// A call that was refused because its record was late, and was written down all the same, was never made: its key
/// is free, its twins are refused like it, and a repeat takes its place.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_written_too_late_is_refused_for_good() {
    for keyed_or_not in [keyed("k", "{}"), first_try("{}")] {
        let (ledger, mute) = mute();
        let mut open = ledger.fresh(keyed_or_not.clone()).await;
        let id = open.id().clone();
        let next = Intent { repeat: keyed_or_not.key.is_none(), ..keyed_or_not };
        let twin = ledger.twin(next.clone()).await;
        assert_eq!(open.record(details()).await.err(), Some(Rejection::LedgerUnavailable));
        drop(open);

        assert_eq!(twin.outcome().await.expect_err("the same refusal"), Rejection::LedgerUnavailable);
        let record = ledger.record_of(&id).await;
        assert_eq!(record.outcome.state, State::Refused);
        assert_eq!(record.outcome.fault.code.as_deref(), Some("not_sent"));
        mute.is_late.store(false, Ordering::Relaxed);
        ledger.under_way(next.clone()).await.settle(took("video_1")).await;
        assert_eq!(job_id(&ledger.replayed(next).await), "video_1");
    }
}

/// A client that leaves while its call is being written down: it is not sent, and its place is its twin's.
#[tokio::test(start_paused = true)]
async fn a_call_whose_client_leaves_while_it_is_written_was_never_made() {
    let (ledger, mute) = mute();
    mute.is_silent.store(true, Ordering::Relaxed);
    let mut open = ledger.fresh(keyed("k", "{}")).await;
    let id = open.id().clone();
    let twin = ledger.twin(keyed("k", "{}")).await;
    let patience = std::time::Duration::from_millis(1);
    assert!(tokio::time::timeout(patience, open.record(details())).await.is_err());
    drop(open);

    let record = ledger.record_of(&id).await;
    assert_eq!((record.outcome.state, record.outcome.attempts), (State::Refused, 0));
    let Ok(Claim::Fresh(open)) = twin.outcome().await else { panic!("its place") };
    drop(open);
}

/// Of an outcome that was written down, and did not seem to be, nothing changes when it is written again.
#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_written_too_late_is_written_once() {
    let (ledger, mute) = mute();
    mute.is_late.store(false, Ordering::Relaxed);
    let accepted = ledger.under_way(keyed("a", "{}")).await;
    let lost = ledger.under_way(keyed("b", "{}")).await;
    let twin = ledger.twin(keyed("a", "{}")).await;
    mute.is_late.store(true, Ordering::Relaxed);
    let ids = [accepted.id().clone(), lost.id().clone()];
    accepted.settle(took("video_1")).await;
    lost.settle(Settlement::failed(Failure::Lost, 1)).await;
    assert_eq!(job_id(&replay_of(twin.outcome().await.expect("an answer"))), "video_1");
    assert_eq!(ledger.unwritten().len(), 2);

    mute.is_late.store(false, Ordering::Relaxed);
    ledger.try_unwritten().await;
    assert_eq!(ledger.unwritten().len(), 0);
    let states = [ledger.record_of(&ids[0]).await, ledger.record_of(&ids[1]).await];
    assert_eq!(states.map(|record| record.outcome.state), [State::Accepted, State::Unknown]);
}

/// Whoever waits behind others that ask a slow store is refused in the store's own time.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_turn_without_end() {
    let ledger = ledger();
    let turn = ledger.turn(&keyed("k", "{}")).await.expect("a turn");
    assert_eq!(ledger.refused(keyed("k", "{}")).await, Rejection::LedgerUnavailable);
    drop(turn);
    drop(ledger.fresh(keyed("k", "{}")).await);
}
