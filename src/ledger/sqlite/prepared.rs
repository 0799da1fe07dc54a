//! A connection and its statements: each is prepared when it is first asked for, and kept.

use rusqlite::{Connection, Statement};

use super::usage::Uses;
use super::{columns, rows};
use crate::ledger::record::Record;

/// A connection with what has been prepared of it. One thread's.
pub(super) struct Prepared<'c> {
    pub(super) connection: &'c Connection,
    statements: [Option<Statement<'c>>; Sql::ALL.len()],
    /// What the transaction under way adds to the sums of usage.
    pub(super) uses: Uses,
}

/// Declares the statements.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        /// A statement that is kept prepared.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Sql { $($(#[$doc])* $name,)+ }

        impl Sql {
            const ALL: &[Self] = &[$(Self::$name,)+];

            pub(super) fn text(self) -> String {
                match self { $(Self::$name => ($text).into(),)+ }
            }
        }
    };
}

statements! {
    Begin = "BEGIN IMMEDIATE";
    Commit = "COMMIT";
    Insert = columns::insert();
    InsertTry = "INSERT INTO tries (is_repeat, minute, request, id) VALUES (?1, ?2, ?3, ?4)";
    /// Only what is open can be settled: of two outcomes the first counts.
    Settle = "
        UPDATE calls SET
            updated = ?2, state = ?3, attempts = ?4, status = ?5, job_id = ?6, job_status = ?7,
            upstream_request_id = ?8, error_code = ?9, error_message = ?10, client_left = client_left OR ?11,
            answer = ?12
        WHERE id = ?1 AND state = 'open'";
    InsertAnswer = "INSERT INTO answers (id, at, headers, body) VALUES (?1, ?2, ?3, ?4)";
    DeleteAnswer = "DELETE FROM answers WHERE number = ?1";
    /// Numbers are given again once answers are old: whose it is counts too.
    Answer = "
        SELECT calls.status, answers.headers, answers.body
        FROM calls JOIN answers ON answers.number = calls.answer AND answers.id = calls.id WHERE calls.id = ?1";
    NoteJob = "
        UPDATE calls SET
            job_status = ?2, updated = ?3, error_code = coalesce(?4, error_code),
            error_message = coalesce(?5, error_message)
        WHERE id = (SELECT id FROM calls WHERE job_id = ?1 ORDER BY at DESC LIMIT 1)";
    NoteLeft = "UPDATE calls SET client_left = 1 WHERE id = ?1";
    NoteReplayed = "UPDATE calls SET replays = replays + 1 WHERE id = ?1";
    ById = "SELECT * FROM calls WHERE id = ?1";
    ByKey = "
        SELECT * FROM calls WHERE client = ?1 AND operation = ?2 AND idempotency_key = ?3 AND at >= ?4
        ORDER BY state = 'refused', at DESC, id DESC LIMIT 1";
    ByJob = "SELECT * FROM calls WHERE job_id = ?1 ORDER BY at DESC LIMIT ?2";
    /// From the index alone.
    ClientsOfJob = "SELECT client FROM calls WHERE job_id = ?1";
    /// Videos of one client before and behind an id, which is a time.
    VideosBefore = "
        SELECT * FROM calls WHERE client = ?1 AND job_id IS NOT NULL AND id < ?2
            AND operation <> 'character' AND job_status IS NOT 'deleted'
        ORDER BY id DESC LIMIT ?3";
    VideosBehind = "
        SELECT * FROM calls WHERE client = ?1 AND job_id IS NOT NULL AND id > ?2
            AND operation <> 'character' AND job_status IS NOT 'deleted'
        ORDER BY id LIMIT ?3";
    /// The same of every client.
    AllVideosBefore = "
        SELECT * FROM calls WHERE job_id IS NOT NULL AND id < ?1
            AND operation <> 'character' AND job_status IS NOT 'deleted'
        ORDER BY id DESC LIMIT ?2";
    AllVideosBehind = "
        SELECT * FROM calls WHERE job_id IS NOT NULL AND id > ?1
            AND operation <> 'character' AND job_status IS NOT 'deleted'
        ORDER BY id LIMIT ?2";
    /// By id, which has the time of the claim: no younger than that of the record.
    Unfinished = "
        SELECT * FROM calls WHERE id >= ?1 AND at >= ?2 AND job_id IS NOT NULL
            AND job_status IN ('queued', 'in_progress', 'other')
        ORDER BY id";
    NextMinute = "SELECT min(minute) FROM tries WHERE is_repeat = ?1 AND minute >= ?2";
    LastMinute = "SELECT max(minute) FROM tries WHERE is_repeat = ?1 AND minute <= ?2";
    AnyTry = "SELECT 1 FROM tries WHERE is_repeat = ?1 AND minute = ?2 AND request = ?3 LIMIT 1";
    OldestTry = "
        SELECT calls.* FROM tries CROSS JOIN calls USING (id)
        WHERE tries.is_repeat = ?1 AND minute = ?2 AND request = ?3
            AND client = ?4 AND fingerprint = ?5 AND at >= ?6
        ORDER BY tries.id LIMIT 1";
    YoungestTries = "
        SELECT calls.* FROM tries CROSS JOIN calls USING (id)
        WHERE tries.is_repeat = ?1 AND minute = ?2 AND request = ?3
            AND client = ?4 AND fingerprint = ?5 AND at >= ?6
        ORDER BY tries.id DESC LIMIT ?7";
    Use = "
        INSERT INTO usage (day, client, requests, seconds, money) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (day, client) DO UPDATE SET
            requests = requests + excluded.requests, seconds = seconds + excluded.seconds,
            money = money + excluded.money";
    /// What a call was counted with.
    Cost = "SELECT client, at, seconds, price FROM calls WHERE id = ?1";
    /// The same of the call that a job was started by, unless it came to nothing before.
    CostOfJob = "
        SELECT client, at, seconds, price FROM calls
        WHERE id = (SELECT id FROM calls WHERE job_id = ?1 ORDER BY at DESC LIMIT 1)
            AND state <> 'refused' AND (job_status IS NULL OR job_status IN ('queued', 'in_progress', 'other'))";
    Used = "SELECT client, sum(requests), sum(seconds), sum(money) FROM usage WHERE day >= ?1 GROUP BY client";
}

impl<'c> Prepared<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, statements: [const { None }; Sql::ALL.len()], uses: Uses::default() }
    }

    /// The statement, prepared.
    pub(super) fn statement(&mut self, sql: Sql) -> rusqlite::Result<&mut Statement<'c>> {
        let kept = self.statements.get_mut(sql as usize).ok_or(rusqlite::Error::InvalidQuery)?;
        match kept {
            Some(statement) => Ok(statement),
            None => Ok(kept.insert(self.connection.prepare(&sql.text())?)),
        }
    }

    /// Runs a statement; yields how many rows it has changed.
    pub(super) fn execute(&mut self, sql: Sql, params: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.statement(sql)?.execute(params)
    }

    /// The records that a statement finds.
    pub(super) fn records(
        &mut self,
        sql: Sql,
        params: impl rusqlite::Params,
    ) -> rusqlite::Result<Vec<Record>> {
        let rows = self.statement(sql)?.query_map(params, rows::read)?;
        rows.collect()
    }
}
