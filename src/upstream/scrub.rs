//! Answers that repeat our own credential: the client must not see it, whatever else they say.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem;

/// What stands in its place.
const MASK: &[u8] = b"***";
/// Shorter ones are no secrets, and stand everywhere.
const SHORTEST: usize = 8;

/// The operator's credential at one upstream.
#[derive(Clone)]
pub(super) struct Secret(Bytes);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// `None` for one that is too short to be looked for.
    pub(super) fn new(credential: &str) -> Option<Self> {
        (credential.len() >= SHORTEST).then(|| Self(Bytes::copy_from_slice(credential.as_bytes())))
    }

    /// The body without it, where it stands there.
    pub(super) fn out_of(&self, body: &[u8]) -> Option<Bytes> {
        memmem::find(body, &self.0)?;
        let mut clean = Vec::with_capacity(body.len());
        let mut from = 0;
        for at in memmem::find_iter(body, &self.0) {
            clean.extend_from_slice(body.get(from..at).unwrap_or_default());
            clean.extend_from_slice(MASK);
            from = at + self.0.len();
        }
        clean.extend_from_slice(body.get(from..).unwrap_or_default());
        Some(clean.into())
    }

    /// The bytes with stars in its place, as many as it has characters, where it stands there.
    pub(super) fn starred(&self, bytes: &[u8]) -> Option<Bytes> {
        memmem::find(bytes, &self.0)?;
        let mut clean = bytes.to_vec();
        for at in memmem::find_iter(bytes, &self.0) {
            if let Some(found) = clean.get_mut(at..at + self.0.len()) {
                found.fill(b'*');
            }
        }
        Some(clean.into())
    }

    /// How many bytes at the end may be its beginning.
    pub(super) fn begun_at_end(&self, bytes: &[u8]) -> usize {
        let most = bytes.len().min(self.0.len() - 1);
        let begins = |length: &usize| self.0.get(..*length).is_some_and(|start| bytes.ends_with(start));
        (1..=most).rev().find(begins).unwrap_or(0)
    }

    /// Removes the headers that carry it.
    pub(super) fn out_of_headers(&self, headers: &mut HeaderMap) {
        let carries = |value: &HeaderValue| memmem::find(value.as_bytes(), &self.0).is_some();
        let named: Vec<HeaderName> =
            headers.iter().filter(|(_, value)| carries(value)).map(|(name, _)| name.clone()).collect();
        for name in named {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SE02
    #[test]
    fn a_credential_is_masked_wherever_it_stands() {
        let secret = Secret::new("sk-operator").expect("long enough");
        let masked = secret.out_of(b"bad key sk-operator; sk-operator is wrong").expect("it stands there");
        assert_eq!(masked, "bad key ***; *** is wrong");
        assert_eq!(secret.out_of(b"bad key sk-oper"), None);
        assert!(Secret::new("short").is_none());
        assert_eq!(format!("{secret:?}"), "***");
    }

    /// SE02
    #[test]
    fn headers_that_carry_it_are_gone() {
        let secret = Secret::new("sk-operator").expect("long enough");
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("req_1"));
        headers.insert("openai-debug", HeaderValue::from_static("key sk-operator"));
        secret.out_of_headers(&mut headers);
        assert_eq!(headers.len(), 1);
    }
}
