//! The videos of clients, by the time of their orders.

use std::cmp::Reverse;

use super::prepared::{Prepared, Sql};
use crate::ledger::owners::{Owners, Page};
use crate::ledger::record::{LedgerId, Record};
use crate::ledger::store::{RECORDS_MAX, Videos};

/// Sorts behind the id of every record.
const LAST: &str = "lg_g";

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
