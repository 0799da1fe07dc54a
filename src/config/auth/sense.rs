//! Whether keys and the capability table make sense together.

use std::collections::HashSet;

use super::{Auth, Key};
use crate::capability::model::{Model, OnUnsupported, Price};
use crate::capability::{Table, Unknown};
use crate::config::reader::Section;

impl Auth {
    /// Reports what keys ask of the capability table that it does not have.
    pub(in crate::config) fn check_against(&self, table: &Table, root: &Section<'_>) {
        // A model that lacks a price lacks it for every key: one complaint is enough.
        let mut told = HashSet::new();
        for key in &self.keys {
            let path = |setting: &str| format!("auth.keys.{}.{setting}", key.name);
            for unmatched in key.models.iter().flat_map(|models| models.unmatched(table)) {
                let what = format!(
                    "there is no model \"{unmatched}\" (name one of [models], or a pattern such as \"sora-*\" that matches one)"
                );
                root.problem_at(path("models"), what);
            }
            let switches = |model: &Model| !model.rewrite.switch_to.is_empty();
            if key.on_unsupported == Some(OnUnsupported::Switch) && !table.models().any(switches) {
                root.problem_at(
                    path("on_unsupported"),
                    "no model says what to switch to (set rewrite.switch_to)",
                );
            }
            for (about, what) in key.uncountable(table) {
                if told.insert(about) {
                    root.problem_at(path("budget"), what);
                }
            }
        }
    }
}

impl Key {
    /// Whatever of the key's models cannot be counted in its budget, and why.
    fn uncountable<'t>(&self, table: &'t Table) -> Vec<(&'t str, String)> {
        let budget = &self.budget;
        if !budget.counts_seconds() && !budget.counts_money() {
            return Vec::new();
        }
        let covers = |model: &&Model| self.models.as_ref().is_none_or(|allowed| allowed.may_allow(model));
        let models = table.models().filter(covers);
        let mut found: Vec<_> = models
            .filter_map(|model| Some((&*model.name, uncounted(model, budget.counts_money())?)))
            .collect();
        let anything = self.models.as_ref().is_none_or(|allowed| allowed.allows(None, None));
        if table.shared.unknown_model == Unknown::Forward && anything {
            let what = "models that nobody configured are forwarded, and what they cost is not known (set \
                        shared.unknown_model = \"reject\", or list this key's models)";
            found.push(("", what.to_owned()));
        }
        found
    }
}

/// Why a create of this model may not be countable.
fn uncounted(model: &Model, money: bool) -> Option<String> {
    let name = &model.name;
    let priced = match &model.price {
        Price::Unknown => false,
        Price::Flat(_) => true,
        // A size that is left out is the default one.
        Price::BySize(_) => {
            let known = |size| model.price.at(size).is_some();
            !model.sizes.is_empty()
                && model.sizes.iter().all(|&size| known(Some(size)))
                && known(model.default_size)
        }
    };
    if money && !priced {
        return Some(format!(
            "it counts money, and the price of a video of \"{name}\" is not always known (give [models.\"{name}\"] a \
             price_per_second for each of its sizes, and a default_size if they differ)"
        ));
    }
    model.default_seconds.is_none().then(|| {
        format!(
            "it counts seconds, and how long a video of \"{name}\" is may not be known (give [models.\"{name}\"] \
             default_seconds)"
        )
    })
}
