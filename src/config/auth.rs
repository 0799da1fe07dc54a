//! `[auth]`: who may use the gateway.

use std::collections::HashMap;
use std::sync::Arc;

use super::quota::{self, Quota};
use super::reader::Section;

/// SHA-256 of a key.
pub type KeyHash = [u8; 32];

/// `[auth]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// How clients are told apart.
    pub mode: AuthMode,
    /// The names of the keys, by hash.
    pub keys: HashMap<KeyHash, Arc<str>>,
    /// The quota of each key, by name.
    pub quotas: Vec<(Arc<str>, Quota)>,
}

/// How clients are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// Every client brings a credential, and the upstream judges it.
    #[default]
    Passthrough,
    /// Clients bring one of the configured keys.
    Keys,
    /// Nobody is asked. Only for listeners that nobody else can reach.
    Open,
}

impl Auth {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let modes =
            [("passthrough", AuthMode::Passthrough), ("keys", AuthMode::Keys), ("open", AuthMode::Open)];
        let mode = section.choice("mode", &modes, AuthMode::Passthrough);
        let each = Quota::read(section.section("key_quota"));
        let mut quotas = Vec::new();
        let mut keys = HashMap::new();
        for (name, mut key) in section.named_sections("keys") {
            match key.text("sha256").map(parse_hash) {
                Some(Some(hash)) => {
                    if let Some(other) = keys.insert(hash, Arc::from(name)) {
                        key.problem("sha256", format!("the key \"{other}\" has the same hash (remove one)"));
                    }
                }
                Some(None) => key.problem("sha256", HASH_RIGHT),
                None => key.problem("sha256", format!("missing ({HASH_RIGHT})")),
            }
            let (name, own) = quota::named(name, &mut key);
            quotas.push((name, own.or(each)));
            key.finish();
        }
        if mode == AuthMode::Keys && keys.is_empty() {
            section.problem("keys", "no key is configured (add [auth.keys.NAME] with sha256 = \"…\")");
        }
        if mode != AuthMode::Keys && !keys.is_empty() {
            section.problem(
                "keys",
                "nobody is asked for a key in this mode (set mode = \"keys\", or remove them)",
            );
        }
        section.finish();
        Self { mode, keys, quotas }
    }
}

const HASH_RIGHT: &str = "not a SHA-256 (use the 64 hex digits that `printf %s KEY | sha256sum` prints)";

fn parse_hash(text: &str) -> Option<KeyHash> {
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
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hex_digits() {
        assert_eq!(parse_hash(&"0a".repeat(32)), Some([10; 32]));
        for text in ["", "0a", &"0g".repeat(32), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(parse_hash(text), None, "{text}");
        }
    }
}
