//! The capability table: which model takes which `seconds` and `size`, and what becomes of the rest.
//!
//! Pure: no HTTP, no clock, no I/O. [`Table::judge_create`] and its siblings in [`operations`] answer with
//! a verdict; wording a refusal is [`crate::error`]'s business, changing bytes is [`crate::rewrite`]'s.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use wildmatch::WildMatch;

mod adjust;
pub mod allowed;
mod asked;
mod auto;
pub mod create;
pub(crate) mod extras;
mod fields;
pub mod judgement;
#[cfg(test)]
mod judging_tests;
pub mod model;
pub mod operations;
pub mod query;
pub mod ranges;
pub mod seconds;
pub mod size;
pub(crate) mod spelling;
#[cfg(test)]
pub(crate) mod testing;

use model::Model;

/// Every model, and what all models share. One request sees one table.
#[derive(Clone)]
pub struct Table {
    models: Vec<Arc<Model>>,
    by_name: HashMap<Arc<str>, Arc<Model>>,
    /// Most specific first.
    patterns: Vec<(WildMatch, Arc<Model>)>,
    default_model: Option<Arc<str>>,
    auto: Vec<Arc<str>>,
    /// What holds for every model.
    pub shared: Shared,
}

/// Rules and lists shared by all models. Lists are in message order; an empty list checks nothing.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// Closed list of model names. Empty: an unknown model is "not found" instead of "invalid value".
    pub model: Vec<String>,
    /// `seconds` that pass for at least one model.
    pub seconds: Vec<String>,
    /// `size`s that pass for at least one model.
    pub size: Vec<String>,
    /// `seconds` of extensions.
    pub extension_seconds: Vec<String>,
    /// `variant`s of content.
    pub variant: Vec<String>,
    /// `order`s of list.
    pub order: Vec<String>,
    /// Media types taken as `input_reference`.
    pub reference_types: Vec<String>,
    /// What an `input_reference` may be.
    pub reference: Reference,
    /// Whether a JSON integer passes as `seconds`.
    pub seconds_json: SecondsJson,
    /// What becomes of a model nobody configured.
    pub unknown_model: Unknown,
    /// What becomes of fields and query parameters that are not OpenAI's and that the operator has not named.
    pub unknown_parameters: Unknown,
    /// Fields that pass though they are not OpenAI's.
    pub allowed_parameters: Vec<String>,
    /// Fields that are refused whatever else is said of them.
    pub refused_parameters: Vec<String>,
}

/// What an `input_reference` may be. The rule flipped at OpenAI during 2026.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reference {
    /// Left to the upstream, but for the members of an object.
    #[default]
    Any,
    /// An uploaded file.
    File,
    /// An object with either `image_url` or `file_id`.
    Object,
}

/// Whether a JSON integer passes as `seconds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondsJson {
    /// Only strings, as OpenAI's own API.
    Strict,
    /// Strings and integers.
    #[default]
    Lenient,
}

/// What becomes of something nobody configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// The request is refused.
    #[default]
    Reject,
    /// It is left to the upstream.
    Forward,
}

/// What the client asks for in place of the model's own `on_unsupported`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refuse what is unsupported.
    Strict,
    /// Adjust what is unsupported.
    Adjust,
}

/// The name a client gives to have the model chosen by duration.
pub const AUTO: &str = "auto";

/// Without the indexes, which only repeat the models, in no order.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { models, default_model, auto, shared, .. } = self;
        let mut debug = f.debug_struct("Table");
        debug.field("models", models).field("default_model", default_model).field("auto", auto);
        debug.field("shared", shared).finish_non_exhaustive()
    }
}

impl Table {
    /// Builds the table. `default_model` counts where a request names none; `auto` are the models chosen
    /// from by duration, in order of preference. Both must name models of the table.
    #[must_use]
    pub fn new(
        models: Vec<Model>,
        default_model: Option<Arc<str>>,
        auto: Vec<Arc<str>>,
        shared: Shared,
    ) -> Self {
        let models: Vec<Arc<Model>> = models.into_iter().map(Arc::new).collect();
        let mut by_name = HashMap::new();
        let mut patterns = Vec::new();
        for model in &models {
            if model.is_pattern() {
                patterns.push((WildMatch::new(&model.name), Arc::clone(model)));
            }
            for name in std::iter::once(&model.name).chain(&model.aliases) {
                by_name.insert(Arc::clone(name), Arc::clone(model));
            }
        }
        patterns.sort_by_key(|(_, model)| std::cmp::Reverse(literal_len(&model.name)));
        Self { models, by_name, patterns, default_model, auto, shared }
    }

