//! `[auth]`: who may use the gateway.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::Budget;
use super::quota::{self, Quota};
use super::reader::Section;
use super::secret::Sources;

mod hash;
mod key;
mod owners;
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
    /// What becomes of videos that the ledger does not know, where clients have keys.
    pub unknown_videos: UnknownVideos,
    /// What becomes of ids of files at the upstream, where clients have keys.
    pub file_ids: FileIds,
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

/// What becomes of a request for a video that the ledger does not know, from a client with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownVideos {
    /// It is answered as one for a video that does not exist.
    #[default]
    Refuse,
    /// It goes upstream: for the days after a gateway with keys was put before an upstream that had videos already.
    Forward,
}

/// What becomes of an id of a file at the upstream in a client's request, from a client with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileIds {
    /// It is answered as one of a file that does not exist: files are not owned by keys.
    #[default]
    Refuse,
    /// It goes upstream: every client may use every file there.
    Forward,
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
        let unknown = [("refuse", UnknownVideos::Refuse), ("forward", UnknownVideos::Forward)];
        auth.unknown_videos = section.choice("unknown_videos", &unknown, UnknownVideos::Refuse);
        let ids = [("refuse", FileIds::Refuse), ("forward", FileIds::Forward)];
        auth.file_ids = section.choice("file_ids", &ids, FileIds::Refuse);
        let quota = Quota::read(section.section("key_quota"));
        let budget = Budget::read(section.section("key_budget"));
        let (mut keys, mut hashes) = (Vec::new(), HashMap::<KeyHash, usize>::new());
        for (name, mut table) in section.named_sections("keys") {
            let key = Key::read(name, &mut table, budget);
            for hash in key::hashes(&mut table, sources) {
                if let Some(other) = hashes.insert(hash, keys.len()).and_then(|place: usize| keys.get(place))
                {
                    let Key { name, .. } = other;
                    let what = format!("it is the key of \"{name}\" as well (give each its own)");
                    table.problem("sha256", what);
                }
            }
            let (name, own) = quota::named(name, &mut table);
            auth.quotas.push((name, own.or(quota)));
            keys.push(key);
            table.finish();
        }
        auth.keys = owners::shared(keys, &section).into_iter().map(Arc::new).collect();
        auth.by_hash = hashes
            .into_iter()
            .filter_map(|(hash, place)| Some((hash, Arc::clone(auth.keys.get(place)?))))
            .collect();
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
