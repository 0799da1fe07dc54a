//! Every paid call, written down before it leaves and after it returned, so that a repeat is noticed and no job
//! is lost sight of.
//!
//! ```text
//! claim        is this call a repeat? what becomes of it
//! open         a claimed call: recorded, settled, or given up
//! guard        which try a repeat repeats: pure      desk        what this process has under way
//! intent       what is known before it leaves        settlement  what became of it
//! fingerprint  whether two requests ask for the same  digits     bytes in hex, as records have them
//! record       what is written down; pairs: headers   store       the seam to what holds it
//! owners       whose videos a request may reach
//! sqlite       a file                                redis       a server, for several gateways
//! memory       this process, for trying and testing  archive     reading records without us
//! ```
//!
//! Knows nothing of routes: who judges a request says what it is, and says when it is over.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::{IntCounterVec, IntGauge};
use tokio::runtime::Handle;
use tokio::sync::Mutex as AsyncMutex;
use tracing::error;

use crate::config::ledger::{Settings, StoreKind};
use crate::metrics::{Jobs as JobCounts, Metrics};
use crate::telemetry::Seldom;

pub(crate) mod archive;
mod bounded;
mod claim;
mod dedupe;
mod digits;
pub(crate) mod fingerprint;
mod in_flight_calls;
pub(crate) mod intent;
mod jobs;
mod memory;
mod open;
pub(crate) mod operation;
pub(crate) mod owners;
pub(crate) mod pairs;
pub(crate) mod record;
pub(crate) mod redis;
pub(crate) mod settlement;
pub(crate) mod sqlite;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod time;
mod words;

pub(crate) use claim::{Claim, DuplicateInFlight, Replay};
pub(crate) use open::Open;
pub(crate) use time::Timestamp;
use words::words;

use self::redis::RedisStore;
use bounded::Bounded;
use in_flight_calls::InFlightCalls;
use memory::MemoryStore;
use record::{Job, LedgerId};
use sqlite::SqliteStore;
use store::{Asked, LedgerError, Settled, Store};
use time::Clock;

/// The ledger of this process. Clones are the same ledger.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    /// What this process is called in its records.
    instance: Arc<str>,
    clock: Clock,
    /// When it was opened.
    began: Timestamp,
    timeout: Duration,
    keep_answers: Duration,
    repeat_window: Duration,
    desk: Mutex<InFlightCalls>,
    /// Calls that could be each other's twins are claimed one after the other. Each such call belongs to one of
    /// these; which others it shares it with does not matter.
    turns: Vec<AsyncMutex<()>>,
    /// Outcomes that could not be written down. They are tried again once something could be.
    unwritten: Mutex<Vec<(LedgerId, Arc<Settled>)>>,
    /// Where jobs are, so that a poll does not ask the store.
    jobs: Mutex<Bounded<Arc<str>, Arc<Job>>>,
    operations: IntCounterVec,
    under_way: IntGauge,
    job_counts: JobCounts,
}

/// How the ledger stands at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Paid calls that are claimed and not settled.
    pub open: usize,
    /// Outcomes that could not be written down yet.
    pub unwritten: usize,
    /// Jobs that are known, and not to have ended.
    pub jobs_unfinished: usize,
}

/// More than cores, so that calls seldom wait for another's turn.
const TURNS: usize = 64;
/// Outcomes that are kept until they can be written down.
const UNWRITTEN_MAX: usize = 1000;
/// Jobs that are remembered without asking the store.
const JOBS_MAX: usize = 10_000;

/// A ledger that cannot be opened: the key of the configuration, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened(String);

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unopened {}

impl Unopened {
    /// A ledger that can be opened and not read.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn unread(error: LedgerError) -> Self {
        Self(format!("ledger: it does not say what was used of budgets: {error}"))
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("store", &self.0.store).finish_non_exhaustive()
    }
}

/// What was said of a store that fails.
static FAILED: Seldom = Seldom::new();

