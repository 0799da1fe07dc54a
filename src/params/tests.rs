//! Bodies of every kind, good and bad.

mod captures;
mod forms;
mod json;
mod mutations;

use super::{Encoding, Limits, Params, Value, parse};
use crate::rejection::{Param, Rejection};

/// The fields of create, in schema order.
const CREATE: &[Param] = &[Param::Model, Param::Prompt, Param::InputReference, Param::Seconds, Param::Size];

/// A JSON create.
fn json(body: &[u8]) -> Result<Params<'_>, Rejection> {
    parse(&Encoding::Json, body, CREATE, &Limits::default())
}

/// A create as a form with the boundary `b`.
fn form(body: &[u8]) -> Result<Params<'_>, Rejection> {
    form_within(body, &Limits::default())
}

fn form_within<'b>(body: &'b [u8], limits: &Limits) -> Result<Params<'b>, Rejection> {
    parse(&Encoding::Multipart { boundary: "b".to_owned() }, body, CREATE, limits)
}

/// The text of a field.
fn text<'p>(params: &'p Params<'_>, param: Param) -> Option<&'p str> {
    let value = &params.get(param)?.value;
    let Value::Text(text) = value else { panic!("{param} is {value:?}") };
    Some(text)
}

/// The names that are not known, in body order.
fn unknown<'p>(params: &'p Params<'_>) -> Vec<&'p str> {
    params.unknown().iter().map(|field| &*field.name).collect()
}

/// The members of a field, as names and texts; a member that is no text has none.
fn members<'p>(params: &'p Params<'_>, param: Param) -> Vec<(&'p str, Option<&'p str>)> {
    params.members(param).map(|member| (&*member.name, member.value.text())).collect()
}

/// Checks that every field found lies within the body.
fn assert_ranges_lie_within(params: &Params<'_>, body: &[u8]) {
    for param in CREATE {
        if let Some(field) = params.get(*param) {
            assert!(body.get(field.range.clone()).is_some(), "{param}: {:?} of {}", field.range, body.len());
        }
    }
}
