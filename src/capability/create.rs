//! Judging a create: the order of checks, and which model answers.
//!
//! Order (OpenAI's, as far as it is known): unknown fields, required fields, then each field in schema
//! order by type and by value, then what depends on the model.

use std::sync::Arc;

use crate::params::{Params, Value};
use crate::rejection::{Expected, Noun, Param, Rejection};

use super::adjust::{self, Moved};
use super::allowed::Asker;
use super::asked::{Chosen, Wanted};
use super::auto::Together;
use super::fields::{self, WantedSeconds};
use super::judgement::Judgement;
use super::model::{Model, OnUnsupported};
use super::ranges::Ranged;
use super::seconds::{SecondsRule, parse_plain};
use super::size::Size;
use super::{AUTO, Table, Unknown};

/// The fields of a create, in schema order, and then those that are judged though they are not OpenAI's.
pub const FIELDS: &[Param] = &[
    Param::Model,
    Param::Prompt,
    Param::InputReference,
    Param::Seconds,
    Param::Size,
    Param::Fps,
    Param::NumInferenceSteps,
];

impl Table {
    /// Judges a create.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub fn judge_create(&self, params: &Params<'_>, asker: &Asker<'_>) -> Result<Judgement, Rejection> {
        fields::refuse_unknown(params, &self.shared)?;
        let ranged = Ranged::of(params);
        self.known_ranged(&ranged)?;
        fields::require(params, &[Param::Prompt])?;
        let chosen = self.choose(params, asker)?;
        let prompt_max = chosen.model.as_ref().map_or(PROMPT_MAX, |model| model.prompt_max);
        fields::bounded_text(params, Param::Prompt, prompt_max)?;
        fields::reference(params, &self.shared)?;
        let wanted = self.wanted(params, &chosen, asker)?;

