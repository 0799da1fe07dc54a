//! `[auth]`: who may use the gateway.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::Budget;
use super::quota::{self, Quota};
use super::reader::Section;
use super::secret::Sources;

mod hash;
mod key;
mod sense;
#[cfg(test)]
mod tests;

pub use hash::KeyHash;
pub use key::Key;
pub(crate) use key::check as check_key;

/// `[auth]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// How clients are told apart.
    pub mode: AuthMode,
    /// The keys, in the order of the file.
    pub keys: Vec<Arc<Key>>,
    /// The same by the hashes they are known by: however many there are, a request looks at one.
    by_hash: HashMap<KeyHash, Arc<Key>>,
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
    /// The key of this hash, be it one that has expired.
    #[must_use]
    pub fn key(&self, hash: &KeyHash) -> Option<&Arc<Key>> {
        self.by_hash.get(hash)
    }

    pub(super) fn read(mut section: Section<'_>, sources: Sources<'_>) -> Self {
        let modes =
            [("passthrough", AuthMode::Passthrough), ("keys", AuthMode::Keys), ("open", AuthMode::Open)];
        let mut auth =
            Self { mode: section.choice("mode", &modes, AuthMode::Passthrough), ..Self::default() };
        let quota = Quota::read(section.section("key_quota"));
        let budget = Budget::read(section.section("key_budget"));
        for (name, mut table) in section.named_sections("keys") {
            let key = Arc::new(Key::read(name, &mut table, budget));
            for hash in key::hashes(&mut table, sources) {
                if let Some(other) = auth.by_hash.insert(hash, Arc::clone(&key)) {
                    let what = format!("it is the key of \"{}\" as well (give each its own)", other.name);
                    table.problem("sha256", what);
                }
            }
            let (name, own) = quota::named(name, &mut table);
            auth.quotas.push((name, own.or(quota)));
            auth.keys.push(key);
            table.finish();
        }
        auth.check_mode(&section);
        section.finish();
        auth
    }

    fn check_mode(&self, section: &Section<'_>) {
        if self.mode == AuthMode::Keys && self.keys.is_empty() {
            section.problem("keys", "no key is configured (add one: `reelgate key new` prints it)");
        }
        if self.mode != AuthMode::Keys && !self.keys.is_empty() {
            section.problem(
                "keys",
                "nobody is asked for a key in this mode (set mode = \"keys\", or remove them)",
            );
        }
    }
}
