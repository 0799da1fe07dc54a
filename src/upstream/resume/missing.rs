//! What a broken download still owes, and whether an answer is just that. Pure.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::content_range::ContentRange;
use crate::upstream::coding::is_identity;

/// What is missing of a file, and what makes certain that it is the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::upstream) struct Missing {
    etag: HeaderValue,
    /// The first byte that has not come, and the last one that is owed.
    first: u64,
    last: u64,
    /// Bytes of the whole file, where they are known.
    total: Option<u64>,
}

impl Missing {
    /// What an answer with this head still owes; `None` where it could not be asked for again.
    pub(in crate::upstream) fn of(method: &Method, status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let refuses = headers.get(header::ACCEPT_RANGES).is_some_and(|units| units == "none");
        if method != Method::GET || refuses || !is_identity(headers) {
            return None;
        }
        let length = length(headers);
        let range = match status {
            StatusCode::OK => {
                let total = length?;
                ContentRange { first: 0, last: total.checked_sub(1)?, total: Some(total) }
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = ContentRange::of(headers)?;
                // Two lengths that differ are nobody's to choose from.
                length.is_none_or(|length| length == range.length()).then_some(range)?
            }
            _ => return None,
        };
        let ContentRange { first, last, total } = range;
        Some(Self { etag: strong_etag(headers)?.clone(), first, last, total })
    }

    pub(super) fn etag(&self) -> &HeaderValue {
        &self.etag
    }

    /// So many bytes of it have come.
    pub(super) fn came(&mut self, bytes: u64) {
        self.first += bytes;
    }

    /// Bytes that are owed.
    pub(super) fn left(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// The value of `Range` that asks for them, after an answer to a request with or without one.
    pub(super) fn range(&self) -> Option<HeaderValue> {
        let whole = self.total == Some(self.last + 1);
        let last = if whole { String::new() } else { self.last.to_string() };
        HeaderValue::try_from(format!("bytes={}-{last}", self.first)).ok()
    }

    /// Whether an answer with this head is just what is owed.
    pub(super) fn is_met_by(&self, status: StatusCode, answer: &HeaderMap) -> bool {
        let range = Self::of(&Method::GET, status, answer);
        let met = range.is_some_and(|range| {
            let totals = self.total.zip(range.total);
            range.etag == self.etag
                && (range.first, range.last) == (self.first, self.last)
                && totals.is_none_or(|(ours, theirs)| ours == theirs)
        });
        status == StatusCode::PARTIAL_CONTENT && met
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A weak tag says that two files mean the same, not that they are the same.
fn strong_etag(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(header::ETAG).filter(|etag| etag.as_bytes().starts_with(b"\""))
}
