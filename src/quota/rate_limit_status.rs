//! How much of a quota is left, and the headers that tell it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::spoken::Spoken;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");

/// How much of a bucket is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    /// Tokens in a full bucket.
    pub limit: u32,
    /// Tokens that can be taken now.
    pub remaining: u32,
    /// How long until the bucket is full again.
    pub reset: Duration,
}

impl RateLimitStatus {
    /// The one that runs out first: fewest tokens, and of two with as many the one that refills more slowly.
    pub(super) fn tighter(self, other: Self) -> Self {
        let runs_out = |standing: &Self| (standing.remaining, std::cmp::Reverse(standing.reset));
        if runs_out(&other) < runs_out(&self) { other } else { self }
    }

    /// Tells it in OpenAI's headers, in place of whatever they said.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let mut tell = |name: HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        tell(LIMIT, itoa::Buffer::new().format(self.limit));
        tell(REMAINING, itoa::Buffer::new().format(self.remaining));
        tell(RESET, &Spoken(self.reset).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tighter_standing_is_the_one_that_runs_out_first() {
        let standing =
            |remaining, secs| RateLimitStatus { limit: 9, remaining, reset: Duration::from_secs(secs) };
        assert_eq!(standing(1, 1).tighter(standing(2, 9)), standing(1, 1));
        assert_eq!(standing(2, 9).tighter(standing(1, 1)), standing(1, 1));
        assert_eq!(standing(1, 1).tighter(standing(1, 9)), standing(1, 9));
    }

    #[test]
    fn the_headers_are_openais() {
        let mut headers = HeaderMap::new();
        headers.insert(LIMIT, HeaderValue::from_static("of the upstream"));
        RateLimitStatus { limit: 60, remaining: 58, reset: Duration::from_millis(1200) }.tell(&mut headers);
        let told = [LIMIT, REMAINING, RESET].map(|name| headers[name].to_str().expect("ASCII").to_owned());
        assert_eq!(told, ["60", "58", "1.2s"]);
        assert_eq!(headers.len(), 3);
    }
}
