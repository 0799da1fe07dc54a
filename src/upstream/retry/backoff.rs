//! How long to pause where the upstream does not say. Pure; the randomness is passed in.

use std::time::Duration;

/// Pauses with full jitter: callers that failed together do not come back together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// Longest pause after the first attempt.
    pub(crate) base: Duration,
    /// Longest pause at all.
    pub(crate) max: Duration,
}

impl Backoff {
    /// The pause after this attempt, of which the first is 1. `jitter`: from 0 to 1.
    pub(crate) fn delay(self, attempt: u32, jitter: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let longest = self.base.saturating_mul(doubled).min(self.max);
        // The longest stands in for what is no share of it.
        let jitter = if jitter.is_nan() { 1.0 } else { jitter.clamp(0.0, 1.0) };
        Duration::try_from_secs_f64(longest.as_secs_f64() * jitter).unwrap_or(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(8) };

    /// RT13: it grows, stays under its cap, and is jittered.
    #[test]
    fn the_longest_pause_doubles_up_to_its_cap() {
        let longest: Vec<u128> = (1..=6).map(|attempt| BACKOFF.delay(attempt, 1.0).as_millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(BACKOFF.delay(u32::MAX, 1.0), BACKOFF.max);
        for attempt in 1..=6 {
            assert_eq!(BACKOFF.delay(attempt, 0.0), Duration::ZERO);
            assert_eq!(BACKOFF.delay(attempt, 0.5) * 2, BACKOFF.delay(attempt, 1.0));
        }
    }

    #[test]
    fn no_jitter_makes_it_panic_or_exceed_its_cap() {
        for jitter in [f64::NAN, f64::INFINITY, -1.0, 2.0] {
            assert!(BACKOFF.delay(3, jitter) <= BACKOFF.max, "{jitter}");
        }
    }
}
