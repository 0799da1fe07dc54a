//! What identifies a request in everybody's logs.

use axum::http::HeaderValue;

/// An id in the form of OpenAI's: `req_` and 32 hex digits.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A new one. It only has to be unlikely to repeat, not hard to guess.
    #[must_use]
    pub fn random() -> Self {
        let text = format!("req_{:032x}", fastrand::u128(..));
        // Hex digits always make a header value.
        Self(HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("req_0")))
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
