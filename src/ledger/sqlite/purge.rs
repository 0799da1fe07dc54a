//! Forgetting what is old, a little at a time: whoever pays must not wait for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use tracing::warn;

use super::thread::Chore;
use super::{tries, usage};
use crate::config::ledger::Settings;
use crate::ledger::record::LedgerId;
use crate::ledger::time::Timestamp;

/// Rows that are deleted at once.
const ROWS_MAX: usize = 500;
/// How often it is looked for old rows.
const EVERY: Duration = Duration::from_secs(3600);
/// How soon it goes on if there were more of them.
const SOON: Duration = Duration::from_millis(50);

/// The writer's chore.
pub(super) fn chore(settings: &Settings) -> Chore {
    let mut purge = Purge {
        keep: settings.keep,
        keep_answers: settings.keep_answers,
        keep_jobs: settings.keep_jobs,
        passed: LedgerId("".into()),
    };
    let mut due = Timestamp(0);
    Box::new(move |connection| {
        let now = Timestamp::from(SystemTime::now());
        let Some(left) = u64::try_from(due.0 - now.0).ok().filter(|left| *left > 0) else {
            let more = purge.step(connection, now).unwrap_or_else(|error| {
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

/// What is forgotten when, and how far calls have been looked through.
struct Purge {
    keep: Duration,
    keep_answers: Duration,
    keep_jobs: Option<Duration>,
    /// The last call that was looked at: those of jobs that an upstream may still have stay, and are not looked at again
    /// in each step.
    passed: LedgerId,
}

impl Purge {
    /// Yields whether there may be more to delete.
    fn step(&mut self, connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        usage::purge(connection, now)?;
        let answers = now.before(self.keep_answers);
        // What is oldest is at the beginning.
        let old_answers = format!(
            "DELETE FROM answers WHERE number IN (
                SELECT number FROM (SELECT number, at FROM answers ORDER BY number LIMIT {ROWS_MAX}) WHERE at < ?1)"
        );
        let deleted = [
            // What a repeat must know of is not kept for longer than its answer.
            tries::purge(connection, answers, ROWS_MAX)?,
            connection.execute(&old_answers, [answers.0])?,
        ];
        let more_calls = self.calls(connection, now)?;
        Ok(more_calls || deleted.contains(&ROWS_MAX))
    }

    /// Looks through the next calls; yields whether there may be more old ones behind them.
    fn calls(&mut self, connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        let old = now.before(self.keep);
        // Without a limit no job is that old.
        let old_job = self.keep_jobs.map_or(Timestamp(0), |keep| now.before(keep));
        // Ids begin with the time of the claim, which is no later than that of the record.
        let bound = LedgerId::first_at(old);
        let last: Option<Arc<str>> = connection.query_row(
            &format!("SELECT max(id) FROM (SELECT id FROM calls WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT {ROWS_MAX})"),
            (&self.passed.0, &bound.0),
            |row| row.get(0),
        )?;
        let Some(last) = last.map(LedgerId) else {
            // From the beginning the next time: clients delete videos.
            self.passed = LedgerId("".into());
            return Ok(false);
        };
        connection.execute(
            "DELETE FROM calls WHERE id > ?1 AND id <= ?2 AND at < ?3
                AND (job_id IS NULL OR job_status = 'deleted' OR at < ?4)",
            (&self.passed.0, &last.0, old.0, old_job.0),
        )?;
        self.passed = last;
        Ok(true)
    }
}
