//! Where records are kept: the seam between what the ledger means and what holds it.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::fingerprint::Fingerprint;
use super::intent::{IdempotencyKey, Intent};
use super::operation::Operation;
use super::owners::{Found, Owners, Page};
use super::record::{Fault, Job, JobStatus, LedgerId, Outcome, Record};
use super::settlement::Answer;
use super::time::Timestamp;
use crate::budget::Amount;

/// What a store was asked. It has been asked when the call returns: who does not care for the answer may drop
/// this.
pub(crate) type Asked<T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send>>;

/// Most records a question is answered with.
pub(crate) const RECORDS_MAX: usize = 64;

/// Keeps records. What it confirmed outlives the process, as far as it is made to.
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Writes a new record down, unless there is one that its claim had to know of (see `guard::met`): then yields
    /// that one's id and writes nothing. One step, also between processes.
    fn insert(&self, record: Record, unless: Unless) -> Asked<Option<LedgerId>>;

    /// Writes down what became of a call.
    fn settle(&self, id: LedgerId, settled: Arc<Settled>) -> Asked<()>;

    /// Writes down what came to light later.
    fn note(&self, note: Note) -> Asked<()>;

    /// The records in question, newest first; at most [`RECORDS_MAX`]. Of a key, one that was refused comes after
    /// all others: clocks are set back, and what was paid for must be found.
    fn records(&self, which: Which) -> Asked<Vec<Record>>;

    /// The answer that was kept with a record, if it still is.
    fn answer(&self, id: LedgerId) -> Asked<Option<Answer>>;

    /// The job or character of this id that one of the owners ordered last. Takes as long for one of another client as for
    /// one that there is not.
    fn job(&self, job_id: &str, owners: Owners) -> Asked<Found>;

    /// A page of the videos that clients ordered and did not delete, by the time of their orders.
    fn videos(&self, owners: Owners, page: Page) -> Asked<Videos>;

    /// Jobs asked for since then that nobody has seen at their end.
    fn unfinished(&self, since: Timestamp) -> Asked<Vec<Job>>;

    /// What each client has had made since the beginning of a day, UTC: every call that was written down, but for
    /// those that were refused and those whose jobs failed. Answered at the start of a process, whatever number of
    /// calls there are.
    fn usage(&self, since: Timestamp) -> Asked<HashMap<Arc<str>, Amount>>;

    /// Why nothing can be written down until an operator has done something about it, if that is so. A failure that
    /// may pass by itself, such as a full disk, is none of these.
    fn lost(&self) -> Option<Arc<str>> {
        None
    }
}

/// What a store answers to the question for a page of videos.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Videos {
    /// The page.
    Page(Vec<Record>),
    /// The owners ordered no video with the id that the page is to follow.
    UnknownCursor,
    /// This kind of store keeps no order of them.
    NotKept,
}

/// Which records keep a new one from being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unless {
    /// Those of its key, or of its request, that are not older than this.
    pub since: Timestamp,
    /// Repeats that may have overtaken it are not older than this.
    pub overtaken_since: Timestamp,
    /// Tries that its claim knew of.
    pub known: Vec<LedgerId>,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    /// When.
    pub at: Timestamp,
    /// What.
    pub outcome: Outcome,
    /// What is kept to be given again.
    pub answer: Option<Arc<Answer>>,
    /// Whether the client was gone by then.
    pub client_left: bool,
}

/// Something that came to light after a call was settled.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Noted,
}

/// What came to light.
#[derive(Clone, Debug)]
pub(crate) enum Noted {
    /// A job has come this far.
    Job {
        /// Its id.
        id: Arc<str>,
        /// How far.
        status: JobStatus,
        /// What went wrong with it.
        fault: Fault,
    },
    /// The client was gone before it was answered.
    ClientLeft(LedgerId),
    /// A later try was answered from this record.
    Replayed(LedgerId),
}

/// Which records.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// The one with this id.
    #[cfg_attr(not(test), expect(dead_code, reason = "asked for by tests alone"))]
    Id(LedgerId),
    /// Those of an idempotency key.
    Key {
        /// Whose key.
        client: Arc<str>,
        /// For what.
        operation: Operation,
        /// The key.
        key: IdempotencyKey,
        /// Not older than this.
        since: Timestamp,
    },
    /// Those of a request that came without a key.
    Request {
        /// Whose request.
        client: Arc<str>,
        /// The request.
        fingerprint: Fingerprint,
        /// Not older than this.
        since: Timestamp,
    },
    /// The oldest of those.
    Oldest {
        /// Whose request.
        client: Arc<str>,
        /// The request.
        fingerprint: Fingerprint,
        /// Not older than this.
        since: Timestamp,
    },
}

impl Which {
    /// Those by which it is known whether a call with this intent comes too late to be written down: see
    /// [`guard::met`](super::dedupe::met).
    pub(super) fn met_by(intent: &Intent, since: Timestamp) -> Self {
        if intent.repeat || intent.key.is_some() {
            return Self::same_as(intent, since);
        }
        // A first try only has to know what came first: somebody may ask for the same a thousand times.
        let (client, fingerprint) = (Arc::clone(&intent.client), intent.fingerprint.clone());
        Self::Oldest { client, fingerprint, since }
    }

    /// Those that a call with this intent may be a twin of.
    pub(super) fn same_as(intent: &Intent, since: Timestamp) -> Self {
        let client = Arc::clone(&intent.client);
        match intent.key.clone() {
            Some(key) => Self::Key { client, operation: intent.operation, key, since },
            None => Self::Request { client, fingerprint: intent.fingerprint.clone(), since },
        }
    }
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LedgerError {
    /// Too much waits for it already.
    Busy,
    /// It did not answer in time.
    Late,
    /// It failed: the words of whoever holds the records.
    Failed(String),
    /// What holds the records is lost: see [`Store::lost`].
    Lost(Arc<str>),
}

impl LedgerError {
    /// Label of it in metrics.
    #[must_use]
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Failed(_) => "failed",
            Self::Lost(_) => "lost",
        }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many records wait to be written (ledger.queue)"),
            Self::Late => f.write_str("the ledger did not answer in time (ledger.timeout)"),
            Self::Failed(why) => f.write_str(why),
            Self::Lost(reason) => f.write_str(reason),
        }
    }
}
