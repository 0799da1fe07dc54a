//! Opening the file: whose it is, who else has it open, and what a dead process left behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::identity::FileId;
use super::schema::{self, Upgrade};
use super::unusable::Unusable;
use crate::config::ledger::Sync;
use crate::ledger::time::Timestamp;

/// A connection that may write, and the lock that says so.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Held for as long as the file is in use. The system drops it with the process, however that ends.
    pub(super) lock: File,
    /// Which file it is.
    pub(super) id: FileId,
    /// Calls that a dead process left open.
    pub(super) interrupted: usize,
    /// What was done to bring it up to date, if it was not.
    pub(super) upgrade: Option<Upgrade>,
}

/// Opens the file, makes it if it is not there, and brings it up to date.
pub(super) fn open(path: &Path, sync: Sync, busy: Duration) -> Result<Opened, Unusable> {
    // Before anything is made or changed.
    if path.exists() {
        schema::check_ours(&connect_for(path, busy, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
    }
    let lock = lockable(&with_ending(path, ".lock")).map_err(lock_failed)?;
    let alone = match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => return Err(lock_failed(error)),
    };
    if !alone {
        // Whoever is alone looks after what was left behind, and then lets others in.
        lock.lock_shared().map_err(lock_failed)?;
    }
    let id = FileId::from(&lockable(path)?.metadata()?);
    let connection = connect(path, busy)?;
    settings(&connection, sync)?;
    let upgrade = schema::migrate(&connection, path, alone)?;
    let interrupted = if alone { recover(&connection)? } else { 0 };
    // Between the two locks another process may be alone for a moment; of ours nothing is open yet.
    lock.lock_shared().map_err(lock_failed)?;
    Ok(Opened { connection, lock, id, interrupted, upgrade })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn lock_failed(error: io::Error) -> Unusable {
    Unusable::Other(format!("its lock: {error}"))
}

/// A further connection, for reading.
pub(super) fn connect(path: &Path, busy: Duration) -> rusqlite::Result<Connection> {
    let connection = connect_for(path, busy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Otherwise whoever binds another time to a statement has it planned anew: a third of all work of a create.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn connect_for(path: &Path, busy: Duration, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}

/// Whoever reads answers must be who runs the gateway.
fn lockable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The name of a file beside another one.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn settings(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
    // Readers and the writer do not wait for each other.
    connection.pragma_update(None, "journal_mode", "wal")?;
    let sync = match sync {
        Sync::Full => "full",
        Sync::Normal => "normal",
    };
    connection.pragma_update(None, "synchronous", sync)
}

/// Nobody else is alive: whoever made these calls will not tell how they ended.
fn recover(connection: &Connection) -> rusqlite::Result<usize> {
    let now: Timestamp = std::time::SystemTime::now().into();
    connection.execute(
        "UPDATE calls SET state = 'unknown', error_code = 'interrupted', updated = ?1 WHERE state = 'open'",
        params![now.0],
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::prepared::{Prepared, Sql};
    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound_to_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let opened = open(&directory.path().join("ledger.db"), Sync::Normal, Duration::ZERO);
        let Opened { connection, .. } = opened.unwrap_or_else(|error| panic!("{error}"));
        let mut prepared = Prepared::new(&connection);
        let statement = prepared.statement(Sql::OldestTry).expect("a statement");
        for at in 0..10_i64 {
            let mut rows = statement.query((false, at, "f", "team", "f", at)).expect("an answer");
            assert!(rows.next().expect("an answer").is_none(), "nothing is written down");
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
