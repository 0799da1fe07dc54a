//! Numbers that are no fields of OpenAI's and multiply what a call costs: a model has a range for each that it takes.

use crate::params::{Params, Value};
use crate::rejection::{Expected, Noun, Param, Rejection};

use super::Table;
use super::model::Model;

/// The parameters that a model may have a range for. A body may have them in every paid operation.
pub const RANGED: &[Param] = &[Param::Fps, Param::NumInferenceSteps];

/// The whole numbers that pass, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The smallest.
    pub min: u32,
    /// The largest.
    pub max: u32,
}

/// The ranged parameters of one body. Kept apart from it, since of some operations the model is known only later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranged(Vec<Sent>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    param: Param,
    noun: Noun,
    /// Its text, where it can be a number: a JSON integer, or a text part of a form.
    digits: Option<String>,
}

impl Ranged {
    /// Those that a body has.
    #[must_use]
    pub fn of(params: &Params<'_>) -> Self {
        let is_json = params.is_json();
        let sent = RANGED.iter().filter_map(|&param| {
            let value = &params.get(param)?.value;
            let digits = match value {
                Value::Integer(digits) => Some((*digits).to_owned()),
                Value::Text(text) if !is_json => Some(text.clone().into_owned()),
                Value::Text(_)
                | Value::Decimal(_)
                | Value::Boolean
                | Value::Null
                | Value::Array
                | Value::Object
                | Value::File { .. } => None,
            };
            Some(Sent { param, noun: value.noun(), digits })
        });
        Self(sent.collect())
    }
}

impl Sent {
    fn fits(&self, range: Range) -> Result<(), Rejection> {
        let Self { param, noun, digits } = self;
        match digits {
            Some(digits) => whole_number(*param, digits, (range.min.into(), range.max.into())),
            None => Err(Rejection::WrongType {
                param: *param,
                expected: Expected::Type(Noun::Integer),
                got: *noun,
            }),
        }
    }

    fn unknown(&self) -> Rejection {
        Rejection::UnknownParameter(self.param.name().to_owned())
    }
}

impl Table {
    /// Refuses those parameters that no model takes: they are unknown ones, whichever model answers.
    pub(super) fn known_ranged(&self, ranged: &Ranged) -> Result<(), Rejection> {
        let taken = |param| self.models().any(|model| model.range(param).is_some());
        let is_known = |sent: &&Sent| {
            let name = sent.param.name();
            !self.shared.refuses(name) && (self.shared.allows(name) || taken(sent.param))
        };
        ranged.0.iter().find(|sent| !is_known(sent)).map_or(Ok(()), |sent| Err(sent.unknown()))
    }

    /// Judges them by the ranges of the model that answers. One that it has no range for is unknown, unless the
    /// operator lets it through.
    ///
    /// # Errors
    /// The first reason to refuse the body.
    pub fn judge_ranged(&self, ranged: &Ranged, model: Option<&Model>) -> Result<(), Rejection> {
        for sent in &ranged.0 {
            match model.and_then(|model| model.range(sent.param)) {
                Some(range) => sent.fits(range)?,
                None if self.shared.allows(sent.param.name()) => {}
                None => return Err(sent.unknown()),
            }
        }
        Ok(())
    }
}

/// Refuses all but a whole number between the two, in its plain spelling: no sign, no leading zero, no fraction.
pub(super) fn whole_number(param: Param, text: &str, (min, max): (u64, u64)) -> Result<(), Rejection> {
    let no_integer =
        || Rejection::WrongType { param, expected: Expected::Type(Noun::Integer), got: Noun::String };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_integer());
    }
    if text.starts_with('-') {
        return Err(Rejection::BelowMin { param, min, got: text.to_owned() });
    }
    match digits.parse::<u64>() {
        // Readers of leading zeros differ: octal, decimal, or no number at all.
        Ok(number) if number <= max && digits.len() > 1 && digits.starts_with('0') => Err(no_integer()),
        Ok(number) if number < min => Err(Rejection::BelowMin { param, min, got: text.to_owned() }),
        Ok(number) if number <= max => Ok(()),
        Ok(_) | Err(_) => Err(Rejection::AboveMax { param, max, got: text.to_owned() }),
    }
}
