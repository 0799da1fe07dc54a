//! `[auth.keys.NAME]`: one client's key, what it is known by, and what it may do.

use std::sync::Arc;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Value;

use super::hash::{self, KeyHash};
use crate::capability::Mode;
use crate::capability::allowed::{Allowed, Asker};
use crate::capability::model::OnUnsupported;
use crate::config::allow::AllowList;
use crate::config::budget::Budget;
use crate::config::reader::Section;
use crate::config::secret::{self, Sources};

/// One client's key. The key itself is not among it, and of its hashes only the index knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// The models it may have videos made by. `None`: all.
    pub models: Option<Allowed>,
    /// What becomes of what a model does not support, in place of the model's own setting.
    pub on_unsupported: Option<OnUnsupported>,
    /// The routes beside those about videos that are open to it, in place of `routes.allow`.
    pub allow: Option<AllowList>,
    /// From when on it counts no more.
    pub expires: Option<SystemTime>,
    /// How much it may have made.
    pub budget: Budget,
    /// Keys of the same group share their videos.
    pub group: Option<Arc<str>>,
    /// Names under which its videos were recorded before: of a key that had another name, or `sha256:…`, the mark of a
    /// credential that was passed through.
    pub formerly: Vec<Arc<str>>,
    /// Whether it may list, read and download the videos of every client.
    pub sees_all: bool,
    /// The names under which its videos may be recorded: its own, those in `formerly`, and those of its group's other
    /// keys.
    pub owners: Arc<[Arc<str>]>,
}

/// Shortest key that cannot be guessed, in characters.
pub(crate) const SHORTEST: usize = 16;

const EXPIRES_RIGHT: &str = "use a date with its time and zone, such as \"2027-01-01T00:00:00Z\"";

impl Key {
    pub(super) fn read(name: &str, section: &mut Section<'_>, default: Budget) -> Self {
        let choices = [
            ("reject", OnUnsupported::Reject),
            ("adjust", OnUnsupported::Adjust),
            ("switch", OnUnsupported::Switch),
        ];
        Self {
            name: name.into(),
            models: section.texts("models").map(Allowed::new),
            on_unsupported: section.optional_choice("on_unsupported", &choices),
            allow: AllowList::read(section),
            expires: section.read("expires", EXPIRES_RIGHT, date),
            budget: Budget::read(section.section("budget")).or(default),
            group: section.text("group").map(Arc::from),
            formerly: former_names(section),
            sees_all: section.choice("sees", &[("own", false), ("all", true)], false),
            owners: Arc::default(),
        }
    }

    /// The names under which videos that this key ordered may be recorded.
    pub(super) fn recorded_names(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.name).chain(&self.formerly)
    }

    /// Whether it counts no more.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    /// Its holder, as one who asks for a create. `mode`: the holder's own wish, where the operator lets clients
    /// choose.
    #[must_use]
    pub fn asker(&self, mode: Option<Mode>) -> Asker<'_> {
        Asker {
            mode,
            on_unsupported: self.on_unsupported,
            models: self.models.as_ref(),
            name: Some(&self.name),
        }
    }
}

const FORMER_RIGHT: &str = "use the name of a key that is not configured any more, or the mark of a credential as \
                            `reelgate ledger` shows it: sha256: and 16 hex digits";

fn former_names(section: &mut Section<'_>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for name in section.texts("formerly").unwrap_or_default() {
        let digits = name.strip_prefix("sha256:");
        let is_mark =
            |digits: &str| digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.is_empty() || digits.is_some_and(|digits| !is_mark(digits)) {
            section.problem("formerly", format!("\"{name}\" is not allowed ({FORMER_RIGHT})"));
        } else if names.iter().any(|known| **known == *name) {
            section.problem("formerly", format!("\"{name}\" stands there twice (remove one)"));
        } else {
            // Marks are recorded in lower case.
            names.push(if digits.is_some() { name.to_ascii_lowercase() } else { name }.into());
        }
    }
    names
}

fn date(value: &Value) -> Option<SystemTime> {
    let text = match value {
        Value::String(text) => text.clone(),
        // Without quotes it is a date of TOML's own.
        Value::Datetime(date) => date.to_string(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) => {
            return None;
        }
    };
    OffsetDateTime::parse(&text, &Rfc3339).ok().map(SystemTime::from)
}

/// The hashes under which a key is known: of one key, or while it is changed of the old and the new one.
pub(super) fn hashes(section: &mut Section<'_>, sources: Sources<'_>) -> Vec<KeyHash> {
    let hashed = section.value("sha256");
    let plain = [section.value("env"), section.value("file")].into_iter().flatten().count();
    match (hashed, plain) {
        (Some(value), 0) => listed(section, value),
        (None, 1) => kept_elsewhere(section, sources).into_iter().collect(),
        (None | Some(_), _) => {
            let what = "a key has one source (use sha256 = \"…\", or env = \"NAME\", or file = \"PATH\"; \
                        `reelgate key new` makes a key)";
            section.problem("sha256", what);
            Vec::new()
        }
    }
}

/// One hash, or a list of them.
fn listed(section: &Section<'_>, value: &Value) -> Vec<KeyHash> {
    let one = [value.clone()];
    let items = value.as_array().map_or(&one[..], Vec::as_slice);
    if items.is_empty() {
        section.problem("sha256", format!("an empty list is not allowed ({})", hash::RIGHT));
    }
    let mut hashes = Vec::new();
    for item in items {
        match item.as_str().and_then(KeyHash::parse) {
            Some(hash) if hashes.contains(&hash) => {
                section.problem("sha256", "a hash stands there twice (remove one)");
            }
            Some(hash) => hashes.push(hash),
            // The value is not shown: it may be the key itself.
            None => section.problem("sha256", format!("not a SHA-256 ({})", hash::RIGHT)),
        }
    }
    hashes
}

/// The hash of a key that stands in the environment or in a file.
fn kept_elsewhere(section: &mut Section<'_>, sources: Sources<'_>) -> Option<KeyHash> {
    let (source, secret) = secret::source(section, sources)?;
    match check(secret.expose()) {
        Ok(()) => Some(KeyHash::of(secret.expose())),
        Err(wrong) => {
            section.problem(source, format!("the key {wrong}"));
            None
        }
    }
}

/// Whether a text can be a key.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(crate) fn check(key: &str) -> Result<(), &'static str> {
    // What stands for a list of values in a header is no key.
    if !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
        return Err(
            "has a space, a comma or another character that no client can send (use visible ASCII, such as \
                    what `reelgate key new` prints)",
        );
    }
    if key.len() < SHORTEST {
        return Err(
            "is too short to be safe (use 16 characters or more, such as what `reelgate key new` prints)",
        );
    }
    Ok(())
}
