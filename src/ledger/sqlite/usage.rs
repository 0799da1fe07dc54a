//! What each client has had made. The file keeps sums by day, see [`super::schema`].

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::budget::Amount;
use crate::ledger::time::Timestamp;
use crate::money::Money;

/// Milliseconds of a day, as the file counts days.
const DAY: i64 = 86_400_000;
/// Days whose sums are kept: this month's and the last one's.
const KEPT: i64 = 62;

/// The sums since the beginning of a day.
pub(super) fn since(
    connection: &Connection,
    since: Timestamp,
) -> rusqlite::Result<HashMap<Arc<str>, Amount>> {
    let mut statement = connection.prepare_cached(
        "SELECT client, sum(requests), sum(seconds), sum(money) FROM usage WHERE day >= ?1 GROUP BY client",
    )?;
    let rows = statement.query_map(params![since.0 / DAY], |row| {
        let number = |column| row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0));
        let amount = Amount { requests: number(1)?, seconds: number(2)?, money: Money(number(3)?) };
        Ok((row.get::<_, String>(0)?.into(), amount))
    })?;
    rows.collect()
}

/// Forgets the sums that no budget asks for any more.
pub(super) fn purge(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM usage WHERE day < ?1", params![now.0 / DAY - KEPT]).map(|_| ())
}
