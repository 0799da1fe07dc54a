//! Dates, as they stand in records.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(test)]
use tokio::time::Instant;

/// A point in time: milliseconds since the Unix epoch, by the wall clock, since records outlive processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    /// Later than anything.
    pub(crate) const NEVER: Self = Self(i64::MAX);

    /// So much earlier; the epoch at the earliest.
    #[must_use]
    pub(crate) fn before(self, span: Duration) -> Self {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(span).max(0))
    }

    /// So much later.
    #[must_use]
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How much later it is than `earlier`; zero if it is not.
    #[must_use]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same as the system's clock has it.
    #[must_use]
    pub(crate) fn system(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// RFC 3339 in UTC, with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.system()).fmt(f)
    }
}

/// Tells the date.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// The system's, which may be set while we run.
    Wall,
    /// The system's date at the start, and tokio's clock from then on: tests pause it.
    #[cfg(test)]
    Steady {
        /// When it started.
        started: Instant,
        /// The date at that moment.
        at: Timestamp,
    },
}

impl Clock {
    /// One that tests can pause.
    #[cfg(test)]
    pub(crate) fn steady() -> Self {
        Self::Steady { started: Instant::now(), at: SystemTime::now().into() }
    }

    /// The date.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Wall => SystemTime::now().into(),
            #[cfg(test)]
            Self::Steady { started, at } => {
                let passed = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
                Timestamp(at.0.saturating_add(passed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_with_its_zone() {
        assert_eq!(Timestamp(1_761_016_896_123).to_string(), "2025-10-21T03:21:36.123Z");
        assert_eq!(Timestamp(5).before(Duration::from_secs(1)), Timestamp(0));
    }
}
