//! The videos of clients, by the time of their orders.

use std::cmp::Reverse;

use super::prepared::{Prepared, Sql};
use crate::ledger::owners::{Found, Owners, Page};
use crate::ledger::record::{LedgerId, Record};
use crate::ledger::store::{RECORDS_MAX, Videos};

/// Sorts behind the id of every record.
const LAST: &str = "lg_g";

/// The job or character of an id that one of the owners ordered last. Whose it is stands in the index: a record is only
/// read for its owner, so that no client can tell by the time whether another one's video exists.
pub(super) fn job(prepared: &mut Prepared<'_>, job_id: &str, owners: &Owners) -> rusqlite::Result<Found> {
    let mut rows = prepared.statement(Sql::ClientsOfJob)?.query([job_id])?;
    let mut found = Found::Unknown;
    let mut is_theirs = false;
    while let Some(row) = rows.next()? {
        found = Found::Foreign;
        is_theirs |= owners.include(row.get_ref(0)?.as_str()?);
    }
    drop(rows);
    if !is_theirs {
        return Ok(found);
    }
    let records = prepared.records(Sql::ByJob, (job_id, RECORDS_MAX))?;
    Ok(owners.find(records.iter().filter_map(Record::job)))
}

/// A page of the owners' videos.
pub(super) fn page(prepared: &mut Prepared<'_>, owners: &Owners, page: &Page) -> rusqlite::Result<Videos> {
    let cursor = match &page.after {
        Some(video) => match cursor(prepared, owners, video)? {
            Some(id) => id,
            None => return Ok(Videos::UnknownCursor),
        },
        None if page.oldest_first => LedgerId("".into()),
        None => LedgerId(LAST.into()),
    };
    let mut records = match owners {
        Owners::Everybody => {
            let sql = if page.oldest_first { Sql::AllVideosBehind } else { Sql::AllVideosBefore };
            prepared.records(sql, (&cursor.0, page.limit))?
        }
        Owners::Clients(names) => {
            let sql = if page.oldest_first { Sql::VideosBehind } else { Sql::VideosBefore };
            let mut records = Vec::new();
            for name in names.iter() {
                records.append(&mut prepared.records(sql, (name, &cursor.0, page.limit))?);
            }
            records
        }
    };
    if page.oldest_first {
        records.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    } else {
        records.sort_unstable_by_key(|record| Reverse(record.id.clone()));
    }
    records.truncate(page.limit);
    Ok(Videos::Page(records))
}

/// The record of the video that a page follows.
fn cursor(prepared: &mut Prepared<'_>, owners: &Owners, video: &str) -> rusqlite::Result<Option<LedgerId>> {
    let records = prepared.records(Sql::ByJob, (video, RECORDS_MAX))?;
    let theirs = |record: &Record| record.is_video() && owners.include(&record.intent.client);
    Ok(records.into_iter().find(theirs).map(|record| record.id))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::prepared::Sql;
    use super::super::schema;

    /// OW01: to read a record would take longer than to find none.
    #[test]
    fn whose_a_job_is_is_read_from_the_index_alone() {
        let connection = Connection::open_in_memory().expect("a database");
        schema::migrate(&connection, std::path::Path::new(""), true).expect("tables");
        let plan = format!("EXPLAIN QUERY PLAN {}", Sql::ClientsOfJob.text());
        let steps: String =
            connection.query_row(&plan, ["video_1"], |row| row.get("detail")).expect("a plan");
        assert!(steps.contains("USING COVERING INDEX calls_by_job"), "{steps}");
    }
}