        let (chosen, moved) = self.settle(chosen, (&wanted, &ranged), asker)?;
        self.judge_ranged(&ranged, chosen.model.as_deref())?;
        Ok(Judgement::of(chosen, &wanted, moved))
    }

    /// The model by name, by default, or, where the client leaves it to us, by duration.
    fn choose<'p>(&self, params: &'p Params<'_>, asker: &Asker<'_>) -> Result<Chosen<'p>, Rejection> {
        let named = fields::text(params, Param::Model, || fields::one_of(&self.shared.model))?;
        let default = self.default_model();
        let left_to_us = match named {
            Some(name) => name == AUTO && self.offers_auto(),
            None => default.is_none_or(|model| asker.policy(model) == OnUnsupported::Adjust),
        };
        let suggested = if left_to_us { self.suggested(wanted_duration(params), asker) } else { None };
        let model = suggested.or_else(|| named.map_or(default, |name| self.find(name)));
        if let (None, Unknown::Reject) = (model, self.shared.unknown_model) {
            let name = named.ok_or(Rejection::Missing(Param::Model))?;
            fields::listed(Param::Model, name, &self.shared.model)?;
            return Err(Rejection::UnknownModel(name.to_owned()));
        }
        asker.check(model.map(Arc::as_ref), named.filter(|_| suggested.is_none()))?;
        // A model left out, for which the default is chosen, needs no edit and no notice.
        let is_default = |model: &Arc<Model>| default.is_some_and(|default| Arc::ptr_eq(default, model));
        let ours = suggested.is_some_and(|model| named.is_some() || !is_default(model));
        Ok(Chosen { model: model.cloned(), named, ours })
    }

    /// The model for a wanted duration that the client may ask for; if it may ask for none of them, any.
    fn suggested(&self, seconds: Option<u32>, asker: &Asker<'_>) -> Option<&Arc<Model>> {
        self.suggest(seconds, |model| asker.allows(model)).or_else(|| self.suggest(seconds, |_| true))
    }

    /// The values asked for; types are checked here, and the lists shared by all models on the way.
    fn wanted<'p>(
        &self,
        params: &'p Params<'_>,
        chosen: &Chosen<'_>,
        asker: &Asker<'_>,
    ) -> Result<Wanted<'p>, Rejection> {
        let model = chosen.model.as_deref();
        let literals = || match (model, self.together(chosen, asker)) {
            (Some(model), together) if self.shared.seconds.is_empty() => {
                together.map_or_else(|| fields::literals(&model.seconds), |together| together.seconds)
            }
            _ => self.shared.seconds.clone(),
        };
        let seconds = fields::seconds(params, self.shared.seconds_json, || fields::one_of(&literals()))?;
        let is_json = params.is_json();
        let prompt =
            fields::text(params, Param::Prompt, || Expected::Type(Noun::String))?.unwrap_or_default();
        let sizes = || self.size_literals(model, self.together(chosen, asker));
        let size = fields::text(params, Param::Size, sizes).or_else(|wrong_type| {
            // A wrong value of an earlier field is reported before a wrong type of a later one.
            self.fits_listed_seconds(model, &Wanted { prompt, seconds, size: None, is_json })
                .map_err(|reason| self.in_all_words(reason, chosen, asker))?;
            Err(wrong_type)
        })?;
        Ok(Wanted { prompt, seconds, size, is_json })
    }

    fn size_literals(&self, model: Option<&Model>, together: Option<Together>) -> Expected {
        match (model, together) {
            (Some(_), Some(together)) if self.shared.size.is_empty() => fields::one_of(&together.sizes),
            (Some(model), None) if self.shared.size.is_empty() => fields::one_of(&texts(&model.sizes)),
            _ => fields::one_of(&self.shared.size),
        }
    }

    /// A refusal by the model that was chosen, in the words for `auto` where the client named that.
    fn in_all_words(&self, reason: Rejection, chosen: &Chosen<'_>, asker: &Asker<'_>) -> Rejection {
        match self.together(chosen, asker) {
            // What the list shared by all models refuses is refused by that list.
            Some(together) if !self.is_by_shared_list(&reason) => together.refusal(reason),
            Some(_) | None => reason,
        }
    }

    fn is_by_shared_list(&self, reason: &Rejection) -> bool {
        let Rejection::NotListed { param, allowed, .. } = reason else { return false };
        let shared = if *param == Param::Seconds { &self.shared.seconds } else { &self.shared.size };
        !shared.is_empty() && allowed == shared
    }

    /// What the operator, or the client where it may, wants done with the unsupported.
    fn settle<'p>(
        &self,
        chosen: Chosen<'p>,
        (wanted, ranged): (&Wanted<'_>, &Ranged),
        asker: &Asker<'_>,
    ) -> Result<(Chosen<'p>, Moved), Rejection> {
        let unmoved = Moved::default();
        let Some(model) = chosen.model.as_deref() else {
            return self.fits_shared(wanted).map(|()| (chosen, unmoved));
        };
        let fits = self.fits(model, wanted).map_err(|reason| self.in_all_words(reason, &chosen, asker));
        match (asker.policy(model), fits) {
            (OnUnsupported::Reject, fits) => fits.map(|()| (chosen, unmoved)),
            (OnUnsupported::Switch, fits) => {
                let Err(reason) = fits.and_then(|()| self.judge_ranged(ranged, Some(model))) else {
                    return Ok((chosen, unmoved));
                };
                let other = Some(self.switch(model, (wanted, ranged), asker).ok_or(reason)?);
                Ok((Chosen { model: other, ours: true, ..chosen }, unmoved))
            }
            // What is moved must pass every list that what was asked for has to pass.
            (OnUnsupported::Adjust, fits) => match adjust::moved(model, wanted) {
                Some(moved) if self.fits_moved(model, wanted, moved).is_ok() => Ok((chosen, moved)),
                Some(_) | None => fits.map(|()| (chosen, unmoved)),
            },
        }
    }

    /// The first model of the configured list that supports the exact request, and that the client may ask for.
    fn switch(
        &self,
        model: &Model,
        (wanted, ranged): (&Wanted<'_>, &Ranged),
        asker: &Asker<'_>,
    ) -> Option<Arc<Model>> {
        let mut candidates = model.rewrite.switch_to.iter().filter_map(|name| self.find(name));
        let takes = |candidate: &Model| {
            asker.allows(candidate)
                && fields::bounded(Param::Prompt, wanted.prompt, candidate.prompt_max).is_ok()
                && self.fits(candidate, wanted).is_ok()
                && self.judge_ranged(ranged, Some(candidate)).is_ok()
        };
        candidates.find(|candidate| takes(candidate)).cloned()
    }

    fn fits_moved(&self, model: &Model, wanted: &Wanted<'_>, moved: Moved) -> Result<(), Rejection> {
        let seconds = moved.seconds.map(|seconds| seconds.to_string());
        let size = moved.size.map(|size| size.to_string());
        let respelled = |text| WantedSeconds { text, plain: moved.seconds, is_integer: false };
        let wanted = Wanted {
            seconds: seconds.as_deref().map(respelled).or(wanted.seconds),
            size: size.as_deref().or(wanted.size),
            ..*wanted
        };
        self.fits(model, &wanted)
    }

    /// The lists shared by all models, then what the model itself takes.
    fn fits(&self, model: &Model, wanted: &Wanted<'_>) -> Result<(), Rejection> {
        self.fits_listed_seconds(Some(model), wanted)?;
        self.fits_shared(wanted)?;
        if let Some(seconds) = wanted.seconds {
            model_seconds(model, seconds)?;
        }
        wanted.size.map_or(Ok(()), |size| self.model_size(model, size))
    }

    /// `seconds` by the shared list; where there is none, the model's own list stands in for it.
    fn fits_listed_seconds(&self, model: Option<&Model>, wanted: &Wanted<'_>) -> Result<(), Rejection> {
        match (wanted.seconds, model) {
            (Some(seconds), Some(model)) if self.shared.seconds.is_empty() => model_seconds(model, seconds),
            (Some(seconds), _) => fields::listed(Param::Seconds, seconds.text, &self.shared.seconds),
            (None, _) => Ok(()),
        }
    }

    fn fits_shared(&self, wanted: &Wanted<'_>) -> Result<(), Rejection> {
        if let Some(seconds) = wanted.seconds {
            fields::listed(Param::Seconds, seconds.text, &self.shared.seconds)?;
        }
        wanted.size.map_or(Ok(()), |size| fields::listed(Param::Size, size, &self.shared.size))
    }

    fn model_size(&self, model: &Model, text: &str) -> Result<(), Rejection> {
        let (param, got) = (Param::Size, text.to_owned());
        let size = text.parse::<Size>();
        if size.is_ok_and(|size| model.supports_size(size)) {
            return Ok(());
        }
        let allowed = texts(&model.sizes);
        Err(match size {
            Err(_) if allowed.is_empty() => Rejection::NotAPattern { param, pattern: SIZE_PATTERN },
            // The shared list has already said what passes for some model; this one is about the model.
            Ok(_) if !self.shared.size.is_empty() => {
                Rejection::NotForModel { param, model: model.name.to_string(), got, allowed }
            }
            Ok(_) | Err(_) => Rejection::NotListed { param, got, allowed },
        })
    }
}

