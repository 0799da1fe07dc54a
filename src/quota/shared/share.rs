//! A gateway's part of a rate.

use std::num::NonZeroU32;

use crate::config::quota::{Rate, RateQuota};
use crate::rejection::Per;

/// The part of a quota that one of so many gateways may give out by itself; never more than that, but at least one
/// call a day.
pub(in crate::quota) fn part_of(quota: RateQuota, replicas: u32) -> RateQuota {
    let replicas = replicas.max(1);
    let burst = NonZeroU32::new(quota.burst.get() / replicas).unwrap_or(NonZeroU32::MIN);
    RateQuota { rate: rate_of(quota.rate, replicas), burst, ..quota }
}

/// In a longer time, so that little is lost by rounding down.
fn rate_of(rate: Rate, replicas: u32) -> Rate {
    if replicas == 1 {
        return rate;
    }
    let seconds = rate.per.duration().as_secs().max(1);
    let in_time = |per: Per| {
        let tokens = u64::from(rate.tokens.get()) * per.duration().as_secs() / seconds / u64::from(replicas);
        NonZeroU32::new(u32::try_from(tokens).unwrap_or(u32::MAX)).map(|tokens| Rate { tokens, per })
    };
    let longer = [Per::Hour, Per::Day].into_iter().filter(|per| per.duration() >= rate.per.duration());
    longer.filter_map(in_time).next().unwrap_or(Rate { tokens: NonZeroU32::MIN, per: Per::Day })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn part(rate: &str, burst: u32, replicas: u32) -> RateQuota {
        let rate = rate.parse().expect("a rate");
        let burst = NonZeroU32::new(burst).expect("a burst");
        part_of(RateQuota { rate, burst, wait: Duration::ZERO, queue: 1 }, replicas)
    }

    /// LM12
    #[test]
    fn all_parts_together_are_never_more_than_the_whole() {
        for rate in ["1000000/s", "7/s", "60/min", "10/min", "1/min", "1/h", "1000/day"] {
            for replicas in [1, 2, 3, 7, 20] {
                let whole = rate.parse::<Rate>().expect("a rate").interval();
                let interval = part(rate, 1, replicas).rate.interval();
                // Intervals are whole nanoseconds.
                assert!(
                    interval + Duration::from_nanos(1) * replicas >= whole * replicas,
                    "{rate} of {replicas}: {interval:?}"
                );
                assert!(interval <= whole * replicas * 2, "{rate} of {replicas}: {interval:?} is too little");
            }
        }
        assert_eq!(part("10/min", 10, 3).burst.get(), 3);
        assert_eq!(part("10/min", 2, 3).burst.get(), 1, "never nothing");
        assert_eq!(part("1/day", 1, 3).rate, "1/day".parse().expect("a rate"));
    }
}
