//! What the model `auto` takes: whatever any of its models does. Pure.

use std::sync::Arc;

use crate::rejection::{Param, Rejection};

use super::allowed::Asker;
use super::asked::Chosen;
use super::fields;
use super::model::Model;
use super::seconds::SecondsRule;
use super::size::Size;
use super::{AUTO, Table};

/// The seconds and sizes of several models together.
pub(super) struct Together {
    /// In order. Empty: every length passes.
    pub(super) seconds: Vec<String>,
    /// As the models have them, one after the other. Empty: every size passes.
    pub(super) sizes: Vec<String>,
    longest: Option<u32>,
    shortest: Option<u32>,
}

impl Table {
    /// What the model `auto` takes, if the client named it and this one was chosen for it.
    pub(super) fn together(&self, chosen: &Chosen<'_>, asker: &Asker<'_>) -> Option<Together> {
        if chosen.named != Some(AUTO) || !chosen.ours {
            return None;
        }
        let models = || self.auto.iter().filter_map(|name| self.find(name));
        let allowed: Vec<&Arc<Model>> = models().filter(|model| asker.allows(model)).collect();
        // A client that may have none of them has been refused already.
        Some(Together::of(&allowed))
    }
}

impl Together {
    fn of(models: &[&Arc<Model>]) -> Self {
        let rules = || models.iter().map(|model| &model.seconds);
        let mut seconds: Vec<u32> = rules().flat_map(fields::lengths).collect();
        seconds.sort_unstable();
        seconds.dedup();
        if rules().any(|rule| *rule == SecondsRule::Any) {
            seconds.clear();
        }
        let mut sizes: Vec<Size> = Vec::new();
        for size in models.iter().flat_map(|model| &model.sizes) {
            if !sizes.contains(size) {
                sizes.push(*size);
            }
        }
        if models.iter().any(|model| model.sizes.is_empty()) {
            sizes.clear();
        }
        Self {
            seconds: seconds.iter().map(u32::to_string).collect(),
            sizes: sizes.iter().map(Size::to_string).collect(),
            longest: rules().filter_map(SecondsRule::longest).max(),
            shortest: rules().filter_map(SecondsRule::shortest).min(),
        }
    }

    /// A refusal by the chosen model, in the values that any of the models takes. One that another model takes, which
    /// then does not take the rest of the request, is refused in the words of the chosen one.
    pub(super) fn refusal(&self, mut reason: Rejection) -> Rejection {
        if let Rejection::NotListed { param, got, allowed } = &mut reason
            && let Some(all) = self.lacking(*param, got)
        {
            *allowed = all;
        } else if let Rejection::NotForModel { param, model, got, allowed } = &mut reason
            && let Some(all) = self.lacking(*param, got)
        {
            AUTO.clone_into(model);
            *allowed = all;
        } else if let Rejection::AboveMax { param: Param::Seconds, max, .. } = &mut reason {
            *max = self.longest.map_or(*max, |longest| u64::from(longest).max(*max));
        } else if let Rejection::BelowMin { param: Param::Seconds, min, .. } = &mut reason {
            *min = self.shortest.map_or(*min, |shortest| u64::from(shortest).min(*min));
        }
        reason
    }

    /// All values of a field, where the one that the client sent is not among them.
    fn lacking(&self, param: Param, got: &str) -> Option<Vec<String>> {
        let all = if param == Param::Seconds {
            &self.seconds
        } else if param == Param::Size {
            &self.sizes
        } else {
            return None;
        };
        (!all.is_empty() && all.iter().all(|value| value != got)).then(|| all.clone())
    }
}
