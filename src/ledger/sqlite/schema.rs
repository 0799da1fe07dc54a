//! The tables, and how files of older versions come up to date.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tracing::warn;

use super::backup::Backup;
use super::unusable::Unusable;

/// What every file of ours says of itself: `Relg` in letters. Files of version 0.1 do not have it.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"Relg");

/// One step a version. Never change one that was released: add another.
const STEPS: &[&str] = &[FIRST, USAGE, LEAN, OWNERS];

/// Times are milliseconds since the Unix epoch. `ledger` shows them as dates, for whoever reads by hand.
const FIRST: &str = "
    CREATE TABLE calls (
        id                  TEXT PRIMARY KEY,
        at                  INTEGER NOT NULL,
        updated             INTEGER NOT NULL,
        client              TEXT NOT NULL,
        operation           TEXT NOT NULL,
        fingerprint         TEXT NOT NULL,
        idempotency_key     TEXT,
        is_repeat           INTEGER NOT NULL,
        upstream            TEXT NOT NULL,
        model               TEXT,
        seconds             INTEGER,
        size                TEXT,
        price               REAL,
        request_id          TEXT NOT NULL,
        request_line        TEXT NOT NULL,
        request_headers     TEXT NOT NULL,
        request_bytes       INTEGER NOT NULL,
        state               TEXT NOT NULL,
        attempts            INTEGER NOT NULL,
        status              INTEGER,
        job_id              TEXT,
        job_status          TEXT,
        upstream_request_id TEXT,
        error_code          TEXT,
        error_message       TEXT,
        instance            TEXT NOT NULL,
        client_left         INTEGER NOT NULL,
        replays             INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX calls_by_time ON calls (at);
    CREATE INDEX calls_by_key ON calls (client, operation, idempotency_key, at)
        WHERE idempotency_key IS NOT NULL;
    CREATE INDEX calls_by_request ON calls (client, fingerprint, at);
    CREATE INDEX calls_by_job ON calls (job_id) WHERE job_id IS NOT NULL;
    CREATE INDEX calls_by_request_id ON calls (request_id);
    CREATE INDEX calls_open ON calls (id) WHERE state = 'open';

    CREATE TABLE answers (
        id      TEXT PRIMARY KEY,
        at      INTEGER NOT NULL,
        headers TEXT NOT NULL,
        body    BLOB NOT NULL
    ) STRICT;
    CREATE INDEX answers_by_time ON answers (at);

    CREATE VIEW ledger AS
        SELECT
            id,
            strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
            strftime('%Y-%m-%dT%H:%M:%fZ', updated / 1000.0, 'unixepoch') AS updated,
            client, operation, state, status, upstream, model, seconds, size, price, job_id, job_status,
            error_code, error_message, attempts, replays, client_left, request_id, upstream_request_id,
            idempotency_key, fingerprint, instance
        FROM calls
        ORDER BY calls.at DESC;
";

/// What each client has had made on each day (days since the Unix epoch), so that a start need not read every call of
/// a month. Money is in millionths. Calls are counted from the moment they are written down until it is known that they
/// came to nothing; a job that failed is not counted again for being deleted.
const USAGE: &str = "
    CREATE TABLE usage (
        client   TEXT NOT NULL,
        day      INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        seconds  INTEGER NOT NULL,
        money    INTEGER NOT NULL,
        PRIMARY KEY (client, day)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX usage_by_day ON usage (day);

    INSERT INTO usage
        SELECT client, at / 86400000, count(*), sum(coalesce(seconds, 0)),
            sum(CAST(round(coalesce(price, 0) * 1000000) AS INTEGER))
        FROM calls
        WHERE at >= unixepoch('now', 'start of month') * 1000
            AND state <> 'refused' AND job_status IS NOT 'failed'
        GROUP BY 1, 2;

    CREATE TRIGGER usage_grows AFTER INSERT ON calls
    WHEN NEW.state <> 'refused' AND NEW.job_status IS NOT 'failed'
    BEGIN
        INSERT INTO usage VALUES (
            NEW.client, NEW.at / 86400000, 1, coalesce(NEW.seconds, 0),
            CAST(round(coalesce(NEW.price, 0) * 1000000) AS INTEGER)
        ) ON CONFLICT (client, day) DO UPDATE SET
            requests = requests + 1, seconds = seconds + excluded.seconds, money = money + excluded.money;
    END;

    CREATE TRIGGER usage_shrinks AFTER UPDATE OF state, job_status ON calls
    WHEN (NEW.state = 'refused' OR NEW.job_status = 'failed')
        AND OLD.state <> 'refused'
        AND (OLD.job_status IS NULL OR OLD.job_status IN ('queued', 'in_progress', 'other'))
    BEGIN
        UPDATE usage SET
            requests = requests - 1,
            seconds = seconds - coalesce(OLD.seconds, 0),
            money = money - CAST(round(coalesce(OLD.price, 0) * 1000000) AS INTEGER)
        WHERE client = OLD.client AND day = OLD.at / 86400000;
    END;
";

/// What a create has to write is less, and lies together.
///
/// - Ids begin with the time: what is looked for by time is looked for by id, and needs no index of its own. Ids of
///   requests begin with it too.
/// - Tries of a request are looked for among those of some minutes (`tries`), not among all there ever were.
/// - A record says which answer is its own (`answer`), and answers need no index.
/// - Sums of usage lie together by day, and are written once a transaction, not by triggers, for which SQLite would keep
///   a copy of every page that a statement changes.
///
/// Dropping an index reads it once: some five seconds for a million calls. Only
/// answers, and the tries of the last day, are copied.
const LEAN: &str = "
    DROP TRIGGER usage_grows;
    DROP TRIGGER usage_shrinks;
    DROP INDEX calls_by_time;
    DROP INDEX calls_by_request;
    DROP INDEX calls_by_request_id;

    CREATE TABLE tries (
        is_repeat INTEGER NOT NULL,
        minute    INTEGER NOT NULL,
        request   TEXT NOT NULL,
        id        TEXT NOT NULL,
        PRIMARY KEY (is_repeat, minute, request, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO tries
        SELECT is_repeat, at / 60000, substr(fingerprint, 1, 16), id FROM calls
        WHERE id >= printf('lg_%012x', (unixepoch('now') - 86400) * 1000) AND idempotency_key IS NULL;

    ALTER TABLE calls ADD COLUMN answer INTEGER;
    ALTER TABLE answers RENAME TO answers_before;
    CREATE TABLE answers (
        number  INTEGER PRIMARY KEY,
        id      TEXT NOT NULL,
        at      INTEGER NOT NULL,
        headers TEXT NOT NULL,
        body    BLOB NOT NULL
    ) STRICT;
    INSERT INTO answers (id, at, headers, body) SELECT id, at, headers, body FROM answers_before ORDER BY id;
    UPDATE calls SET answer = answers.number FROM answers WHERE answers.id = calls.id;
    DROP TABLE answers_before;

    ALTER TABLE usage RENAME TO usage_before;
    CREATE TABLE usage (
        day      INTEGER NOT NULL,
        client   TEXT NOT NULL,
        requests INTEGER NOT NULL,
        seconds  INTEGER NOT NULL,
        money    INTEGER NOT NULL,
        PRIMARY KEY (day, client)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage SELECT day, client, requests, seconds, money FROM usage_before;
    DROP TABLE usage_before;

    DROP VIEW ledger;
    CREATE VIEW ledger AS
        SELECT
            id,
            strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
            strftime('%Y-%m-%dT%H:%M:%fZ', updated / 1000.0, 'unixepoch') AS updated,
            client, operation, state, status, upstream, model, seconds, size, price, job_id, job_status,
            error_code, error_message, attempts, replays, client_left, request_id, upstream_request_id,
            idempotency_key, fingerprint, instance
        FROM calls
        ORDER BY calls.id DESC;
";

/// A client's videos are found by the client's name, newest first, and whose a job is stands in the index of jobs. And the name by which a client ordered a model is kept
/// beside the configured one, since a list of videos has to show it.
const OWNERS: &str = "
    ALTER TABLE calls ADD COLUMN model_named TEXT;
    CREATE INDEX calls_by_owner ON calls (client) WHERE job_id IS NOT NULL;
    DROP INDEX calls_by_job;
    CREATE INDEX calls_by_job ON calls (job_id, client) WHERE job_id IS NOT NULL;
";

/// What was done to bring a file up to date.
#[derive(Debug)]
pub(super) struct Upgrade {
    pub(super) from: usize,
    pub(super) to: usize,
    /// A copy of the file as it was.
    pub(super) backup: PathBuf,
}

/// Refuses a database that another application made. One without tables is as good as none.
///
/// # Errors
/// If it is one, or cannot be read.
pub(super) fn check_ours(connection: &Connection) -> Result<(), Unusable> {
    let application_id = application_id(connection)?;
    if application_id == APPLICATION_ID {
        return Ok(());
    }
    let names = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut statement = connection.prepare(names)?;
    let tables = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    // As version 0.1 made them.
    let is_older = |version| version > 0 && OURS.iter().all(|name| tables.iter().any(|table| table == name));
    let is_new = |version| version == 0 && tables.is_empty();
    let version = version(connection)?;
    if application_id == 0 && (is_new(version) || is_older(version)) {
        return Ok(());
    }
    Err(Unusable::Foreign { application_id, tables })
}

/// Tables and views that are in a file of every version.
const OURS: [&str; 3] = ["answers", "calls", "ledger"];

/// Brings the file at `path` up to date, with a copy beside it of what it was.
///
/// # Errors
/// If that fails, or somebody else has it open, who is not `alone` then: what an older version writes would lack what
/// this one looks for.
pub(super) fn migrate(
    connection: &Connection,
    path: &Path,
    alone: bool,
) -> Result<Option<Upgrade>, Unusable> {
    let known = STEPS.len();
    let from = version(connection)?;
    if from > known {
        let newer =
            format!("a newer version of reelgate wrote it (schema {from}, and this one knows {known})");
        return Err(newer.into());
    }
    if !alone {
        return match from {
            from if from == known => Ok(None),
            // What is made anew is not what the other process writes into.
            0 => Err("a process that still runs had another file in its place (end that one first)"
                .to_owned()
                .into()),
            _ => Err("a process of an older version has it open (end that one first)".to_owned().into()),
        };
    }
    if let Some(backup) = Backup::left_behind(path, from) {
        keep(backup);
    }
    let backup = (0 < from && from < known).then(|| Backup::make(connection, path, known)).transpose()?;
    if let Err(error) = apply(connection, from) {
        if let Some(backup) = backup {
            backup.discard();
        }
        return Err(error.into());
    }
    let backup = backup.and_then(keep);
    Ok(backup.map(|backup| Upgrade { from, to: known, backup }))
}

/// Where a copy is kept. One that cannot be given its name gets it at the next start.
fn keep(backup: Backup) -> Option<PathBuf> {
    backup
        .keep()
        .inspect_err(|error| warn!(%error, "a backup of the ledger could not be given its name"))
        .ok()
}

/// Whether a file is up to date, for who only changes what is in it.
///
/// # Errors
/// If another version has made it.
pub(super) fn check(connection: &Connection) -> Result<(), String> {
    let version = version(connection).map_err(|error| error.to_string())?;
    if version == STEPS.len() {
        return Ok(());
    }
    Err(format!(
        "another version of reelgate has made it (schema {version}, and this one writes {}): start a gateway of this \
         version with it first",
        STEPS.len()
    ))
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(version as usize)
}

fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Takes all steps that are missing, or none of them.
fn apply(connection: &Connection, from: usize) -> rusqlite::Result<()> {
    let steps = STEPS.get(from..).unwrap_or_default();
    if steps.is_empty() && application_id(connection)? == APPLICATION_ID {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let taken = steps.iter().try_for_each(|step| connection.execute_batch(step)).and_then(|()| {
        connection.pragma_update(None, "user_version", STEPS.len())?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.execute_batch("COMMIT")
    });
    taken.inspect_err(|_| {
        // The first error is the one to tell.
        let _ = connection.execute_batch("ROLLBACK");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_brought_up_to_date_once() {
        let connection = Connection::open_in_memory().expect("a database");
        for _ in 0..2 {
            let upgrade = migrate(&connection, Path::new(""), true).expect("up to date");
            assert!(upgrade.is_none(), "there was nothing to keep");
        }
        assert_eq!(version(&connection).expect("a version"), STEPS.len());
        assert_eq!(application_id(&connection).expect("an id"), APPLICATION_ID);
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_alone() {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch("PRAGMA user_version = 1000").expect("a version");
        let error = migrate(&connection, Path::new(""), true).expect_err("a refusal").to_string();
        assert!(error.contains("schema 1000"), "{error}");
    }
}
