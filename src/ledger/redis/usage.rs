//! What each client has had made, as the scripts sum it up by day.

use std::collections::HashMap;
use std::sync::Arc;

use redis::Value;

use crate::budget::Amount;
use crate::money::Money;
use crate::redis_client::{LinkError, parsed};

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

/// Yields the sums of days. KEYS: theirs.
pub(super) const DAYS: &str = "local found = {} \
    for place, day in ipairs(KEYS) do found[place] = redis.call('HGETALL', day) end \
    return found";

/// Adds them up.
pub(super) fn sum(answer: Value) -> Result<HashMap<Arc<str>, Amount>, LinkError> {
    let mut usage = HashMap::<Arc<str>, Amount>::new();
    for day in parsed::<Vec<HashMap<String, i64>>>(answer)? {
        for (field, number) in day {
            let Some((client, name)) = field.rsplit_once('\0') else { continue };
            let amount = usage.entry(client.into()).or_default();
            let number = u64::try_from(number).unwrap_or(0);
            match name {
                "requests" => amount.requests += number,
                "seconds" => amount.seconds += number,
                "money" => amount.money = amount.money + Money(number),
                _ => {}
            }
        }
    }
    Ok(usage)
}
