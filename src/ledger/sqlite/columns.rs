//! The columns of `calls`, and what a record says in each: the one place that knows their order.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, Null, ToSqlOutput};
use rusqlite::{Row, Statement};

use crate::ledger::intent::IdempotencyKey;
use crate::ledger::record::Record;

/// Declares the columns, in the order of the table: `SELECT *` yields them in it.
macro_rules! columns {
    ($($(#[$attribute:meta])* $column:ident = $name:literal,)+) => {
        /// A column of `calls`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column { $($(#[$attribute])* $column,)+ }

        impl Column {
            /// All of them, in the order of the table.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$column,)+];

            /// As it stands in SQL.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$column => $name,)+ }
            }
        }
    };
}

columns! {
    Id = "id",
    At = "at",
    Updated = "updated",
    Client = "client",
    Operation = "operation",
    Fingerprint = "fingerprint",
    IdempotencyKey = "idempotency_key",
    IsRepeat = "is_repeat",
    Upstream = "upstream",
    Model = "model",
    Seconds = "seconds",
    Size = "size",
    Price = "price",
    RequestId = "request_id",
    RequestLine = "request_line",
    RequestHeaders = "request_headers",
    RequestBytes = "request_bytes",
    State = "state",
    Attempts = "attempts",
    Status = "status",
    JobId = "job_id",
    JobStatus = "job_status",
    UpstreamRequestId = "upstream_request_id",
    ErrorCode = "error_code",
    ErrorMessage = "error_message",
    Instance = "instance",
    ClientLeft = "client_left",
    Replays = "replays",
    #[cfg_attr(not(test), expect(dead_code, reason = "no record reads it, and those behind it count it"))]
    Answer = "answer",
    ModelNamed = "model_named",
}

impl Column {
    /// What is known of a call before it leaves.
    const INSERTED: [Self; 23] = [
        Self::Id,
        Self::At,
        Self::Updated,
        Self::Client,
        Self::Operation,
        Self::Fingerprint,
        Self::IdempotencyKey,
        Self::IsRepeat,
        Self::Upstream,
        Self::Model,
        Self::Seconds,
        Self::Size,
        Self::Price,
        Self::RequestId,
        Self::RequestLine,
        Self::RequestHeaders,
        Self::RequestBytes,
        Self::State,
        Self::Attempts,
        Self::Instance,
        Self::ClientLeft,
        Self::Replays,
        Self::ModelNamed,
    ];

    /// What it holds in a row of all columns.
    pub(super) fn get<T: FromSql>(self, row: &Row<'_>) -> rusqlite::Result<T> {
        row.get(self as usize)
    }

    /// The same of a column that files of older versions lack, as people may read them before a gateway has brought them
    /// up to date.
    pub(super) fn get_if_there<T: FromSql>(self, row: &Row<'_>) -> rusqlite::Result<Option<T>> {
        match row.get(self as usize) {
            Err(rusqlite::Error::InvalidColumnIndex(_)) => Ok(None),
            found => found,
        }
    }
}

/// Adds a record; [`bind`] says what stands in it.
pub(super) fn insert() -> String {
    let names = Column::INSERTED.map(Column::name).join(", ");
    let values = Column::INSERTED.map(|_| "?").join(", ");
    format!("INSERT INTO calls ({names}) VALUES ({values})")
}

/// What a statement of [`insert`] adds.
pub(super) fn bind(statement: &mut Statement<'_>, record: &Record) -> rusqlite::Result<()> {
    for (index, column) in (1..).zip(Column::INSERTED) {
        statement.raw_bind_parameter(index, value(record, column)?)?;
    }
    Ok(())
}

fn value(record: &Record, column: Column) -> rusqlite::Result<ToSqlOutput<'_>> {
    let Record { intent, details, outcome, .. } = record;
    match column {
        Column::Id => record.id.0.to_sql(),
        Column::At => record.at.0.to_sql(),
        Column::Updated => record.updated.0.to_sql(),
        Column::Client => intent.client.to_sql(),
        Column::Operation => Ok(intent.operation.name().into()),
        Column::Fingerprint => Ok(intent.fingerprint.as_str().into()),
        Column::IdempotencyKey => or_null(intent.key.as_ref().map(IdempotencyKey::as_str)),
        Column::IsRepeat => intent.repeat.to_sql(),
        Column::Upstream => details.upstream.to_sql(),
        Column::Model => or_null(details.model.as_deref()),
        Column::Seconds => details.seconds.to_sql(),
        Column::Size => or_null(details.size.as_deref()),
        Column::Price => details.price.to_sql(),
        Column::RequestId => details.request_id.to_sql(),
        Column::RequestLine => details.sent.line.to_sql(),
        Column::RequestHeaders => Ok(details.sent.headers.as_json().into()),
        Column::RequestBytes => Ok(i64::try_from(details.sent.bytes).unwrap_or(i64::MAX).into()),
        Column::State => Ok(outcome.state.name().into()),
        Column::Attempts => outcome.attempts.to_sql(),
        Column::Instance => record.instance.to_sql(),
        Column::ClientLeft => record.client_left.to_sql(),
        Column::Replays => record.replays.to_sql(),
        Column::ModelNamed => or_null(details.model_named.as_deref()),
        // Of these nothing is known yet.
        Column::Status
        | Column::JobId
        | Column::JobStatus
        | Column::UpstreamRequestId
        | Column::ErrorCode
        | Column::ErrorMessage
        | Column::Answer => Ok(Null.into()),
    }
}

fn or_null(text: Option<&str>) -> rusqlite::Result<ToSqlOutput<'_>> {
    Ok(text.map_or(ToSqlOutput::from(Null), ToSqlOutput::from))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::schema;
    use super::*;

    #[test]
    fn columns_are_in_the_order_of_the_table() {
        let connection = Connection::open_in_memory().expect("a database");
        schema::migrate(&connection, std::path::Path::new(""), true).expect("tables");
        let all = connection.prepare("SELECT * FROM calls").expect("a statement");
        let names: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
        assert_eq!(all.column_names(), names);
        assert!(Column::ALL.iter().enumerate().all(|(index, column)| index == *column as usize));
    }
}
