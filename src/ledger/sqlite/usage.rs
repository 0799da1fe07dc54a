//! What each client has had made: sums by day, so that a start need not read every call of a month.
//!
//! A call is counted from the moment it is written down until it is known that it came to nothing; a job that failed
//! is not counted again for being deleted. Calls of the same client that share a transaction share a row's change.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::prepared::{Prepared, Sql};
use crate::budget::{Amount, Cost};
use crate::ledger::record::Record;
use crate::ledger::time::Timestamp;
use crate::money::Money;

/// Milliseconds of a day, as the file counts days.
const DAY: i64 = 86_400_000;
/// Days whose sums are kept: this month's and the last one's.
const KEPT: i64 = 62;

/// What a transaction adds to the sums, and takes from them. It is written at the transaction's end.
#[derive(Debug, Default)]
pub(super) struct Uses(Vec<Use>);

/// What it adds to those of one client and day.
#[derive(Debug)]
struct Use {
    client: Arc<str>,
    day: i64,
    requests: i64,
    seconds: i64,
    money: i64,
}

impl Uses {
    /// Counts a call.
    pub(super) fn add(&mut self, record: &Record) {
        if record.is_used() {
            self.change((&record.intent.client, record.at), record.cost(), 1);
        }
    }

    /// Forgets what was to be written, as a transaction does that fails.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn change(&mut self, (client, at): (&Arc<str>, Timestamp), cost: Cost, sign: i64) {
        let day = at.0 / DAY;
        let Amount { requests, seconds, money } = cost.amount();
        let signed = |amount: u64| sign * i64::try_from(amount).unwrap_or(i64::MAX);
        let (requests, seconds, money) = (signed(requests), signed(seconds), signed(money.0));
        match self.0.iter_mut().find(|one| one.day == day && one.client == *client) {
            Some(one) => {
                one.requests = one.requests.saturating_add(requests);
                one.seconds = one.seconds.saturating_add(seconds);
                one.money = one.money.saturating_add(money);
            }
            None => self.0.push(Use { client: Arc::clone(client), day, requests, seconds, money }),
        }
    }
}

/// Takes back what the call was counted with that a statement finds by an id.
pub(super) fn take_back(prepared: &mut Prepared<'_>, which: Sql, id: &str) -> rusqlite::Result<()> {
    let cost = prepared.statement(which)?.query_row([id], |row| {
        let (client, at): (Arc<str>, i64) = (row.get(0)?, row.get(1)?);
        Ok((client, Timestamp(at), Cost { seconds: row.get(2)?, price: row.get(3)? }))
    });
    if let Some((client, at, cost)) = cost.optional()? {
        prepared.uses.change((&client, at), cost, -1);
    }
    Ok(())
}

/// Writes what the transaction under way adds.
pub(super) fn write(prepared: &mut Prepared<'_>) -> rusqlite::Result<()> {
    while let Some(Use { client, day, requests, seconds, money }) = prepared.uses.0.pop() {
        prepared.execute(Sql::Use, (day, &client, requests, seconds, money))?;
    }
    Ok(())
}

/// The sums since the beginning of a day.
pub(super) fn since(
    prepared: &mut Prepared<'_>,
    since: Timestamp,
) -> rusqlite::Result<HashMap<Arc<str>, Amount>> {
    let rows = prepared.statement(Sql::Used)?.query_map([since.0 / DAY], |row| {
        let number = |column| row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0));
        let amount = Amount { requests: number(1)?, seconds: number(2)?, money: Money(number(3)?) };
        Ok((row.get(0)?, amount))
    })?;
    rows.collect()
}

/// Forgets the sums that no budget asks for any more.
pub(super) fn purge(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM usage WHERE day < ?1", params![now.0 / DAY - KEPT]).map(|_| ())
}
