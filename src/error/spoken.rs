//! Spans of time as OpenAI's messages and headers write them.

use std::fmt;
use std::time::Duration;

/// A span of time, written as `120ms`, `1.2s`, `6m0s` or `1h2m3s`. Rounded up to milliseconds: whoever comes back
/// then is not too early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken(pub(crate) Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = u64::from(self.0.subsec_nanos().div_ceil(1_000_000));
        let millis = self.0.as_secs().saturating_mul(1000).saturating_add(part);
        if (1..1000).contains(&millis) {
            return write!(f, "{millis}ms");
        }
        let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}", millis / 1000 % 60)?;
        match millis % 1000 {
            0 => f.write_str("s"),
            fraction => write!(f, ".{}s", format!("{fraction:03}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_openai_writes_them() {
        let cases = [
            (0, "0s"),
            (8, "8ms"),
            (120, "120ms"),
            (999, "999ms"),
            (1000, "1s"),
            (1200, "1.2s"),
            (20_000, "20s"),
            (59_050, "59.05s"),
            (360_000, "6m0s"),
            (3_723_000, "1h2m3s"),
            (86_400_000, "24h0m0s"),
        ];
        for (millis, text) in cases {
            assert_eq!(Spoken(Duration::from_millis(millis)).to_string(), text);
        }
        assert_eq!(Spoken(Duration::from_nanos(1)).to_string(), "1ms", "never told too short");
        assert_eq!(Spoken(Duration::from_nanos(999_000_001)).to_string(), "1s");
    }
}
