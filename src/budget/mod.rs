//! Budgets: how much each key may have made in a day and in a month.
//!
//! What a call costs is reserved before it is written down, and given back if it comes to nothing: at once if it is
//! refused, later if its job fails. What is used and what is allowed are kept apart: a new configuration brings new
//! limits for the same usage, and a new process asks the ledger what was used before it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::warn;

use crate::config::Config;
use crate::config::budget::Budget;
use crate::money::Money;
use crate::rejection::Rejection;

mod account;
mod amount;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use amount::{Amount, Unit};
pub(crate) use window::Period;

use account::{Account, limits};

/// The budgets of every key.
#[derive(Debug)]
pub(crate) struct Budgets {
    limits: HashMap<Arc<str>, Budget>,
    /// Whether any of them is one.
    limited: bool,
    /// The keys that have taken over names, by those: what was ordered under one of them counts for its heir.
    heirs: HashMap<Arc<str>, Arc<str>>,
    book: Arc<Book>,
}

/// What every key has used, whether or not it has a budget: it may get one. Only configured names are in it.
#[derive(Default)]
struct Book(Mutex<HashMap<Arc<str>, Account>>);

/// What a call asks for, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Seconds of video.
    pub seconds: Option<u32>,
    /// What they cost, in units of the currency.
    pub price: Option<f64>,
}

/// What was taken from a budget: whose, how much, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// The name of the key.
    pub key: Arc<str>,
    /// How much.
    pub amount: Amount,
    /// When.
    pub at: SystemTime,
}

/// What a call has reserved. It goes back when this is dropped, unless it is kept.
#[derive(Debug)]
#[must_use = "what is dropped goes back"]
pub(crate) struct Reserved(Option<(Arc<Book>, Charge)>);

/// Where a key stands with one of its limits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BudgetStanding {
    /// The name of the key.
    pub key: Arc<str>,
    /// What is counted.
    pub unit: Unit,
    /// In which time.
    pub period: Period,
    /// How much is used or reserved; money in units of the currency.
    pub used: f64,
    /// How much there may be.
    pub limit: f64,
    /// When counting begins anew.
    pub resets_at: SystemTime,
}

impl Budgets {
    /// The budgets of a configuration, of which nothing is known to be used.
    pub(crate) fn new(config: &Config) -> Self {
        Self::of(config, Arc::default())
    }

    /// The budgets of another configuration, of which as much is used as of these. What is reserved and used from now
    /// on counts for both.
    pub(crate) fn carried_over(&self, config: &Config) -> Self {
        Self::of(config, Arc::clone(&self.book))
    }

    fn of(config: &Config, book: Arc<Book>) -> Self {
        let limits = limits_of(config);
        Self { limited: limits.values().any(Budget::is_limited), limits, heirs: heirs_of(config), book }
    }

    /// Whether no key has a budget.
    pub(crate) fn is_empty(&self) -> bool {
        !self.limited
    }

    /// Whether nobody's use is counted, since there are no keys.
    pub(crate) fn counts_nobody(&self) -> bool {
        self.limits.is_empty()
    }

    /// Enters what keys had used by `now` of this day and this month, for those of which nothing is known yet.
    pub(crate) fn restore(&self, [day, month]: [&HashMap<Arc<str>, Amount>; 2], now: SystemTime) {
        let mut book = self.book.lock();
        for key in self.limits.keys() {
            let former = || self.heirs.iter().filter(|(_, heir)| *heir == key).map(|(name, _)| name);
            let used = |of: &HashMap<Arc<str>, Amount>| {
                let names = std::iter::once(key).chain(former());
                names.filter_map(|name| of.get(name)).fold(Amount::default(), |sum, used| sum + *used)
            };
            let account = || Account::new(used(day), used(month), now);
            book.entry(Arc::clone(key)).or_insert_with(account);
        }
    }

