//! The file as people read it: without the gateway, or beside it.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, params_from_iter};

use super::{CLAIMED_BEFORE, rows};
use crate::ledger::archive::{Archive, Filter, Unreadable};
use crate::ledger::record::{LedgerId, Record};
use crate::ledger::settlement::Answer;
use crate::ledger::time::Timestamp;
use crate::request_id::RequestId;

/// A ledger file, opened for reading only.
pub(crate) struct FileArchive(Connection);

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// How long a gateway that is just tidying up is waited for.
pub(super) const BUSY: Duration = Duration::from_secs(5);

impl FileArchive {
    /// Opens a file. Makes none.
    ///
    /// # Errors
    /// If there is no ledger in it.
    pub(crate) fn open(path: &Path) -> Result<Self, Unreadable> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        // Opening alone looks at nothing.
        connection.query_row("SELECT count(*) FROM calls WHERE id = ''", [], |_| Ok(()))?;
        Ok(Self(connection))
    }
}

impl Archive for FileArchive {
    fn list(&mut self, filter: &Filter) -> Result<Vec<Record>, Unreadable> {
        let (conditions, mut values) = conditions(filter);
        values.push(Value::from(filter.limit));
        let sql = format!("SELECT * FROM calls WHERE {conditions} ORDER BY id DESC LIMIT ?");
        let mut records = self.collect(&sql, params_from_iter(values))?;
        records.sort_unstable_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
        Ok(records)
    }

    fn find(&mut self, id: &str) -> Result<Vec<Record>, Unreadable> {
        let by_id = "SELECT * FROM calls WHERE id = ?1 OR job_id = ?1 ORDER BY at DESC";
        let found = self.collect(by_id, [id])?;
        if !found.is_empty() || !id.starts_with("req_") {
            return Ok(found);
        }
        if let Some(time) = RequestId::time_of(id).map(Timestamp::from) {
            let around = [time.before(CLAIMED_BEFORE), time.after(CLAIMED_BEFORE)].map(LedgerId::first_at);
            let sql = "SELECT * FROM calls WHERE id BETWEEN ?2 AND ?3 AND request_id = ?1 ORDER BY at DESC";
            let found = self.collect(sql, [id, around[0].as_str(), around[1].as_str()])?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        // There were ids without a time once: every record is looked at.
        self.collect("SELECT * FROM calls WHERE request_id = ?1 ORDER BY at DESC", [id])
    }

    fn answer(&mut self, id: &LedgerId) -> Result<Option<Answer>, Unreadable> {
        // A file of an older version has no numbers.
        let sql = "SELECT calls.status, answers.headers, answers.body FROM answers JOIN calls USING (id) WHERE id = ?1";
        let row = self.0.query_row(sql, [id.as_str()], rows::read_answer);
        Ok(row.optional()?)
    }
}

impl FileArchive {
    /// The records that a statement finds.
    fn collect(&self, sql: &str, params: impl Params) -> Result<Vec<Record>, Unreadable> {
        let mut statement = self.0.prepare(sql)?;
        let rows = statement.query_map(params, rows::read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Conditions and what stands in place of their question marks.
fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let text = |value: &Option<String>| value.clone().map(Value::from);
    let time = |value: Option<Timestamp>| value.map(|time| Value::from(time.0));
    // Ids begin with the time, and calls are in their order.
    let id = |value: Option<Timestamp>| value.map(|time| Value::from(LedgerId::first_at(time).to_string()));
    let all = [
        ("state = ?", filter.state.map(|state| Value::from(state.name().to_owned()))),
        ("client = ?", text(&filter.client)),
        ("model = ?", text(&filter.model)),
        ("upstream = ?", text(&filter.upstream)),
        ("at >= ?", time(filter.since)),
        ("id >= ?", id(filter.since.map(|since| since.before(CLAIMED_BEFORE)))),
        ("at <= ?", time(filter.until)),
        ("id <= ?", id(filter.until.map(|until| until.after(CLAIMED_BEFORE)))),
        ("job_id = ?", text(&filter.job)),
        ("idempotency_key = ?", text(&filter.key)),
    ];
    let set = all.into_iter().filter_map(|(condition, value)| Some((condition, value?)));
    let (conditions, values): (Vec<&str>, Vec<Value>) = set.unzip();
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    (conditions, values)
}
