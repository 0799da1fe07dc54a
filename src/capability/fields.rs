//! Checks of single fields, in the order every operation makes them: type first, then value.

use std::collections::HashMap;

use crate::params::{Member, Params, UnknownField, Value};
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::rewrite::UNKNOWN_TYPE;

use super::seconds::{SecondsRule, parse_plain};
use super::{Reference, SecondsJson, Shared};

/// Refuses fields that are none of the operation's, but for those that the operator lets through.
pub(super) fn refuse_unknown(params: &Params<'_>, shared: &Shared) -> Result<(), Rejection> {
    let refused = params.unknown().iter().find(|field| !shared.passes(field));
    if let Some(field) = refused {
        return Err(Rejection::UnknownParameter(field.name.clone().into_owned()));
    }
    doubled_but_for_case(params.unknown())
}

/// Refuses two fields that are one to a server that ignores case, such as one that reads JSON in Go.
fn doubled_but_for_case(fields: &[UnknownField<'_>]) -> Result<(), Rejection> {
    if let [] | [_] = fields {
        return Ok(());
    }
    // The brackets of arrays, which may be there again in the same spelling, do not differ in case.
    let mut names: HashMap<String, &str> = HashMap::with_capacity(fields.len());
    let doubled = fields.iter().find(|field| {
        // Go takes the long s for an s, and the Kelvin sign for a k.
        let before = names.insert(field.name.to_lowercase().replace('ſ', "s"), &field.name);
        before.is_some_and(|before| before != field.name)
    });
    doubled.map_or(Ok(()), |field| Err(Rejection::DuplicateParameter(field.name.clone().into_owned())))
}

/// Refuses a request that lacks a required field.
pub(super) fn require(params: &Params<'_>, required: &[Param]) -> Result<(), Rejection> {
    match required.iter().find(|&&param| params.get(param).is_none()) {
        Some(&param) => Err(Rejection::Missing(param)),
        None => Ok(()),
    }
}

/// The text of a field, if the field is there.
pub(super) fn text<'p>(
    params: &'p Params<'_>,
    param: Param,
    expected: impl FnOnce() -> Expected,
) -> Result<Option<&'p str>, Rejection> {
    match params.get(param).map(|field| &field.value) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => Err(Rejection::WrongType { param, expected: expected(), got: other.noun() }),
    }
}

/// A text of 1 to `max` characters, if the field is there.
pub(super) fn bounded_text(params: &Params<'_>, param: Param, max: usize) -> Result<(), Rejection> {
    let text = text(params, param, || Expected::Type(Noun::String))?;
    text.map_or(Ok(()), |text| bounded(param, text, max))
}

/// A text of 1 to `max` characters.
pub(super) fn bounded(param: Param, text: &str, max: usize) -> Result<(), Rejection> {
    if text.is_empty() {
        return Err(Rejection::Empty(param));
    }
    // Counting is linear; bytes bound characters from above, so most prompts need no count.
    if text.len() > max {
        let got = text.chars().count();
        if got > max {
            return Err(Rejection::TooLong { param, max, got });
        }
    }
    Ok(())
}

/// `seconds` as asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct WantedSeconds<'p> {
    /// The client's own spelling.
    pub(super) text: &'p str,
    /// The number, if the spelling is plain.
    pub(super) plain: Option<u32>,
    /// Whether it stands there as a JSON integer.
    pub(super) is_integer: bool,
}

/// `seconds`, if the field is there. `expected` names the values in a type error.
pub(super) fn seconds<'p>(
    params: &'p Params<'_>,
    json: SecondsJson,
    expected: impl FnOnce() -> Expected,
) -> Result<Option<WantedSeconds<'p>>, Rejection> {
    if let (SecondsJson::Lenient, Some(Value::Integer(digits))) =
        (json, params.get(Param::Seconds).map(|field| &field.value))
    {
        return Ok(Some(WantedSeconds { text: digits, plain: parse_plain(digits), is_integer: true }));
    }
    let text = text(params, Param::Seconds, expected)?;
    Ok(text.map(|text| WantedSeconds { text, plain: parse_plain(text), is_integer: false }))
}

/// The literals of a list, or any string where the list is empty.
pub(super) fn one_of(list: &[String]) -> Expected {
    if list.is_empty() { Expected::Type(Noun::String) } else { Expected::OneOf(list.to_vec()) }
}

/// The values a rule allows, as literals.
pub(super) fn literals(rule: &SecondsRule) -> Vec<String> {
    lengths(rule).iter().map(u32::to_string).collect()
}