    /// The models, in the order of their names in the file.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().map(Arc::as_ref)
    }

    /// The model a request means by `name`: an exact name or alias, else the most specific pattern.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Model>> {
        // A pattern is no name: nobody may ask for the model `wan-*`.
        let exact = self.by_name.get(name).filter(|model| !(model.is_pattern() && *model.name == *name));
        exact.or_else(|| {
            let mut patterns = self.patterns.iter().filter(|_| is_plain_name(name));
            patterns.find(|(pattern, _)| pattern.matches(name)).map(|(_, model)| model)
        })
    }

    /// The model that counts where a request names none.
    #[must_use]
    pub fn default_model(&self) -> Option<&Arc<Model>> {
        // By its name in the configuration, which may be a pattern: nobody sends it.
        self.default_model.as_deref().and_then(|name| self.by_name.get(name))
    }

    /// Whether clients may ask for the model `auto`.
    #[must_use]
    pub fn offers_auto(&self) -> bool {
        !self.auto.is_empty()
    }

    /// The pattern that would mean a model, had it no table of its own.
    #[must_use]
    pub fn pattern_over(&self, model: &Model) -> Option<&Arc<Model>> {
        let mut patterns = self.patterns.iter().filter(|_| !model.is_pattern());
        patterns.find(|(pattern, _)| pattern.matches(&model.name)).map(|(_, pattern)| pattern)
    }

    /// The model of this name in the configuration, be it a pattern.
    #[must_use]
    pub fn configured(&self, name: &str) -> Option<&Arc<Model>> {
        self.by_name.get(name).filter(|model| *model.name == *name)
    }

    /// The model for a wanted duration, among those that pass: the first that makes exactly that, else the first
    /// that makes anything as long, else the last.
    fn suggest(&self, seconds: Option<u32>, passes: impl Fn(&Model) -> bool) -> Option<&Arc<Model>> {
        let named = || self.auto.iter().filter_map(|name| self.find(name));
        let candidates = || named().filter(|model| passes(model));
        let Some(seconds) = seconds else { return candidates().next() };
        candidates()
            .find(|model| model.seconds.supports(seconds))
            .or_else(|| candidates().find(|model| model.seconds.longest().is_none_or(|max| max >= seconds)))
            .or_else(|| candidates().next_back())
    }
}

/// Whether a name that nobody configured word for word may go upstream: as models are named, and no more.
fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@".contains(&byte);
    name.len() <= NAME_MAX && name.bytes().all(plain) && !name.contains("..")
}

/// Longest name that a pattern may match, in bytes.
const NAME_MAX: usize = 128;

fn literal_len(pattern: &str) -> usize {
    pattern.chars().filter(|c| !matches!(c, '*' | '?')).count()
}

#[cfg(test)]
mod tests {
    use super::testing::{model, seed_table};
    use super::*;

    #[test]
    fn a_model_is_found_by_name_alias_and_the_most_specific_pattern() {
        let mut veo = model("veo-3", &[8]);
        veo.aliases.push("veo".into());
        let table = Table::new(
            vec![veo, model("*", &[5]), model("wan-*", &[5]), model("wan-2.?-pro", &[5])],
            None,
            Vec::new(),
            Shared::default(),
        );
        let find = |name: &str| table.find(name).map(|model| model.name.to_string());

        assert_eq!(find("veo-3").as_deref(), Some("veo-3"));
        assert_eq!(find("veo").as_deref(), Some("veo-3"));
        assert_eq!(find("wan-2.7").as_deref(), Some("wan-*"));
        assert_eq!(find("wan-2.7-pro").as_deref(), Some("wan-2.?-pro"));
        assert_eq!(find("anything").as_deref(), Some("*"));
    }

    #[test]
    fn a_pattern_matches_plain_names_only_and_is_none_itself() {
        let table = Table::new(vec![model("wan-*", &[5])], None, Vec::new(), Shared::default());
        for name in ["wan-*", "wan-?", "wan-2 ", "wan-\n", "wan-2*x/../y", "wan-/../y", "wan-猫"] {
            assert!(table.find(name).is_none(), "{name:?}");
        }
        assert!(table.find("wan-ai/Wan2.2-T2V:14B").is_some());
    }

    #[test]
    fn names_are_compared_exactly() {
        for near in ["Sora-2", "sora-2 ", " sora-2", "sora-2\0", "SORA-2", "sora‑2", ""] {
            assert!(seed_table().find(near).is_none(), "{near:?}");
        }
    }

    #[test]
    fn auto_follows_the_seed_rule() {
        let table = seed_table();
        for (seconds, expected) in [
            (Some(4), "sora-2"),
            (Some(8), "sora-2"),
            (Some(10), "sora-2-pro"),
            (Some(15), "sora-2-pro"),
            (Some(11), "sora-2"),
            (Some(5), "sora-2"),
            (Some(13), "sora-2-pro"),
            (Some(30), "sora-2-pro"),
            (None, "sora-2"),
        ] {
            assert_eq!(
                table.suggest(seconds, |_| true).map(|model| &*model.name),
                Some(expected),
                "{seconds:?}"
            );
        }
    }
}
