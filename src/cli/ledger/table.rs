//! Calls as a table for people.

use super::fault;
use crate::ledger::record::{JobStatus, Record};
use crate::plain::plain;

const HEAD: [&str; 9] = ["TIME", "STATE", "CALL", "CLIENT", "MODEL", "PRICE", "JOB", "ERROR", "ID"];
/// Longest text of a column that others decide about, in characters.
const WIDTH_MAX: usize = 48;

/// The table; `limit` is the number of records that were asked for.
pub(super) fn text(records: &[Record], limit: u32) -> String {
    let rows: Vec<[String; 9]> = records.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&HEAD.map(str::to_owned), &widths);
    for row in &rows {
        text += &line(row, &widths);
    }
    if records.len() == limit as usize {
        text += &format!("The newest {limit}; --limit 0 shows all.\n");
    }
    text
}

fn line(cells: &[String; 9], widths: &[usize; 9]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
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

fn short(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(WIDTH_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
