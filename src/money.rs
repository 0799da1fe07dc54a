//! Amounts of money: whole millionths, so that what is given back is exactly what was taken.

use std::fmt;
use std::ops::Add;

/// So many millionths of the currency in which `price_per_second` is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub u64);

/// Parts of one unit of the currency.
const PARTS: f64 = 1_000_000.0;

impl Money {
    /// The amount nearest to `price`, a number of units of the currency. What is no price, such as a negative
    /// number, is nothing.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates, and prices are not negative"
    )]
    pub fn of(price: f64) -> Self {
        Self((price * PARTS).round() as u64)
    }

    /// The amount in units of the currency.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people and gauges, who look at a few digits")]
    pub fn units(self) -> f64 {
        self.0 as f64 / PARTS
    }

    /// So much less; nothing at least.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.units().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_prices_are_exact() {
        let thirty = (0..30).fold(Money::default(), |sum, _| sum + Money::of(0.1));
        assert_eq!(thirty, Money::of(3.0), "which 30 × 0.1 in floats is not");
        assert_eq!(thirty.saturating_sub(Money::of(4.0)), Money(0));
        assert_eq!(Money::of(0.8).to_string(), "0.8");
    }

    #[test]
    fn what_is_no_price_is_nothing() {
        for price in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(Money::of(price), Money(0), "{price}");
        }
        assert_eq!(Money::of(f64::INFINITY), Money(u64::MAX));
    }
}
