//! The file as people read it: without the gateway, or beside it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::{collect, rows};
use crate::ledger::record::{LedgerId, Record, State};
use crate::ledger::settlement::Answer;
use crate::ledger::time::Timestamp;

/// A ledger file, opened for reading only.
pub(crate) struct Archive(Connection);

/// Which records to list. What is not set is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// What is known about the call.
    pub state: Option<State>,
    /// Who asked.
    pub client: Option<String>,
    /// Configured name of the model.
    pub model: Option<String>,
    /// The upstream that was asked.
    pub upstream: Option<String>,
    /// Not older.
    pub since: Option<Timestamp>,
    /// Not younger.
    pub until: Option<Timestamp>,
    /// Id of the job.
    pub job: Option<String>,
    /// The idempotency key.
    pub key: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// A file that cannot be read, in the words of whoever tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// How long a gateway that is just tidying up is waited for.
const BUSY: Duration = Duration::from_secs(5);

impl Archive {
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

    /// The records that pass, newest first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn list(&self, filter: &Filter) -> Result<Vec<Record>, Unreadable> {
        let (conditions, mut values) = filter.conditions();
        values.push(Value::from(filter.limit));
        let sql = format!("SELECT * FROM calls WHERE {conditions} ORDER BY at DESC, id DESC LIMIT ?");
        Ok(collect(&self.0, &sql, params_from_iter(values))?)
    }

    /// The records with this id: their own, their job's, or their request's. Newest first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn find(&self, id: &str) -> Result<Vec<Record>, Unreadable> {
        let sql = "SELECT * FROM calls WHERE id = ?1 OR job_id = ?1 OR request_id = ?1 ORDER BY at DESC";
        Ok(collect(&self.0, sql, [id])?)
    }

    /// The answer that was kept with a record, if it still is.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn answer(&self, id: &LedgerId) -> Result<Option<Answer>, Unreadable> {
        Ok(rows::answer(&self.0, id)?)
    }
}

impl Filter {
    /// Conditions and what stands in place of their question marks.
    fn conditions(&self) -> (String, Vec<Value>) {
        let text = |value: &Option<String>| value.clone().map(Value::from);
        let time = |value: Option<Timestamp>| value.map(|time| Value::from(time.0));
        let all = [
            ("state = ?", self.state.map(|state| Value::from(state.name().to_owned()))),
            ("client = ?", text(&self.client)),
            ("model = ?", text(&self.model)),
            ("upstream = ?", text(&self.upstream)),
            ("at >= ?", time(self.since)),
            ("at <= ?", time(self.until)),
            ("job_id = ?", text(&self.job)),
            ("idempotency_key = ?", text(&self.key)),
        ];
        let set = all.into_iter().filter_map(|(condition, value)| Some((condition, value?)));
        let (conditions, values): (Vec<&str>, Vec<Value>) = set.unzip();
        let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        (conditions, values)
    }
}
