//! The store in a file: SQLite, which anybody can read with `sqlite3 FILE 'SELECT * FROM ledger'`.
//!
//! Several processes may share a file on a local disk.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

mod archive;
mod assign;
mod backup;
mod columns;
mod file;
mod identity;
mod prepared;
mod purge;
mod rows;
mod schema;
mod thread;
mod tries;
mod unusable;
mod usage;
mod videos;
mod write;

pub(crate) use archive::FileArchive;
pub(crate) use assign::{Assigned, assign, clients};

use super::owners::{Found, Owners, Page};
use super::record::{Job, LedgerId, Record};
use super::settlement::Answer;
use super::store::{Asked, Note, Settled, Store, Unless, Videos, Which};
use super::time::Timestamp;
use super::{Unopened, dedupe};
use crate::budget::Amount;
use crate::config::ledger::Settings;
use identity::{Loss, OpenFiles};
use prepared::{Prepared, Sql};
use schema::Upgrade;
use thread::{Terms, Worker};
use tries::Request;
use unusable::Unusable;

/// How long before it is written down a call may be claimed, which is the time its id has, and how much a clock may be
/// set back meanwhile.
const CLAIMED_BEFORE: Duration = Duration::from_hours(1);

/// Records in a file.
#[derive(Debug)]
pub(super) struct SqliteStore {
    // Dropped in this order: what was asked is done before the lock is let go.
    writer: Worker,
    reader: Worker,
    _lock: File,
    /// Whether the file is lost, as the writer last found it.
    loss: Loss,
}

impl SqliteStore {
    /// Opens the file. Calls that a dead process left open become unknown, once nobody else has it open.
    pub(super) fn open(settings: &Settings) -> Result<Self, Unopened> {
        Self::opened(settings).map_err(|why| {
            Unopened(format!("ledger.path: {} cannot be used: {why}", settings.path.display()))
        })
    }

    fn opened(settings: &Settings) -> Result<Self, Unusable> {
        // Shorter than anybody waits, so that a locked file is known for what it is.
        let busy = settings.timeout / 2;
        let opened = file::open(&settings.path, settings.sync, busy)?;
        let reader = file::connect(&settings.path, busy)?;
        // From now on it has all its files open.
        reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let files = OpenFiles::new(&settings.path, opened.id)?;
        if let Some(Upgrade { from, to, backup }) = opened.upgrade {
            info!(from, to, backup = %backup.display(), "the ledger's file was brought up to date");
        }
        if opened.interrupted > 0 {
            warn!(
                calls = opened.interrupted,
                "paid calls were under way when the process ended; `reelgate ledger --state unknown` lists them"
            );
        }
        let (queue, timeout, loss) = (settings.queue as usize, settings.timeout, files.loss());
        let writer = (opened.connection, files);
        Ok(Self {
            writer: Worker::writing(writer, queue, timeout, purge::chore(settings))?,
            reader: Worker::reading(reader, queue, timeout)?,
            _lock: opened.lock,
            loss,
        })
    }
}

impl Store for SqliteStore {
    fn insert(&self, record: Record, unless: Unless) -> Asked<Option<LedgerId>> {
        // What nobody waits for any more is not going to be sent.
        self.writer.ask(Terms::IfAwaited, move |prepared| {
            let met = met(prepared, &record, &unless)?;
            if met.is_none() {
                write::insert(prepared, &record)?;
            }
            Ok(met)
        })
    }

    fn settle(&self, id: LedgerId, settled: Arc<Settled>) -> Asked<()> {
        self.writer.ask(Terms::InAnyCase, move |prepared| write::settle(prepared, &id, &settled))
    }

    fn note(&self, note: Note) -> Asked<()> {
        self.writer.ask(Terms::IfRoom, move |prepared| write::note(prepared, &note))
    }

    fn records(&self, which: Which) -> Asked<Vec<Record>> {
        self.reader.ask(Terms::IfAwaited, move |prepared| select(prepared, &which))
    }

    fn answer(&self, id: LedgerId) -> Asked<Option<Answer>> {
        self.reader.ask(Terms::IfAwaited, move |prepared| rows::answer(prepared, &id))
    }

    fn job(&self, job_id: &str, owners: Owners) -> Asked<Found> {
        let job_id = job_id.to_owned();
        self.reader.ask(Terms::IfAwaited, move |prepared| videos::job(prepared, &job_id, &owners))
    }

    fn videos(&self, owners: Owners, page: Page) -> Asked<Videos> {
        self.reader.ask(Terms::IfAwaited, move |prepared| videos::page(prepared, &owners, &page))
    }

    fn unfinished(&self, since: Timestamp) -> Asked<Vec<Job>> {
        self.reader.ask(Terms::IfAwaited, move |prepared| {
            let from = LedgerId::first_at(since.before(CLAIMED_BEFORE));
            let records = prepared.records(Sql::Unfinished, (&from.0, since.0))?;
            Ok(records.iter().filter_map(Record::job).collect())
        })
    }

    fn usage(&self, since: Timestamp) -> Asked<HashMap<Arc<str>, Amount>> {
        self.reader.ask(Terms::IfAwaited, move |prepared| usage::since(prepared, since))
    }

    fn lost(&self) -> Option<Arc<str>> {
        self.loss.reason()
    }
}

fn select(prepared: &mut Prepared<'_>, which: &Which) -> rusqlite::Result<Vec<Record>> {
    match which {
        Which::Id(id) => prepared.records(Sql::ById, [&id.0]),
        Which::Key { client, operation, key, since } => {
            prepared.records(Sql::ByKey, (client, operation.name(), key.as_str(), since.0))
        }
        Which::Request { client, fingerprint, since } => {
            tries::youngest(prepared, Request { client, fingerprint, since: *since })
        }
        Which::Oldest { client, fingerprint, since } => {
            tries::oldest(prepared, Request { client, fingerprint, since: *since })
        }
    }
}

/// What keeps a record from being written, if anything does.
fn met(prepared: &mut Prepared<'_>, record: &Record, unless: &Unless) -> rusqlite::Result<Option<LedgerId>> {
    let which = Which::met_by(&record.intent, unless.since);
    if let Which::Oldest { client, fingerprint, .. } = &which {
        // Only a repeat that came before keeps a first try, and there hardly ever is one.
        let repeat = Request { client, fingerprint, since: unless.overtaken_since };
        if !tries::may_have_repeat(prepared, repeat)? {
            return Ok(None);
        }
    }
    let earlier = select(prepared, &which)?;
    Ok(dedupe::met(record, &earlier, unless).cloned())
}
