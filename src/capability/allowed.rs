//! Who asks for a create, as far as it decides what becomes of it.

use std::fmt;
use std::sync::Arc;

use wildmatch::WildMatch;

use super::model::{Model, OnUnsupported};
use super::{Mode, Table};
use crate::rejection::Rejection;

/// What one client may ask for, and how it wants to be treated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asker<'a> {
    /// The client's own wish, where the operator lets it choose.
    pub mode: Option<Mode>,
    /// The operator's choice for this client, in place of the model's.
    pub on_unsupported: Option<OnUnsupported>,
    /// The models it may have videos made by. `None`: all.
    pub models: Option<&'a Allowed>,
    /// What it is called.
    pub name: Option<&'a str>,
}

/// A list of models, by their names in the configuration or by patterns of them.
#[derive(Clone)]
pub struct Allowed(Vec<(Arc<str>, WildMatch)>);

impl PartialEq for Allowed {
    fn eq(&self, other: &Self) -> bool {
        self.names().eq(other.names())
    }
}

impl Eq for Allowed {}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Asker<'_> {
    /// What becomes of what the model does not support.
    pub(super) fn policy(&self, model: &Model) -> OnUnsupported {
        match self.mode {
            Some(Mode::Strict) => OnUnsupported::Reject,
            Some(Mode::Adjust) => OnUnsupported::Adjust,
            None => self.on_unsupported.unwrap_or(model.rewrite.on_unsupported),
        }
    }

    /// Whether it may have a video made by a model, under its own name.
    pub(super) fn allows(&self, model: &Model) -> bool {
        self.models.is_none_or(|allowed| allowed.allows(Some(model), None))
    }

    /// Refuses a model that it may not ask for. `named`: what the client called it.
    ///
    /// # Errors
    /// [`Rejection::NoModelAccess`]
    pub fn check(&self, model: Option<&Model>, named: Option<&str>) -> Result<(), Rejection> {
        if self.models.is_none_or(|allowed| allowed.allows(model, named)) {
            return Ok(());
        }
        let name = named.or(model.map(|model| &*model.name)).unwrap_or_default();
        Err(Rejection::NoModelAccess {
            client: self.name.unwrap_or_default().to_owned(),
            model: name.to_owned(),
        })
    }
}

impl Allowed {
    /// The models that one of these names or patterns means.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns.into_iter().map(|text| (text.as_str().into(), WildMatch::new(&text))).collect())
    }

    /// Whether a model is one of them. `named`: what the client called it, which decides where one configured name
    /// stands for many models, and where nobody configured it.
    #[must_use]
    pub fn allows(&self, model: Option<&Model>, named: Option<&str>) -> bool {
        match (model, named) {
            (Some(model), _) if !model.is_pattern() => self.matches(&model.name),
            (Some(model), None) => self.is_listed(&model.name),
            (Some(model), Some(named)) => self.is_listed(&model.name) || self.matches(named),
            (None, Some(named)) => self.matches(named),
            (None, None) => self.is_listed("*"),
        }
    }

    /// Whether it may be one of them, under one name or another.
    #[must_use]
    pub fn may_allow(&self, model: &Model) -> bool {
        self.0.iter().any(|pattern| overlap(pattern, model))
    }

    /// The names and patterns, as they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(text, _)| &**text)
    }

    /// Those of the names and patterns that mean no model of the table.
    pub fn unmatched<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a str> {
        let means_none =
            |pattern: &&(Arc<str>, WildMatch)| !table.models().any(|model| overlap(pattern, model));
        self.0.iter().filter(means_none).map(|(text, _)| &**text)
    }

    fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|(_, pattern)| pattern.matches(name))
    }

    /// Whether it stands there word for word, or everything is allowed.
    fn is_listed(&self, name: &str) -> bool {
        self.0.iter().any(|(text, _)| **text == *name || **text == *"*")
    }
}

/// Whether one means the other, where either may be a pattern.
fn overlap((text, pattern): &(Arc<str>, WildMatch), model: &Model) -> bool {
    pattern.matches(&model.name) || (model.is_pattern() && WildMatch::new(&model.name).matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::testing::model;

    fn allowed(patterns: &[&str]) -> Allowed {
        Allowed::new(patterns.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn a_model_is_allowed_by_its_name_in_the_configuration() {
        let sora = model("sora-2", &[4]);
        for (patterns, allows) in [
            (&["sora-2"][..], true),
            (&["sora-*"], true),
            (&["*"], true),
            (&["sora"], false),
            (&["veo", "sora-?"], true),
            (&[], false),
        ] {
            assert_eq!(allowed(patterns).allows(Some(&sora), Some("an alias")), allows, "{patterns:?}");
        }
    }

    #[test]
    fn of_a_pattern_only_the_names_that_are_allowed() {
        let wan = model("wan-*", &[5]);
        let one = allowed(&["wan-2.7"]);
        assert!(one.allows(Some(&wan), Some("wan-2.7")) && !one.allows(Some(&wan), Some("wan-2.1")));
        assert!(!one.allows(Some(&wan), None), "nobody knows which it is");
        assert!(!allowed(&["wan-?"]).allows(Some(&wan), None), "a star is no name");
        for all in [&["wan-*"][..], &["*"]] {
            assert!(
                allowed(all).allows(Some(&wan), Some("wan-2.1")) && allowed(all).allows(Some(&wan), None),
                "{all:?}"
            );
        }
    }

    #[test]
    fn what_nobody_configured_is_allowed_by_the_name_that_was_sent() {
        assert!(
            allowed(&["new-*"]).allows(None, Some("new-1"))
                && !allowed(&["new-*"]).allows(None, Some("old-1"))
        );
        assert!(!allowed(&["new-*"]).allows(None, None) && allowed(&["*"]).allows(None, None));
    }

    #[test]
    fn what_means_no_model_is_found() {
        let table = Table::new(
            vec![model("sora-2", &[4]), model("wan-*", &[5])],
            None,
            Vec::new(),
            crate::capability::Shared::default(),
        );
        let patterns = allowed(&["sora-2", "sora-3", "wan-2.7", "w*", "veo-*"]);
        assert_eq!(patterns.unmatched(&table).collect::<Vec<_>>(), ["sora-3", "veo-*"]);
    }
}
