//! The store in a file: SQLite, which anybody can read with `sqlite3 FILE 'SELECT * FROM ledger'`.
//!
//! Several processes may share a file on a local disk.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use tracing::warn;

mod archive;
mod file;
mod purge;
mod rows;
mod schema;
mod thread;
mod usage;

pub(crate) use archive::FileArchive;

use super::record::{Fault, Job, LedgerId, Record};
use super::settlement::Answer;
use super::store::{Asked, Note, Noted, RECORDS_MAX, Settled, Store, Unless, Which};
use super::time::Timestamp;
use super::{Unopened, guard};
use crate::budget::Amount;
use crate::config::ledger::Settings;
use thread::{Terms, Worker};

/// Records in a file.
#[derive(Debug)]
pub(super) struct SqliteStore {
    // Dropped in this order: what was asked is done before the lock is let go.
    writer: Worker,
    reader: Worker,
    _lock: File,
}

impl SqliteStore {
    /// Opens the file. Calls that a dead process left open become unknown, once nobody else has it open.
    pub(super) fn open(settings: &Settings) -> Result<Self, Unopened> {
        let unopened = |why: String| unopened(&settings.path, &why);
        // Shorter than anybody waits, so that a locked file is known for what it is.
        let busy = settings.timeout / 2;
        let opened = file::open(&settings.path, settings.sync, busy).map_err(unopened)?;
        let reader = file::connect(&settings.path, busy);
        let reader = reader.map_err(|error| unopened(error.to_string()))?;
        if opened.interrupted > 0 {
            warn!(
                calls = opened.interrupted,
                "paid calls were under way when the process ended; `reelgate ledger --state unknown` lists them"
            );
        }
        let (queue, timeout) = (settings.queue as usize, settings.timeout);
        let writer = Worker::writing(opened.connection, queue, timeout, purge::chore(settings));
        let reader = Worker::reading(reader, queue, timeout);
        Ok(Self {
            writer: writer.map_err(|error| unopened(error.to_string()))?,
            reader: reader.map_err(|error| unopened(error.to_string()))?,
            _lock: opened.lock,
        })
    }
}

fn unopened(path: &Path, why: &str) -> Unopened {
    Unopened(format!(
        "ledger.path: {} cannot be used: {why} (name a file in a folder that can be written, or set \
         ledger.store = \"memory\" if no record has to outlive the process)",
        path.display()
    ))
}

impl Store for SqliteStore {
    fn insert(&self, record: Record, unless: Unless) -> Asked<Option<LedgerId>> {
        // What nobody waits for any more is not going to be sent.
        self.writer.ask(Terms::IfAwaited, move |connection| {
            let earlier = select(connection, &Which::met_by(&record.intent, unless.since))?;
            if let Some(met) = guard::met(&record, &earlier, &unless) {
                return Ok(Some(met.clone()));
            }
            rows::insert(connection, &record)?;
            Ok(None)
        })
    }

    fn settle(&self, id: LedgerId, settled: Settled) -> Asked<()> {
        self.writer.ask(Terms::InAnyCase, move |connection| rows::settle(connection, &id, &settled))
    }

    fn note(&self, note: Note) -> Asked<()> {
        self.writer.ask(Terms::IfRoom, move |connection| write_note(connection, &note))
    }

    fn records(&self, which: Which) -> Asked<Vec<Record>> {
        self.reader.ask(Terms::IfAwaited, move |connection| select(connection, &which))
    }

    fn answer(&self, id: LedgerId) -> Asked<Option<Answer>> {
        self.reader.ask(Terms::IfAwaited, move |connection| rows::answer(connection, &id))
    }

    fn job(&self, job_id: &str) -> Asked<Option<Job>> {
        let job_id = job_id.to_owned();
        self.reader.ask(Terms::IfAwaited, move |connection| {
            let sql = "SELECT * FROM calls WHERE job_id = ?1 ORDER BY at DESC LIMIT 1";
            let records = collect(connection, sql, params![job_id])?;
            Ok(records.first().and_then(Record::job))
        })
    }

    fn unfinished(&self, since: Timestamp) -> Asked<Vec<Job>> {
        self.reader.ask(Terms::IfAwaited, move |connection| {
            let sql = "SELECT * FROM calls WHERE at >= ?1 AND job_id IS NOT NULL \
                       AND job_status IN ('queued', 'in_progress', 'other') ORDER BY at";
            let records = collect(connection, sql, params![since.0])?;
            Ok(records.iter().filter_map(Record::job).collect())
        })
    }

    fn usage(&self, since: Timestamp) -> Asked<HashMap<Arc<str>, Amount>> {
        self.reader.ask(Terms::IfAwaited, move |connection| usage::since(connection, since))
    }
}

fn select(connection: &Connection, which: &Which) -> rusqlite::Result<Vec<Record>> {
    match which {
        Which::Id(id) => collect(connection, "SELECT * FROM calls WHERE id = ?1", params![id.as_str()]),
        Which::Key { client, operation, key, since } => collect(
            connection,
            "SELECT * FROM calls WHERE client = ?1 AND operation = ?2 AND idempotency_key = ?3 AND at >= ?4 \
             ORDER BY state = 'refused', at DESC, id DESC LIMIT 1",
            params![&**client, operation.name(), key.as_str(), since.0],
        ),
        Which::Request { client, fingerprint, since } => collect(
            connection,
            "SELECT * FROM calls WHERE client = ?1 AND fingerprint = ?2 AND at >= ?3 \
             AND idempotency_key IS NULL ORDER BY at DESC, id DESC LIMIT ?4",
            params![&**client, fingerprint.as_str(), since.0, RECORDS_MAX],
        ),
        Which::Oldest { client, fingerprint, since } => collect(
            connection,
            "SELECT * FROM calls WHERE client = ?1 AND fingerprint = ?2 AND at >= ?3 \
             AND idempotency_key IS NULL ORDER BY at, id LIMIT 1",
            params![&**client, fingerprint.as_str(), since.0],
        ),
    }
}

fn collect(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row: &Row<'_>| rows::read(row))?;
    rows.collect()
}

fn write_note(connection: &Connection, note: &Note) -> rusqlite::Result<()> {
    match &note.what {
        Noted::Job { id, status, fault } => {
            let Fault { code, message } = fault;
            let mut statement = connection.prepare_cached(
                "UPDATE calls SET job_status = ?2, updated = ?3, error_code = coalesce(?4, error_code), \
                 error_message = coalesce(?5, error_message) \
                 WHERE id = (SELECT id FROM calls WHERE job_id = ?1 ORDER BY at DESC LIMIT 1)",
            )?;
            statement.execute(params![&**id, status.name(), note.at.0, code, message])?;
        }
        Noted::ClientLeft(id) => {
            let mut statement =
                connection.prepare_cached("UPDATE calls SET client_left = 1 WHERE id = ?1")?;
            statement.execute(params![id.as_str()])?;
        }
        Noted::Replayed(id) => {
            let mut statement =
                connection.prepare_cached("UPDATE calls SET replays = replays + 1 WHERE id = ?1")?;
            statement.execute(params![id.as_str()])?;
        }
    }
    Ok(())
}
