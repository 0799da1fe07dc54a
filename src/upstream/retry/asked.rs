//! How long an upstream asks to be left alone. Pure; the time of day, which dates are read against, is passed in.

use std::time::{Duration, SystemTime};

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};

/// Milliseconds, the more exact first.
static MILLISECONDS: [HeaderName; 2] =
    [HeaderName::from_static("retry-after-ms"), HeaderName::from_static("x-ms-retry-after-ms")];

/// Nobody means longer waits: counters that ran over, and dates of another age.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The wait that an answer asks for, if it makes sense. Zero asks for nothing: our own pause is the answer to it.
pub(crate) fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name).map(HeaderValue::to_str)?.ok().map(str::trim);
    let millis = MILLISECONDS.iter().filter_map(text).filter_map(|text| sensible(text, 1000.0)).next();
    millis.or_else(|| {
        let text = text(&header::RETRY_AFTER)?;
        sensible(text, 1.0).or_else(|| until(text, now))
    })
}

/// Whether an answer says when to come back, be it nonsense.
pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    MILLISECONDS.iter().any(|name| headers.contains_key(name)) || headers.contains_key(header::RETRY_AFTER)
}

/// A number of which `parts` make a second.
fn sensible(text: &str, parts: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    // Refuses what is negative, not a number or too large.
    within_reason(Duration::try_from_secs_f64(number / parts).ok()?)
}

fn until(text: &str, now: SystemTime) -> Option<Duration> {
    within_reason(httpdate::parse_http_date(text).ok()?.duration_since(now).ok()?)
}

fn within_reason(wait: Duration) -> Option<Duration> {
    Some(wait).filter(|wait| !wait.is_zero() && *wait <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06 08:49:37
    const NOW: Duration = Duration::from_secs(784_111_777);

    fn asked(headers: &[(&'static str, &'static str)]) -> Option<u128> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        wait(&map, SystemTime::UNIX_EPOCH + NOW).map(|wait| wait.as_millis())
    }

    /// RT10: seconds, fractions, a date; milliseconds win.
    #[test]
    fn a_wait_is_read_in_every_form() {
        for (headers, millis) in [
            (&[("retry-after", "7")][..], 7000),
            (&[("retry-after", "1.5")], 1500),
            (&[("retry-after", " 2 ")], 2000),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], 10_000),
            (&[("retry-after", "Sunday, 06-Nov-94 08:49:47 GMT")], 10_000),
            (&[("retry-after", "3600")], 3_600_000),
            (&[("retry-after-ms", "250")], 250),
            (&[("retry-after-ms", "250"), ("retry-after", "7")], 250),
            (&[("x-ms-retry-after-ms", "300"), ("retry-after", "7")], 300),
            (&[("x-ms-retry-after-ms", "300"), ("retry-after-ms", "250")], 250),
            // What makes no sense does not stand in the way of what does.
            (&[("retry-after-ms", "soon"), ("retry-after", "7")], 7000),
        ] {
            assert_eq!(asked(headers), Some(millis), "{headers:?}");
        }
    }

    /// RT11
    #[test]
    fn an_absurd_wait_is_none() {
        let absurd = [
            "",
            "-1",
            "0",
            "-0.0",
            "NaN",
            "inf",
            "-inf",
            "1e300",
            "1e18",
            "99999999999999999999",
            "soon",
            "1,5",
            "1e-400",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ];
        for value in absurd {
            for name in ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"] {
                assert_eq!(asked(&[(name, value)]), None, "{name}: {value}");
            }
        }
    }
}
