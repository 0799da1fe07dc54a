//! Judging the operations beside create: remix, edits, extensions, characters.

use crate::params::Params;
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::rewrite::{Edit, EditValue};

use super::Table;
use super::fields;
use super::ranges::Ranged;

/// An operation on a video that exists, or a character made from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /v1/videos/{video_id}/remix`
    Remix,
    /// `POST /v1/videos/edits`
    Edit,
    /// `POST /v1/videos/extensions`
    Extend,
    /// `POST /v1/videos/characters`
    Character,
}

impl Operation {
    /// Its fields in schema order, and then those that are judged though they are not OpenAI's.
    #[must_use]
    pub const fn fields(self) -> &'static [Param] {
        match self {
            Self::Remix => &[Param::Prompt, Param::Fps, Param::NumInferenceSteps],
            Self::Edit => &[Param::Prompt, Param::Video, Param::Fps, Param::NumInferenceSteps],
            Self::Extend => {
                &[Param::Prompt, Param::Video, Param::Seconds, Param::Fps, Param::NumInferenceSteps]
            }
            Self::Character => &[Param::Video, Param::Name, Param::Fps, Param::NumInferenceSteps],
        }
    }

    /// Those that it must have: all of OpenAI's.
    const fn required(self) -> &'static [Param] {
        match self {
            Self::Remix => &[Param::Prompt],
            Self::Edit => &[Param::Prompt, Param::Video],
            Self::Extend => &[Param::Prompt, Param::Video, Param::Seconds],
            Self::Character => &[Param::Video, Param::Name],
        }
    }
}

/// Longest prompt, in characters (API reference).
const PROMPT_MAX: usize = 32_000;
/// Longest name of a character, in characters (API reference).
const NAME_MAX: usize = 80;

impl Table {
    /// Judges the fields of an operation; all of OpenAI's are required. None is ever moved, but an integer is spelled
    /// as the text that the API insists on. What depends on the model of the video is left to
    /// [`Self::judge_ranged`].
    pub fn judge(&self, operation: Operation, params: &Params<'_>) -> Result<Option<Edit>, Rejection> {
        fields::refuse_unknown(params, &self.shared)?;
        self.known_ranged(&Ranged::of(params))?;
        fields::require(params, operation.required())?;
        fields::bounded_text(params, Param::Prompt, PROMPT_MAX)?;
        video(operation, params)?;
        fields::bounded_text(params, Param::Name, NAME_MAX)?;
        self.extension_seconds(params)
    }

    fn extension_seconds(&self, params: &Params<'_>) -> Result<Option<Edit>, Rejection> {
        let list = &self.shared.extension_seconds;
        let wanted = fields::seconds(params, self.shared.seconds_json, || fields::one_of(list))?;
        let Some(wanted) = wanted else { return Ok(None) };
        fields::listed(Param::Seconds, wanted.text, list)?;
        let value = EditValue::Text(wanted.text.to_owned());
        Ok(wanted.is_integer.then_some(Edit { param: Param::Seconds, value }))
    }
}

/// A video is a file or names one by id; a character is only made from a file.
fn video(operation: Operation, params: &Params<'_>) -> Result<(), Rejection> {
    let Some(field) = params.get(Param::Video) else { return Ok(()) };
    let by_id = if operation == Operation::Character { Noun::File } else { Noun::Object };
    let got = field.value.noun();
    if got == Noun::Object && by_id == Noun::Object {
        return fields::video_members(params);
    }
    if got == Noun::File {
        return Ok(());
    }
    Err(Rejection::WrongType { param: Param::Video, expected: Expected::Type(by_id), got })
}
