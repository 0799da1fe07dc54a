//! Forgetting what is old, a little at a time: whoever pays must not wait for it.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use tracing::warn;

use super::thread::Chore;
use super::{tries, usage};
use crate::config::ledger::Settings;
use crate::ledger::time::Timestamp;

/// Rows that are deleted at once.
const ROWS_MAX: usize = 500;
/// How often it is looked for old rows.
const EVERY: Duration = Duration::from_secs(3600);
/// How soon it goes on if there were more of them.
const SOON: Duration = Duration::from_millis(50);

/// The writer's chore.
pub(super) fn chore(settings: &Settings) -> Chore {
    let (keep, keep_answers) = (settings.keep, settings.keep_answers);
    let mut due = Timestamp(0);
    Box::new(move |connection| {
        let now = Timestamp::from(SystemTime::now());
        let Some(left) = u64::try_from(due.0 - now.0).ok().filter(|left| *left > 0) else {
            let more = purge(connection, now, [keep, keep_answers]).unwrap_or_else(|error| {
                warn!(%error, "old records of the ledger could not be deleted");
                false
            });
            let wait = if more { SOON } else { EVERY };
            due = Timestamp(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
            return wait;
        };
        // Should the clock be set back, it is looked again within the usual time.
        Duration::from_millis(left).min(EVERY)
    })
}

/// Yields whether there may be more to delete.
fn purge(connection: &Connection, now: Timestamp, keep: [Duration; 2]) -> rusqlite::Result<bool> {
    let [calls, answers] = keep.map(|keep| now.before(keep));
    usage::purge(connection, now)?;
    // What is oldest is at the beginning of each.
    let old = |table: &str, key: &str| {
        let oldest = format!("SELECT {key}, at FROM {table} ORDER BY {key} LIMIT {ROWS_MAX}");
        format!("DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM ({oldest}) WHERE at < ?1)")
    };
    let deleted = [
        // What a repeat must know of is not kept for longer than its answer.
        tries::purge(connection, answers, ROWS_MAX)?,
        connection.execute(&old("answers", "number"), [answers.0])?,
        connection.execute(&old("calls", "id"), [calls.0])?,
    ];
    Ok(deleted.contains(&ROWS_MAX))
}
