//! When something was: RFC 3339, in UTC.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

thread_local! {
    /// The second that this thread last wrote a line in, since 1970, and how it is written. Nearly every line is of the
    /// same second as the one before.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// Writes a time, with so many `digits` behind its seconds.
pub(super) fn write(line: &mut String, now: SystemTime, digits: u32) {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, written)| {
        if *second != now.as_secs() {
            (*second, *written) = (now.as_secs(), up_to_the_point(now));
        }
        line.push_str(written);
    });
    // A digit in front keeps the zeros behind it.
    let fraction = (1_000_000_000 + now.subsec_nanos()) / 10_u32.pow(9 - digits);
    line.push_str(itoa::Buffer::new().format(fraction).get(1..).unwrap_or_default());
    line.push('Z');
}

/// A time since 1970, up to the point behind its seconds.
fn up_to_the_point(time: Duration) -> String {
    let time = OffsetDateTime::UNIX_EPOCH + time;
    let ((hour, minute, second), mut written) = (time.to_hms(), String::new());
    // A string takes whatever is written.
    let _ = write!(written, "{}T{hour:02}:{minute:02}:{second:02}.", time.date());
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(nanos: u64, digits: u32) -> String {
        let mut line = String::new();
        write(&mut line, SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos), digits);
        line
    }

    #[test]
    fn every_time_is_written_whatever_was_written_before() {
        assert_eq!(written(0, 3), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(1_000_456_789, 6), "1970-01-01T00:00:01.000456Z");
        assert_eq!(written(1_999_999_999, 3), "1970-01-01T00:00:01.999Z");
        assert_eq!(written(1_795_342_271_000_009_000, 6), "2026-11-22T10:11:11.000009Z");
        assert_eq!(written(951_826_154_000_000_000, 3), "2000-02-29T12:09:14.000Z");
        assert_eq!(written(0, 6), "1970-01-01T00:00:00.000000Z");
    }
}