/// The lengths a rule allows, as many as a message lists.
pub(super) fn lengths(rule: &SecondsRule) -> Vec<u32> {
    match rule {
        SecondsRule::Any => Vec::new(),
        SecondsRule::List(list) => list.clone(),
        SecondsRule::Range { min, max, step } => {
            (*min..=*max).step_by(*step as usize).take(LITERALS_MAX).collect()
        }
    }
}

/// A message that lists more values than this helps nobody.
const LITERALS_MAX: usize = 32;

/// A value must stand in the list shared by all models, where there is one.
pub(super) fn listed(param: Param, got: &str, allowed: &[String]) -> Result<(), Rejection> {
    if allowed.is_empty() || allowed.iter().any(|literal| literal == got) {
        return Ok(());
    }
    Err(Rejection::NotListed { param, got: got.to_owned(), allowed: allowed.to_vec() })
}

/// `input_reference` by the profile's rule, then by media type.
pub(super) fn reference(params: &Params<'_>, shared: &Shared) -> Result<(), Rejection> {
    let param = Param::InputReference;
    let Some(field) = params.get(param) else { return Ok(()) };
    let got = field.value.noun();
    let expected = match shared.reference {
        Reference::File => Some(Noun::File),
        Reference::Object => Some(Noun::Object),
        // An array is nobody's idea of a reference: it is a Buffer that an SDK took apart into one field a
        // byte. An upstream that ignores it would make, and bill, a video without the picture.
        Reference::Any => (got == Noun::Array).then_some(Noun::File),
    };
    if let Some(expected) = expected.filter(|&expected| expected != got) {
        return Err(Rejection::WrongType { param, expected: Expected::Type(expected), got });
    }
    if got == Noun::Object {
        return reference_members(params);
    }
    media_type(&field.value, &shared.reference_types)
}

/// A reference that is an object has exactly one of two members, and no other.
fn reference_members(params: &Params<'_>) -> Result<(), Rejection> {
    const MEMBERS: [(&str, Param); 2] =
        [("image_url", Param::ReferenceImageUrl), ("file_id", Param::ReferenceFileId)];
    let param = Param::InputReference;
    only_members(params, param, &MEMBERS.map(|(name, _)| name))?;
    let mut members = params.members(param);
    match (members.next(), members.next()) {
        (Some(only), None) => {
            let named = MEMBERS.iter().find(|(name, _)| only.name == *name);
            named.map_or(Ok(()), |(_, param)| member_text(only, *param))
        }
        (Some(_) | None, _) => {
            Err(Rejection::NotExactlyOne { param, members: MEMBERS.map(|(name, _)| name) })
        }
    }
}

/// A video that is an object has an `id`, and no other member.
pub(super) fn video_members(params: &Params<'_>) -> Result<(), Rejection> {
    only_members(params, Param::Video, &["id"])?;
    match params.members(Param::Video).next() {
        Some(id) => member_text(id, Param::VideoId),
        None => Err(Rejection::Missing(Param::VideoId)),
    }
}

/// Refuses members of other names, near as they may be: the upstream could read another one than we do.
fn only_members(params: &Params<'_>, param: Param, known: &[&str]) -> Result<(), Rejection> {
    let stranger = params.members(param).find(|member| !known.iter().any(|name| member.name == *name));
    let Some(Member { name, .. }) = stranger else { return Ok(()) };
    let spelled = if params.is_json() { format!("{param}.{name}") } else { format!("{param}[{name}]") };
    Err(Rejection::UnknownParameter(spelled))
}

/// A member must be a text with something in it.
fn member_text(member: &Member<'_>, param: Param) -> Result<(), Rejection> {
    match member.value.text() {
        Some("") => Err(Rejection::Empty(param)),
        Some(_) => Ok(()),
        None => Err(Rejection::WrongType {
            param,
            expected: Expected::Type(Noun::String),
            got: member.value.noun(),
        }),
    }
}

fn media_type(value: &Value<'_>, allowed: &[String]) -> Result<(), Rejection> {
    let Value::File { content_type } = value else { return Ok(()) };
    // RFC 7578, 4.4: a part without a type is text/plain, a file of unknown kind is octet-stream.
    let got = content_type.unwrap_or(UNKNOWN_TYPE);
    let essence = got.split(';').next().unwrap_or(got).trim();
    if allowed.is_empty() || allowed.iter().any(|media| media.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    Err(Rejection::FileType { param: Param::InputReference, got: got.to_owned(), allowed: allowed.to_vec() })
}
