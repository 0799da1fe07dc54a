//! Giving a client's records to another client, for good.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::archive::BUSY;
use super::{file, schema};
use crate::ledger::archive::Unreadable;

/// What was given, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// Records of calls.
    pub calls: usize,
    /// Of these, the ones whose job or character may still be there.
    pub jobs: usize,
}

/// Gives all records of the client `from` to the client `to`, with what they count in budgets. With `dry_run` it only
/// counts them.
///
/// # Errors
/// If the file cannot be written, or an older version has made it.
pub(crate) fn assign(path: &Path, (from, to): (&str, &str), dry_run: bool) -> Result<Assigned, Unreadable> {
    let mut connection = file::connect(path, BUSY)?;
    schema::check(&connection).map_err(Unreadable)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let assigned = count(&transaction, from)?;
    if dry_run || assigned.calls == 0 {
        return Ok(assigned);
    }
    transaction.execute("UPDATE calls SET client = ?2 WHERE client = ?1", params![from, to])?;
    transaction.execute(
        "INSERT INTO usage (day, client, requests, seconds, money)
            SELECT day, ?2, requests, seconds, money FROM usage WHERE client = ?1
            ON CONFLICT (day, client) DO UPDATE SET
                requests = requests + excluded.requests, seconds = seconds + excluded.seconds,
                money = money + excluded.money",
        params![from, to],
    )?;
    transaction.execute("DELETE FROM usage WHERE client = ?1", [from])?;
    transaction.commit()?;
    Ok(assigned)
}

/// The clients that records are of, in order of name.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn clients(path: &Path) -> Result<Vec<String>, Unreadable> {
    let connection = file::connect(path, BUSY)?;
    let mut statement = connection.prepare("SELECT DISTINCT client FROM calls ORDER BY client")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

fn count(connection: &Connection, client: &str) -> rusqlite::Result<Assigned> {
    let sql =
        "SELECT count(*), count(CASE WHEN job_id IS NOT NULL AND job_status IS NOT 'deleted' THEN 1 END)
        FROM calls WHERE client = ?1";
    connection.query_row(sql, [client], |row| {
        let number = |column| row.get::<_, u32>(column).map(|number| number as usize);
        Ok(Assigned { calls: number(0)?, jobs: number(1)? })
    })
}
