//! Days and months, UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, OffsetDateTime};

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the next.
    Month,
}

/// One day or month: its first moment, and that of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub start: SystemTime,
    pub end: SystemTime,
}

impl Period {
    /// Both there are.
    pub(crate) const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The one that a moment is in.
    pub(crate) fn at(self, moment: SystemTime) -> Window {
        let today = date(moment);
        let first = match self {
            Self::Day => today,
            Self::Month => today.replace_day(1).unwrap_or(today),
        };
        let days = match self {
            Self::Day => 1,
            Self::Month => u64::from(first.month().length(first.year())),
        };
        // A day has 86400 seconds: the system's clock knows of no others.
        let start = SystemTime::from(first.midnight().assume_utc());
        Window { start, end: start + Duration::from_hours(24 * days) }
    }
}

/// The day of a moment. Those no calendar has are all on the first.
fn date(moment: SystemTime) -> Date {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let moment =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).date()
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn at(text: &str) -> SystemTime {
        OffsetDateTime::parse(text, &Rfc3339).expect("a date").into()
    }

    #[test]
    fn days_and_months_begin_at_midnight_utc() {
        for (moment, period, start, end) in [
            ("2026-11-22T13:14:15.167Z", Period::Day, "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
            ("2026-12-31T23:59:59.999Z", Period::Day, "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", Period::Day, "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
            ("2027-01-01T01:00:00+02:00", Period::Day, "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", Period::Month, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", Period::Month, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("1970-01-01T00:00:00Z", Period::Month, "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
        ] {
            assert_eq!(
                period.at(at(moment)),
                Window { start: at(start), end: at(end) },
                "{period:?} {moment}"
            );
        }
    }
}
