//! The file as people read it: without the gateway, or beside it.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::{collect, rows};
use crate::ledger::archive::{Archive, Filter, Unreadable};
use crate::ledger::record::{LedgerId, Record};
use crate::ledger::settlement::Answer;
use crate::ledger::time::Timestamp;

/// A ledger file, opened for reading only.
pub(crate) struct FileArchive(Connection);

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// How long a gateway that is just tidying up is waited for.
const BUSY: Duration = Duration::from_secs(5);

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
        let sql = format!("SELECT * FROM calls WHERE {conditions} ORDER BY at DESC, id DESC LIMIT ?");
        Ok(collect(&self.0, &sql, params_from_iter(values))?)
    }

    fn find(&mut self, id: &str) -> Result<Vec<Record>, Unreadable> {
        let sql = "SELECT * FROM calls WHERE id = ?1 OR job_id = ?1 OR request_id = ?1 ORDER BY at DESC";
        Ok(collect(&self.0, sql, [id])?)
    }

    fn answer(&mut self, id: &LedgerId) -> Result<Option<Answer>, Unreadable> {
        Ok(rows::answer(&self.0, id)?)
    }
}

/// Conditions and what stands in place of their question marks.
fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let text = |value: &Option<String>| value.clone().map(Value::from);
    let time = |value: Option<Timestamp>| value.map(|time| Value::from(time.0));
    let all = [
        ("state = ?", filter.state.map(|state| Value::from(state.name().to_owned()))),
        ("client = ?", text(&filter.client)),
        ("model = ?", text(&filter.model)),
        ("upstream = ?", text(&filter.upstream)),
        ("at >= ?", time(filter.since)),
        ("at <= ?", time(filter.until)),
        ("job_id = ?", text(&filter.job)),
        ("idempotency_key = ?", text(&filter.key)),
    ];
    let set = all.into_iter().filter_map(|(condition, value)| Some((condition, value?)));
    let (conditions, values): (Vec<&str>, Vec<Value>) = set.unzip();
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    (conditions, values)
}
