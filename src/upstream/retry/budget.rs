//! How much all callers together may repeat: a long outage must not meet a multiple of the usual load.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::window::{Sums, Window};

/// The time over which calls and repeats are counted.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);

/// Repeats allowed in [`WINDOW`]: a share of the calls in it, and some beside that.
#[derive(Debug)]
pub(crate) struct Budget {
    ratio: f64,
    min: u32,
    /// Calls, and as the marked ones repeats.
    window: Mutex<Window>,
}

impl Budget {
    pub(crate) fn new(ratio: f64, min: u32) -> Self {
        Self { ratio, min, window: Mutex::new(Window::new(WINDOW)) }
    }

    /// A call begins.
    pub(crate) fn called(&self, now: Instant) {
        self.with(|window| window.add(now, Sums { all: 1, marked: 0 }));
    }

    /// Whether one repeat more is allowed; if so, it is taken.
    pub(crate) fn take(&self, now: Instant) -> bool {
        self.with(|window| {
            let Sums { all: calls, marked: repeats } = window.sums(now);
            let takes = (repeats + 1) as f64 <= self.allowed(calls);
            if takes {
                window.add(now, Sums { all: 0, marked: 1 });
            }
            takes
        })
    }

    /// How many repeats more are allowed just now: a whole number.
    pub(crate) fn left(&self, now: Instant) -> f64 {
        let Sums { all: calls, marked: repeats } = self.with(|window| window.sums(now));
        (self.allowed(calls) - repeats as f64).floor().max(0.0)
    }

    fn allowed(&self, calls: u64) -> f64 {
        calls as f64 * self.ratio + f64::from(self.min)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Window) -> T) -> T {
        change(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn taken(budget: &Budget) -> u32 {
        let mut count = 0;
        while budget.take(Instant::now()) {
            count += 1;
        }
        count
    }

    /// RT18: exactly the share, also where it is no whole part of one.
    #[tokio::test(start_paused = true)]
    async fn repeats_are_a_share_of_the_calls_and_some() {
        for (ratio, min, calls, expected) in [
            (0.2, 10, 100, 30),
            (0.6, 0, 10, 6),
            (1.0, 0, 7, 7),
            (0.0, 3, 100, 3),
            (0.0, 0, 100, 0),
            (0.2, 0, 4, 0),
        ] {
            let budget = Budget::new(ratio, min);
            for _ in 0..calls {
                budget.called(Instant::now());
            }
            assert_eq!(taken(&budget), expected, "{ratio} {min} {calls}");
        }
    }

    /// RT18: a long outage, in which every call wants two repeats.
    #[tokio::test(start_paused = true)]
    async fn a_long_outage_costs_at_most_the_share() {
        let budget = Budget::new(0.2, 10);
        let mut repeats = 0;
        for _ in 0..6000 {
            budget.called(Instant::now());
            repeats += u32::from(budget.take(Instant::now())) + u32::from(budget.take(Instant::now()));
            advance(Duration::from_millis(10)).await;
        }
        // A minute: a fifth of 6000, and 10 each 10 s.
        assert!((1200..=1260 + 10).contains(&repeats), "{repeats}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_spent_comes_back_with_time() {
        let budget = Budget::new(0.0, 5);
        assert_eq!(taken(&budget), 5);
        advance(WINDOW - Duration::from_millis(1)).await;
        assert_eq!(taken(&budget), 0, "never more than that in any 10 s");
        advance(Duration::from_millis(1001)).await;
        assert_eq!(taken(&budget), 5);
    }
}
