//! Calls as a table for people.

use super::fault;
use crate::cli::columns::{self, short};
use crate::ledger::record::{JobStatus, Record};

const HEAD: [&str; 9] = ["TIME", "STATE", "CALL", "CLIENT", "MODEL", "PRICE", "JOB", "ERROR", "ID"];

/// The table; `limit` is the number of records that were asked for.
pub(super) fn text(records: &[Record], limit: u32) -> String {
    let rows: Vec<[String; 9]> = records.iter().map(row).collect();
    let mut text = columns::table(HEAD, &rows);
    if records.len() == limit as usize {
        text += &format!("The newest {limit}; --limit 0 shows all.\n");
    }
    text
}

fn row(record: &Record) -> [String; 9] {
    let outcome = &record.outcome;
    let job = match (&outcome.job_id, outcome.job_status) {
        (Some(id), Some(status)) if status != JobStatus::Queued => format!("{} {status}", short(id)),
        (Some(id), _) => short(id),
        (None, _) => String::new(),
    };
    [
        // To the second: the day's order can be read from that.
        format!("{}Z", record.at.to_string().get(..19).unwrap_or_default()),
        outcome.state.to_string(),
        record.intent.operation.to_string(),
        short(&record.intent.client),
        record.details.model.as_deref().map(short).unwrap_or_default(),
        record.details.price.map(|price| format!("{price:.2}")).unwrap_or_default(),
        job,
        short(&fault(record)),
        record.id.to_string(),
    ]
}