impl Ledger {
    /// Opens the ledger. Calls that a dead process left open become unknown, once nobody else has the file open.
    ///
    /// # Errors
    /// If the file cannot be opened or written.
    pub fn open(settings: &Settings, metrics: &Metrics) -> Result<Self, Unopened> {
        let instance = instance_name();
        let store: Arc<dyn Store> = match settings.store {
            StoreKind::Memory => Arc::new(MemoryStore::new(settings.keep)),
            StoreKind::Sqlite => Arc::new(SqliteStore::open(settings)?),
            StoreKind::Redis => Arc::new(RedisStore::open(settings, &instance, &metrics.redis_up)?),
        };
        Ok(Self::over(store, settings, instance, metrics))
    }

    fn over(store: Arc<dyn Store>, settings: &Settings, instance: Arc<str>, metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            store,
            instance,
            clock: Clock::Wall,
            began: Clock::Wall.now(),
            timeout: settings.timeout,
            keep_answers: settings.keep_answers,
            repeat_window: settings.repeat_window,
            desk: Mutex::new(InFlightCalls::new()),
            turns: (0..TURNS).map(|_| AsyncMutex::new(())).collect(),
            unwritten: Mutex::new(Vec::new()),
            jobs: Mutex::new(Bounded::new(JOBS_MAX)),
            operations: metrics.ledger_operations.clone(),
            under_way: metrics.ledger_open.clone(),
            job_counts: metrics.jobs.clone(),
        }))
    }

    fn desk(&self) -> MutexGuard<'_, InFlightCalls> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what the store was asked, counts it, and says what failed: nobody above can do more about it.
    async fn asked<T>(&self, operation: &'static str, answer: Asked<T>) -> Result<T, LedgerError> {
        let answer = answer.await;
        let result = answer.as_ref().err().map_or("ok", LedgerError::name);
        self.0.operations.with_label_values(&[operation, result]).inc();
        // That the store is lost, it has said itself, once.
        if let Err(error) = &answer
            && !matches!(error, LedgerError::Lost(_))
            && FAILED.is_due(operation)
        {
            error!(operation, %error, "the ledger failed");
        }
        answer
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        let open = self.desk().len();
        let unwritten = self.unwritten().len();
        Standing { open, unwritten, jobs_unfinished: self.jobs_unfinished() }
    }

    /// Why no paid call can be written down before an operator has done something about it, if that is so.
    pub(crate) fn lost(&self) -> Option<Arc<str>> {
        self.0.store.lost()
    }

    /// Keeps an outcome that could not be written down.
    fn keep_unwritten(&self, id: LedgerId, settled: Arc<Settled>) {
        let mut unwritten = self.unwritten();
        if unwritten.len() < UNWRITTEN_MAX {
            unwritten.push((id, settled));
        }
    }

    /// The store writes again: now for what it could not write before. What it has written all the same stays as
    /// it is.
    fn write_unwritten(&self) {
        for (id, settled) in mem::take(&mut *self.unwritten()) {
            self.settle_unseen(id, settled);
        }
    }

    /// Tries whether the store writes again, if there is anything it could not write: calls that would show it may
    /// be long in coming. To be asked every few seconds.
    pub(crate) async fn try_unwritten(&self) {
        let one = self.unwritten().pop();
        let Some((id, settled)) = one else { return };
        // One is enough to find out: what a store that hangs is asked stays in its queue.
        match self.asked("settle", self.0.store.settle(id.clone(), Arc::clone(&settled))).await {
            Ok(()) => self.write_unwritten(),
            Err(_) => self.keep_unwritten(id, settled),
        }
    }

    /// Asks for an outcome to be written down and does not wait until it is. Should it fail, it is tried again.
    fn settle_unseen(&self, id: LedgerId, settled: Arc<Settled>) {
        let asked = self.0.store.settle(id.clone(), Arc::clone(&settled));
        let ledger = self.clone();
        let watch = async move {
            if ledger.asked("settle", asked).await.is_err() {
                ledger.keep_unwritten(id, settled);
            }
        };
        // At the end of the process nobody is left to watch; it has been asked all the same.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(watch);
        }
    }

    fn unwritten(&self) -> MutexGuard<'_, Vec<(LedgerId, Arc<Settled>)>> {
        self.0.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells processes that share a store apart, also those of several hosts.
fn instance_name() -> Arc<str> {
    format!("{}-{:08x}", std::process::id(), fastrand::u32(..)).into()
}
