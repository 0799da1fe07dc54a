//! What identifies a request in everybody's logs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;

/// An id in the form of OpenAI's: `req_` and 32 hex digits, of which the first twelve are the time, so that whoever has
/// one knows where to look.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A new one. It only has to be unlikely to repeat, not hard to guess.
    #[must_use]
    pub fn random() -> Self {
        let mut text = *b"req_00000000000000000000000000000000";
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = since.as_millis() << TAIL | fastrand::u128(..1 << TAIL);
        // There is room for it, and hex digits always make a header value.
        let written = text.get_mut(4..).map(|digits| hex::encode_to_slice(number.to_be_bytes(), digits));
        let value = written.and_then(|_| HeaderValue::from_bytes(&text).ok());
        Self(value.unwrap_or(HeaderValue::from_static("req_0")))
    }

    /// When the one with this text was made, if there is one.
    #[must_use]
    pub fn time_of(text: &str) -> Option<SystemTime> {
        let digits = text.strip_prefix("req_").filter(|digits| digits.len() == 32)?;
        let millis = u64::from_str_radix(digits.get(..12)?, 16).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }

    /// As it stands in headers.
    #[must_use]
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }

    /// As it stands in bodies and log lines.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Bits behind the time.
const TAIL: u32 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made_to_the_millisecond() {
        let before = SystemTime::now();
        let id = RequestId::random();
        assert!(id.as_str().len() == 36 && id.as_str() != RequestId::random().as_str());
        let made = RequestId::time_of(id.as_str()).expect("a time");
        let age = SystemTime::now().duration_since(made).expect("in the past");
        assert!(made + Duration::from_millis(1) > before && age < Duration::from_secs(60), "{age:?}");
        assert_eq!(RequestId::time_of("req_1"), None);
    }
}
