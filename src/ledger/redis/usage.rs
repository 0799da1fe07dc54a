//! What each client has had made, summed up by the server: asked for at a start, and where a budget is new.

use std::collections::HashMap;
use std::sync::Arc;

use redis::Value;

use crate::budget::Amount;
use crate::link::{LinkError, parsed};
use crate::money::Money;

/// Reads the sums, one row a client.
pub(super) fn read(answer: Value) -> Result<HashMap<Arc<str>, Amount>, LinkError> {
    let rows: Vec<Vec<String>> = parsed(answer)?;
    rows.iter().map(|row| one(row).ok_or_else(|| LinkError::Failed(format!("no sums: {row:?}")))).collect()
}

fn one(row: &[String]) -> Option<(Arc<str>, Amount)> {
    let [client, requests, seconds, money] = row else { return None };
    let amount = Amount {
        requests: requests.parse().ok()?,
        seconds: seconds.parse().ok()?,
        money: Money(money.parse().ok()?),
    };
    Some((Arc::from(client.as_str()), amount))
}
