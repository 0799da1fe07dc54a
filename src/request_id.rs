//! What identifies a request in everybody's logs.

use axum::http::HeaderValue;

/// An id in the form of OpenAI's: `req_` and 32 hex digits.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A new one. It only has to be unlikely to repeat, not hard to guess.
    #[must_use]
    pub fn random() -> Self {
        let mut text = *b"req_00000000000000000000000000000000";
        let number = fastrand::u128(..).to_be_bytes();
        // There is room for it, and hex digits always make a header value.
        let written = text.get_mut(4..).map(|digits| hex::encode_to_slice(number, digits));
        let value = written.and_then(|_| HeaderValue::from_bytes(&text).ok());
        Self(value.unwrap_or(HeaderValue::from_static("req_0")))
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
