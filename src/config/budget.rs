//! `[auth.key_budget]` and `[auth.keys.NAME.budget]`: how much a key may have made in a day and in a month.

use super::reader::Section;
use crate::money::Money;

/// The budget of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// From midnight to midnight, UTC.
    pub day: Limits,
    /// From the first of a month to the next, UTC.
    pub month: Limits,
}

/// How much there may be in one window. `None`: as much as comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Paid calls.
    pub requests: Option<u64>,
    /// Seconds of video.
    pub seconds: Option<u64>,
    /// Seconds of video, times their price.
    pub money: Option<Money>,
}

/// More than anybody can use up.
const NUMBER_MAX: u32 = 1_000_000_000;
const MONEY_RIGHT: &str =
    "use a number from 0 to 1000000000, such as 50 or 49.9, in the currency of price_per_second";

impl Budget {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let budget =
            Self { day: Limits::read(section.section("day")), month: Limits::read(section.section("month")) };
        section.finish();
        budget
    }

    /// This budget where it says something, and `default` where it does not.
    #[must_use]
    pub(super) fn or(self, default: Self) -> Self {
        Self { day: self.day.or(default.day), month: self.month.or(default.month) }
    }

    /// Whether anything is limited.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        *self != Self::default()
    }

    /// Whether seconds are.
    #[must_use]
    pub fn counts_seconds(&self) -> bool {
        self.day.seconds.or(self.month.seconds).is_some()
    }

    /// Whether money is.
    #[must_use]
    pub fn counts_money(&self) -> bool {
        self.day.money.or(self.month.money).is_some()
    }
}

impl Limits {
    fn read(mut section: Section<'_>) -> Self {
        let limits = Self {
            requests: number(&mut section, "requests"),
            seconds: number(&mut section, "seconds"),
            money: section.read("money", MONEY_RIGHT, |value| {
                let number =
                    value.as_float().or_else(|| Some(f64::from(u32::try_from(value.as_integer()?).ok()?)));
                number.filter(|number| (0.0..=f64::from(NUMBER_MAX)).contains(number)).map(Money::of)
            }),
        };
        section.finish();
        limits
    }

    fn or(self, default: Self) -> Self {
        Self {
            requests: self.requests.or(default.requests),
            seconds: self.seconds.or(default.seconds),
            money: self.money.or(default.money),
        }
    }
}

/// Zero is a number like any other: nothing may be made.
fn number(section: &mut Section<'_>, key: &'static str) -> Option<u64> {
    section.value(key)?;
    Some(section.number(key, 0, 0..=NUMBER_MAX).into())
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;
    use crate::config::reader::Notes;

    fn read(text: &str) -> (Budget, Vec<String>) {
        let table: Table = toml::from_str(text).expect("TOML");
        let notes = Notes::default();
        let budget = Budget::read(Section::root(&table, &notes).section("budget"));
        (budget, notes.into_problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_budget_takes_from_the_default_what_it_does_not_say() {
        let (default, problems) =
            read("budget = { day = { requests = 9, money = 50 }, month = { seconds = 7 } }");
        assert_eq!(problems, [] as [&str; 0]);
        let (own, _) = read("budget = { day = { money = 0.5 } }");
        let both = own.or(default);
        assert_eq!((both.day.requests, both.day.money), (Some(9), Some(Money(500_000))));
        assert_eq!((both.month.seconds, both.month.money), (Some(7), None));
        assert!(both.counts_money() && both.counts_seconds() && !Budget::default().is_limited());
    }

    #[test]
    fn every_mistake_is_reported_with_its_path_and_what_would_be_right() {
        let (_, problems) = read(
            "[budget]\nday = { requests = -1, money = \"50\" }\nmonth = { money = -0.1, second = 1 }\nyear = {}",
        );
        let expected = [
            "budget.day.requests: -1 is not allowed (use a whole number from 0 to 1000000000)".to_owned(),
            format!("budget.day.money: \"50\" is not allowed ({MONEY_RIGHT})"),
            format!("budget.month.money: -0.1 is not allowed ({MONEY_RIGHT})"),
            "budget.month.second: unknown key (did you mean \"seconds\"?)".to_owned(),
            "budget.year: unknown key (known keys here: day, month)".to_owned(),
        ];
        assert_eq!(problems, expected);
    }
}