    /// Takes what a call costs from its key's budget, in every unit and window or in none. Who has no key has no
    /// budget.
    ///
    /// # Errors
    /// [`Rejection::OverBudget`], and [`Rejection::UnknownCost`] if something is limited that nobody knows the call's
    /// amount of: money is not spent on a guess.
    pub(crate) fn reserve(
        &self,
        key: Option<&Arc<str>>,
        cost: Cost,
        now: SystemTime,
    ) -> Result<Reserved, Rejection> {
        let Some((key, budget)) = key.and_then(|key| self.limits.get_key_value(key)) else {
            return Ok(Reserved(None));
        };
        let amount = cost.counted_in(budget)?;
        let reserved = {
            let mut book = self.book.lock();
            let nothing = || Account::new(Amount::default(), Amount::default(), now);
            book.entry(Arc::clone(key)).or_insert_with(nothing).reserve(amount, budget, now)
        };
        let nearly = reserved.map_err(|exceeded| Rejection::OverBudget {
            wait: exceeded.until.duration_since(now).unwrap_or_default(),
        })?;
        for window in nearly {
            let (used, limit) = (window.unit.shown(window.used), window.unit.shown(window.limit));
            let (unit, period) = (window.unit.word(), window.period.word());
            warn!(key = &**key, period, unit, used, limit, "80 % of a budget are used");
        }
        Ok(Reserved(Some((Arc::clone(&self.book), Charge { key: Arc::clone(key), amount, at: now }))))
    }

    /// Gives back what was taken for a call that came to nothing.
    pub(crate) fn give_back(&self, charge: &Charge) {
        match self.heirs.get(&charge.key) {
            Some(heir) => self.book.give_back(&Charge { key: Arc::clone(heir), ..charge.clone() }),
            None => self.book.give_back(charge),
        }
    }

    /// Where each key stands with each of its limits, in order of name.
    pub(crate) fn standing(&self, now: SystemTime) -> Vec<BudgetStanding> {
        let mut standings = Vec::new();
        let mut book = self.book.lock();
        for (key, budget) in self.limits.iter().filter(|(_, budget)| budget.is_limited()) {
            for period in Period::ALL {
                let unused = || (Amount::default(), period.at(now).end);
                let (used, resets_at) =
                    book.get_mut(key).map_or_else(unused, |account| account.used(period, now));
                standings.extend(Unit::ALL.into_iter().filter_map(|unit| {
                    let limit = unit.shown(unit.limit(limits(budget, period))?);
                    let used = unit.shown(unit.of(&used));
                    Some(BudgetStanding { key: Arc::clone(key), unit, period, used, limit, resets_at })
                }));
            }
        }
        drop(book);
        standings.sort_by(|one, other| one.key.cmp(&other.key));
        standings
    }
}

impl Cost {
    /// As much as it is, where all that the budget limits is known.
    fn counted_in(self, budget: &Budget) -> Result<Amount, Rejection> {
        let unknown = (budget.counts_seconds() && self.seconds.is_none())
            || (budget.counts_money() && self.price.is_none());
        if unknown { Err(Rejection::UnknownCost) } else { Ok(self.amount()) }
    }

    /// One call of so much; what is not known counts nothing.
    pub(crate) fn amount(self) -> Amount {
        Amount {
            requests: 1,
            seconds: self.seconds.unwrap_or_default().into(),
            money: self.price.map(Money::of).unwrap_or_default(),
        }
    }
}

impl Reserved {
    /// The call is made: what it costs is used, until it is given back. `None` where there is no key.
    pub(crate) fn keep(mut self) -> Option<Charge> {
        self.0.take().map(|(_, charge)| charge)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some((book, charge)) = self.0.take() {
            book.give_back(&charge);
        }
    }
}

impl Book {
    fn give_back(&self, charge: &Charge) {
        if let Some(account) = self.lock().get_mut(&charge.key) {
            account.give_back(charge.amount, charge.at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").finish_non_exhaustive()
    }
}

/// Keys without a budget are among them: they are counted all the same.
fn limits_of(config: &Config) -> HashMap<Arc<str>, Budget> {
    config.auth.keys.iter().map(|key| (Arc::clone(&key.name), key.budget)).collect()
}

fn heirs_of(config: &Config) -> HashMap<Arc<str>, Arc<str>> {
    let mut heirs = HashMap::new();
    for key in &config.auth.keys {
        for name in &key.formerly {
            // Keys of one group may name the same: it counts once.
            heirs.entry(Arc::clone(name)).or_insert_with(|| Arc::clone(&key.name));
        }
    }
    heirs
}
