//! What one key has used in the day and the month that are under way. Pure: the time is passed in.

use std::time::SystemTime;

use super::amount::{Amount, Unit};
use super::window::{Period, Window};
use crate::config::budget::{Budget, Limits};

/// What one key has used.
#[derive(Clone, Debug)]
pub(super) struct Account {
    day: Tally,
    month: Tally,
}

/// What was used in one window.
#[derive(Clone, Debug)]
struct Tally {
    window: Window,
    used: Amount,
    /// Whether somebody was told that little is left.
    warned: bool,
}

/// A limit that a call would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    /// When the window ends whose limit it is.
    pub(super) until: SystemTime,
}

/// A window of which nearly everything is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nearly {
    pub(super) period: Period,
    pub(super) unit: Unit,
    pub(super) used: u64,
    pub(super) limit: u64,
}

impl Account {
    /// One that has used so much of the day and of the month that `now` is in.
    pub(super) fn new(day: Amount, month: Amount, now: SystemTime) -> Self {
        let tally = |period: Period, used| Tally { window: period.at(now), used, warned: false };
        Self { day: tally(Period::Day, day), month: tally(Period::Month, month) }
    }

    /// Takes what a call costs from both windows, or from neither. Yields the windows of which little is left now, each
    /// only once.
    ///
    /// # Errors
    /// The limit that it would exceed, of two the one that holds longer.
    pub(super) fn reserve(
        &mut self,
        cost: Amount,
        budget: &Budget,
        now: SystemTime,
    ) -> Result<Vec<Nearly>, Exceeded> {
        self.turn(now);
        for period in [Period::Month, Period::Day] {
            let tally = self.tally(period);
            if !tally.has_room(cost, limits(budget, period)) {
                return Err(Exceeded { until: tally.window.end });
            }
        }
        let mut nearly = Vec::new();
        for period in Period::ALL {
            let tally = self.tally(period);
            tally.used = tally.used + cost;
            nearly.extend(tally.warning(period, limits(budget, period)));
        }
        Ok(nearly)
    }

    /// Gives back what a call cost that was made at `at`, to the windows it was taken from.
    pub(super) fn give_back(&mut self, cost: Amount, at: SystemTime) {
        for period in Period::ALL {
            let tally = self.tally(period);
            if tally.window == period.at(at) {
                tally.used = tally.used.saturating_sub(cost);
            }
        }
    }

    /// What is used of a window, and when the next one begins.
    pub(super) fn used(&mut self, period: Period, now: SystemTime) -> (Amount, SystemTime) {
        self.turn(now);
        let tally = self.tally(period);
        (tally.used, tally.window.end)
    }

    /// Begins what begins by then. A clock that is set back begins nothing anew.
    fn turn(&mut self, now: SystemTime) {
        for period in Period::ALL {
            let window = period.at(now);
            let tally = self.tally(period);
            if window.start > tally.window.start {
                *tally = Tally { window, used: Amount::default(), warned: false };
            }
        }
    }

    fn tally(&mut self, period: Period) -> &mut Tally {
        match period {
            Period::Day => &mut self.day,
            Period::Month => &mut self.month,
        }
    }
}

impl Tally {
    fn has_room(&self, cost: Amount, limits: &Limits) -> bool {
        let then = self.used + cost;
        Unit::ALL.into_iter().all(|unit| {
            // What a call has nothing of, it takes nothing of, however much is used already.
            unit.of(&cost) == 0 || unit.limit(limits).is_none_or(|limit| unit.of(&then) <= limit)
        })
    }

    /// Says once that little is left.
    fn warning(&mut self, period: Period, limits: &Limits) -> Option<Nearly> {
        if self.warned {
            return None;
        }
        let used = self.used;
        let nearly = Unit::ALL.into_iter().find_map(|unit| {
            let (used, limit) = (unit.of(&used), unit.limit(limits)?);
            is_nearly(used, limit).then_some(Nearly { period, unit, used, limit })
        });
        self.warned = nearly.is_some();
        nearly
    }
}

/// Whether 80 % are used.
fn is_nearly(used: u64, limit: u64) -> bool {
    limit > 0 && u128::from(used) * 10 >= u128::from(limit) * 8
}

/// What a budget says of a window.
pub(super) fn limits(budget: &Budget, period: Period) -> &Limits {
    match period {
        Period::Day => &budget.day,
        Period::Month => &budget.month,
    }
}
