//! Which calls ask for the same: by the minute in which they were written down.
//!
//! A table of requests by themselves would have each of them on a page of its own, among all those of months. Those of
//! a minute share pages, and whoever looks for a request asks the few minutes in which its tries may be.

use std::sync::Arc;

use rusqlite::Connection;

use super::prepared::{Prepared, Sql};
use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::record::Record;
use crate::ledger::store::RECORDS_MAX;
use crate::ledger::time::Timestamp;

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// As much of a fingerprint as tells requests apart; what meets all the same is told apart by its record.
const PREFIX: usize = 16;

/// A request, and since when its tries count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'r> {
    pub(super) client: &'r Arc<str>,
    pub(super) fingerprint: &'r Fingerprint,
    pub(super) since: Timestamp,
}

/// First tries, and repeats: apart, since most that are looked for are repeats, and there are few.
const KINDS: [bool; 2] = [false, true];

/// Makes a record known as a try of its request.
pub(super) fn insert(prepared: &mut Prepared<'_>, record: &Record) -> rusqlite::Result<()> {
    let request = brief(&record.intent.fingerprint);
    let params = (record.intent.repeat, record.at.0 / MINUTE, request, &record.id.0);
    prepared.execute(Sql::InsertTry, params).map(|_| ())
}

/// Whether there may be a repeat of a request that is not older.
pub(super) fn may_have_repeat(prepared: &mut Prepared<'_>, request: Request<'_>) -> rusqlite::Result<bool> {
    let brief = brief(request.fingerprint);
    let mut minute = next(prepared, true, request.since.0 / MINUTE)?;
    while let Some(this) = minute {
        if prepared.statement(Sql::AnyTry)?.exists((true, this, brief))? {
            return Ok(true);
        }
        minute = next(prepared, true, this + 1)?;
    }
    Ok(false)
}

/// The oldest try of a request.
pub(super) fn oldest(prepared: &mut Prepared<'_>, request: Request<'_>) -> rusqlite::Result<Vec<Record>> {
    let mut found = Vec::new();
    for is_repeat in KINDS {
        let mut minute = next(prepared, is_repeat, request.since.0 / MINUTE)?;
        while let Some(this) = minute {
            let Request { client, fingerprint, since } = request;
            let params = (is_repeat, this, brief(fingerprint), client, fingerprint.as_str(), since.0);
            if let Some(oldest) = prepared.records(Sql::OldestTry, params)?.pop() {
                found.push(oldest);
                break;
            }
            minute = next(prepared, is_repeat, this + 1)?;
        }
    }
    found.sort_unstable_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    found.truncate(1);
    Ok(found)
}

/// The tries of a request, the youngest first; at most [`RECORDS_MAX`].
pub(super) fn youngest(prepared: &mut Prepared<'_>, request: Request<'_>) -> rusqlite::Result<Vec<Record>> {
    let mut found = Vec::new();
    for is_repeat in KINDS {
        let mut left = RECORDS_MAX;
        let mut minute = last(prepared, is_repeat, i64::MAX)?;
        while let Some(this) = minute.filter(|this| left > 0 && *this >= request.since.0 / MINUTE) {
            let Request { client, fingerprint, since } = request;
            let params = (is_repeat, this, brief(fingerprint), client, fingerprint.as_str(), since.0, left);
            let tries = prepared.records(Sql::YoungestTries, params)?;
            left = left.saturating_sub(tries.len());
            found.extend(tries);
            minute = last(prepared, is_repeat, this - 1)?;
        }
    }
    found.sort_unstable_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
    found.truncate(RECORDS_MAX);
    Ok(found)
}

/// Forgets some of those that are older; yields how many.
pub(super) fn purge(connection: &Connection, than: Timestamp, most: usize) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for is_repeat in KINDS {
        let sql = "
            DELETE FROM tries WHERE (is_repeat, minute, request, id) IN (
                SELECT is_repeat, minute, request, id FROM tries WHERE is_repeat = ?1 AND minute < ?2 LIMIT ?3
            )";
        deleted += connection.execute(sql, (is_repeat, than.0 / MINUTE, most - deleted))?;
    }
    Ok(deleted)
}

/// The first minute with tries that is not before this one.
fn next(prepared: &mut Prepared<'_>, is_repeat: bool, minute: i64) -> rusqlite::Result<Option<i64>> {
    prepared.statement(Sql::NextMinute)?.query_row((is_repeat, minute), |row| row.get(0))
}

/// The last minute with tries that is not after this one.
fn last(prepared: &mut Prepared<'_>, is_repeat: bool, minute: i64) -> rusqlite::Result<Option<i64>> {
    prepared.statement(Sql::LastMinute)?.query_row((is_repeat, minute), |row| row.get(0))
}

fn brief(fingerprint: &Fingerprint) -> &str {
    let whole = fingerprint.as_str();
    whole.get(..PREFIX).unwrap_or(whole)
}
