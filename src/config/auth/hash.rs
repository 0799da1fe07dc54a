//! The only form in which a key is kept.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of a key. Two of them are compared in a time that says nothing about either.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// What would be right where a hash is none.
pub(super) const RIGHT: &str = "use the 64 hex digits that `reelgate key hash` prints";

impl KeyHash {
    /// The hash of a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            // `from_str_radix` alone would take a sign.
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// In hex, as it stands in a configuration.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A short key could be found from it.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"***\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hex_digits() {
        let hash = KeyHash::parse(&"0a".repeat(32)).expect("a hash");
        assert_eq!(hash.to_string(), "0a".repeat(32));
        assert_eq!(KeyHash::parse(&"0A".repeat(32)), Some(hash));
        for text in ["", "0a", &"0g".repeat(32), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(KeyHash::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_hash_is_that_of_sha256sum_and_is_not_shown() {
        let hash = KeyHash::of("password");
        assert_eq!(hash.to_string(), "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8");
        assert_eq!(format!("{hash:?}"), "\"***\"");
        assert_ne!(hash, KeyHash::of("passwore"));
    }
}