fn model_seconds(model: &Model, wanted: WantedSeconds<'_>) -> Result<(), Rejection> {
    if wanted.plain.is_some_and(|seconds| model.seconds.supports(seconds)) {
        return Ok(());
    }
    let (param, got) = (Param::Seconds, wanted.text.to_owned());
    let not_listed = |got| Rejection::NotListed { param, got, allowed: fields::literals(&model.seconds) };
    Err(match (&model.seconds, wanted.plain) {
        (SecondsRule::List(_), _) => not_listed(got),
        (_, None) => Rejection::WrongType {
            param,
            expected: Expected::Type(Noun::Integer),
            got: if wanted.is_integer { Noun::Integer } else { Noun::String },
        },
        (SecondsRule::Range { max, .. }, Some(n)) if n > *max => {
            Rejection::AboveMax { param, max: u64::from(*max), got }
        }
        (SecondsRule::Range { min, .. }, Some(n)) if n < *min => {
            Rejection::BelowMin { param, min: u64::from(*min), got }
        }
        (SecondsRule::Range { .. } | SecondsRule::Any, Some(_)) => not_listed(got),
    })
}

/// The duration a request wants, however it is written.
pub(crate) fn wanted_duration(params: &Params<'_>) -> Option<u32> {
    match &params.get(Param::Seconds)?.value {
        Value::Text(text) => parse_plain(text),
        Value::Integer(digits) => parse_plain(digits),
        Value::Decimal(_)
        | Value::Boolean
        | Value::Null
        | Value::Array
        | Value::Object
        | Value::File { .. } => None,
    }
}

fn texts(sizes: &[Size]) -> Vec<String> {
    sizes.iter().map(Size::to_string).collect()
}

/// Longest prompt for models that nobody configured, in characters (API reference of create).
const PROMPT_MAX: usize = 32_000;

/// What a size must look like where every size passes.
const SIZE_PATTERN: &str = r"^\d+x\d+$";
