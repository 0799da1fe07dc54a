//! Answers that repeat our own credential: the client must not see it, whatever else they say, and in no spelling that
//! a program which reads JSON or a URL takes for it.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use memchr::{memchr2, memmem};

use super::spelling::{Spelled, Spelling};

/// What stands in its place.
const MASK: &[u8] = b"***";
/// Shorter ones are no secrets, and stand everywhere.
const SHORTEST: usize = 8;

/// The operator's credential at one upstream.
#[derive(Clone)]
pub(super) struct Secret {
    text: Bytes,
    /// Made once: to make one takes longer than to search the head of an answer.
    finder: Arc<memmem::Finder<'static>>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// `None` for one that is too short to be looked for.
    pub(super) fn new(credential: &str) -> Option<Self> {
        (credential.len() >= SHORTEST).then(|| Self {
            text: Bytes::copy_from_slice(credential.as_bytes()),
            finder: Arc::new(memmem::Finder::new(credential).into_owned()),
        })
    }

    /// The body without it, where it stands there.
    pub(super) fn out_of(&self, body: &[u8]) -> Option<Bytes> {
        let places = self.places(body).places;
        if places.is_empty() {
            return None;
        }
        let mut clean = Vec::with_capacity(body.len());
        let mut from = 0;
        for place in places {
            clean.extend_from_slice(body.get(from..place.start).unwrap_or_default());
            clean.extend_from_slice(MASK);
            from = place.end;
        }
        clean.extend_from_slice(body.get(from..).unwrap_or_default());
        Some(clean.into())
    }

    /// The bytes with stars in its place, as many as it takes there; and how many bytes at the end may be its beginning.
    pub(super) fn starred(&self, bytes: Bytes) -> (Bytes, usize) {
        let Spelled { places, begun } = self.places(&bytes);
        // What is masked begins nothing.
        let free = places.last().map_or(0, |last| last.end);
        let begun = begun.max(self.begun_at_end(&bytes)).min(bytes.len() - free);
        if places.is_empty() {
            return (bytes, begun);
        }
        let mut clean = Vec::from(bytes);
        for place in places {
            if let Some(found) = clean.get_mut(place) {
                found.fill(b'*');
            }
        }
        (clean.into(), begun)
    }

    /// Removes the headers that carry it.
    pub(super) fn out_of_headers(&self, headers: &mut HeaderMap) {
        // No spelling is shorter.
        let carries = |value: &HeaderValue| {
            value.len() >= self.text.len() && !self.places(value.as_bytes()).places.is_empty()
        };
        let named: Vec<HeaderName> =
            headers.iter().filter(|(_, value)| carries(value)).map(|(name, _)| name.clone()).collect();
        for name in named {
            headers.remove(name);
        }
    }

    /// Where it stands, in any spelling, and how much at the end may be its beginning, with an escape in it.
    fn places(&self, bytes: &[u8]) -> Spelled {
        let plain = self.finder.find_iter(bytes).map(|at| at..at + self.text.len());
        let mut found = Spelled { places: plain.collect(), begun: 0 };
        // Most texts have no escapes: then it is written in plain or not at all.
        if memchr2(b'\\', b'%', bytes).is_none() {
            return found;
        }
        for spelled in Spelling::ALL.map(|spelling| spelling.find(&self.text, bytes)) {
            found.places.extend(spelled.places);
            found.begun = found.begun.max(spelled.begun);
        }
        found.places.sort_unstable_by_key(|place| place.start);
        found.places.dedup_by(|later, earlier| joins(earlier, later));
        found
    }

    /// How many bytes at the end may be its beginning, in plain.
    fn begun_at_end(&self, bytes: &[u8]) -> usize {
        let most = bytes.len().min(self.text.len() - 1);
        let begins = |length: &usize| self.text.get(..*length).is_some_and(|start| bytes.ends_with(start));
        (1..=most).rev().find(begins).unwrap_or(0)
    }
}

/// Makes one place of two that overlap; whether they do.
fn joins(earlier: &mut Range<usize>, later: &Range<usize>) -> bool {
    let overlap = later.start < earlier.end;
    if overlap {
        earlier.end = earlier.end.max(later.end);
    }
    overlap
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

    /// SE02: as whatever reads JSON, or a URL, takes it.
    #[test]
    fn a_credential_is_masked_in_every_spelling() {
        let secret = Secret::new("sk-op/erator").expect("long enough");
        for spelled in [
            r"\u0073k-op/erator",
            r"sk-op\/erator",
            r"sk\u002Dop\/erator",
            r"sk\u002dop\u002Ferator",
            r"\u0073\u006b\u002d\u006f\u0070\u002f\u0065\u0072\u0061\u0074\u006f\u0072",
            "sk-op%2Ferator",
            "%73%6b-op%2ferator",
        ] {
            let body = format!(r#"{{"key":"{spelled}","again":"sk-op/erator {spelled}","a":"\n"}}"#);
            let masked = secret.out_of(body.as_bytes()).expect(spelled);
            assert_eq!(masked, r#"{"key":"***","again":"*** ***","a":"\n"}"#, "{spelled}");
            let (starred, begun) = secret.starred(Bytes::from(body.clone()));
            let stars =
                body.replace(spelled, &"*".repeat(spelled.len())).replace("sk-op/erator", "************");
            assert_eq!((starred, begun), (stars.into(), 0), "{spelled}");
            let mut headers = HeaderMap::new();
            headers.insert("openai-debug", spelled.parse().expect("a value"));
            secret.out_of_headers(&mut headers);
            assert!(headers.is_empty(), "{spelled}");
        }
        for other in [r"\\u0073k-op/erator", r"sk-op\/erato", r"sk\-op/erator", "sk-op%2Gerator", "100% sk-"]
        {
            assert_eq!(secret.out_of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn overlapping_places_are_one() {
        let secret = Secret::new("aaaaaaaa").expect("long enough");
        let masked = secret.out_of(r"\u0061aaaaaaaaa b".as_bytes()).expect("it stands there");
        assert_eq!(masked, "***a b");
        let masked = secret.out_of(r"aaaaaaaaa\u0061 b".as_bytes()).expect("it stands there");
        assert_eq!(masked, "*** b");
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
