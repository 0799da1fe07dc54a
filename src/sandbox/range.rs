//! Which bytes of a film are sent: a pure reading of `Range`, `If-Range` and `If-None-Match`.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderName, header};

/// What is sent of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes.
    Bytes(Range<usize>),
    /// Nothing, because the range lies behind the end.
    Outside,
}

/// Whether the client has this version already.
pub(super) fn unchanged(headers: &HeaderMap, etag: &str) -> bool {
    text(headers, header::IF_NONE_MATCH).is_some_and(|tags| {
        // A weak tag matches here, and so does any tag at all if the client says so.
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    })
}

/// The part of `length` bytes that was asked for. What cannot be read, and several ranges at once,
/// count as no range at all, which the standard allows.
pub(super) fn part(headers: &HeaderMap, etag: &str, length: usize) -> Part {
    let other_version = text(headers, header::IF_RANGE).is_some_and(|tag| tag != etag);
    let range = text(headers, header::RANGE).filter(|_| !other_version);
    let bounds = range.and_then(|range| range.strip_prefix("bytes=")).and_then(|range| range.split_once('-'));
    let Some((first, last)) = bounds else { return Part::Whole };
    let (Ok(first), Ok(last)) = (bound(first), bound(last)) else { return Part::Whole };
    match (first, last) {
        (None, None) => Part::Whole,
        (None, Some(count)) if count == 0 || length == 0 => Part::Outside,
        (None, Some(count)) => Part::Bytes(length.saturating_sub(count)..length),
        (Some(first), Some(last)) if last < first => Part::Whole,
        (Some(first), _) if first >= length => Part::Outside,
        (Some(first), last) => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            Part::Bytes(first..end)
        }
    }
}

/// A bound that may be left out. `Err` for anything but digits.
fn bound(text: &str) -> Result<Option<usize>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    // More digits than a number has are a place behind every end.
    Ok(Some(text.parse().unwrap_or(usize::MAX)))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let cases = [
            ("bytes=0-99", Part::Bytes(0..100)),
            ("bytes=900-", Part::Bytes(900..1000)),
            ("bytes=-10", Part::Bytes(990..1000)),
            ("bytes=-5000", Part::Bytes(0..1000)),
            ("bytes=990-5000", Part::Bytes(990..1000)),
            ("bytes=999-999", Part::Bytes(999..1000)),
            ("bytes=1000-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=99999999999999999999999-", Part::Outside),
            ("bytes=9-3", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-5", Part::Whole),
            ("pages=1-2", Part::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(part(&headers(&[(header::RANGE, range)]), "\"a\"", 1000), expected, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_ignored() {
        let of = |tag| headers(&[(header::RANGE, "bytes=0-9"), (header::IF_RANGE, tag)]);
        assert_eq!(part(&of("\"a\""), "\"a\"", 1000), Part::Bytes(0..10));
        assert_eq!(part(&of("\"b\""), "\"a\"", 1000), Part::Whole);
        assert_eq!(part(&of("W/\"a\""), "\"a\"", 1000), Part::Whole, "weak tags cannot promise bytes");
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        for tags in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "*"] {
            assert!(unchanged(&headers(&[(header::IF_NONE_MATCH, tags)]), "\"a\""), "{tags}");
        }
        assert!(!unchanged(&headers(&[(header::IF_NONE_MATCH, "\"b\"")]), "\"a\""));
        assert!(!unchanged(&headers(&[]), "\"a\""));
    }
}
