//! The members of a JSON object, each with the bytes its value stands in.
//!
//! Two passes: the first finds the outermost members without looking into them, the second reads each.
//! Both are linear, and neither keeps more names than the limits say.

pub(super) mod nested;
mod text;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::large::{Gapped, texts_too_long};
use super::unknown::{Content, UnknownField};
use super::{BYTE_ORDER_MARK, Entry, Field, Layout, Limits, Member, Params, Value, known_param};
use crate::rejection::{Param, Rejection};

/// A name and its value.
type Pair<'b> = (Cow<'b, str>, &'b RawValue);

/// Reads a body that must be exactly one JSON object.
pub(super) fn parse<'b>(
    gapped: Gapped<'b>,
    known: &[Param],
    limits: &Limits,
) -> Result<Params<'b>, Rejection> {
    let body = gapped.bytes;
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let text = str::from_utf8(text).map_err(|_| Rejection::MalformedJson)?;
    let pairs = pairs(text, limits.keys)?;
    let (before, _) = text.split_once('{').ok_or(Rejection::MalformedJson)?;
    let insert_at = body.len() - text.len() + before.len() + 1;
    let mut params = Params::new(Layout::Json { insert_at, empty: pairs.is_empty() });
    let mut names = HashSet::new();
    // Pictures have no limit of their own but the body's.
    let mut pictures = 0;
    for (name, raw) in &pairs {
        if !names.insert(name) {
            return Err(Rejection::DuplicateParameter(name.to_string()));
        }
        let value = value(raw.get(), limits)?;
        let range = range_in(body, raw.get()).ok_or(Rejection::MalformedJson)?;
        let param = known_param(known, name);
        params.entries.push(Entry { name: name.clone(), param, content: range.clone(), file: None });
        if param != Some(Param::InputReference) && gapped.missing(&range) > 0 {
            return Err(Rejection::UnknownParameter(name.to_string()));
        }
        let Some(param) = param else {
            let content = Content::Json(raw.get());
            params.unknown.push(UnknownField { name: name.clone(), content });
            continue;
        };
        let members = if value == Value::Object { members(param, raw.get(), limits)? } else { Vec::new() };
        if param == Param::InputReference {
            pictures += picture(&value, &members);
        }
        params.members.extend(members);
        params.fields.push((param, Field { value, range }));
    }
    texts_too_long(body.len().saturating_sub(pictures), limits)?;
    Ok(params)
}

/// Bytes of the picture that a reference has as a URL.
fn picture(reference: &Value<'_>, members: &[(Param, Member<'_>)]) -> usize {
    let member = members.iter().find(|(_, member)| member.name == "image_url");
    member.map_or(reference, |(_, member)| &member.value).text().map_or(0, str::len)
}

/// The members of a field, which has been found to be a well-formed object without a doubled name.
fn members<'b>(param: Param, raw: &'b str, limits: &Limits) -> Result<Vec<(Param, Member<'b>)>, Rejection> {
    let pairs = pairs(raw, limits.nested_keys)?.into_iter();
    pairs.map(|(name, raw)| Ok((param, Member { name, value: value(raw.get(), limits)? }))).collect()
}

/// The outermost members of an object.
fn pairs(text: &str, limit: usize) -> Result<Vec<Pair<'_>>, Rejection> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer
        .deserialize_map(Pairs { limit })
        .and_then(|pairs| deserializer.end().map(|()| pairs))
        .map_err(|_| Rejection::MalformedJson)
}

fn value<'b>(raw: &'b str, limits: &Limits) -> Result<Value<'b>, Rejection> {
    if raw.starts_with('"') {
        return text::unescape(raw).map(Value::Text);
    }
    nested::check(raw, limits)?;
    Ok(match raw.as_bytes().first() {
        Some(b'{') => Value::Object,
        Some(b'[') => Value::Array,
        Some(b't' | b'f') => Value::Boolean,
        Some(b'n') => Value::Null,
        _ if raw.contains(['.', 'e', 'E']) => Value::Decimal(raw),
        _ => Value::Integer(raw),
    })
}

/// Where `piece`, which is borrowed from `body`, stands in it.
fn range_in(body: &[u8], piece: &str) -> Option<Range<usize>> {
    let start = piece.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let range = start..start.checked_add(piece.len())?;
    (body.get(range.clone())? == piece.as_bytes()).then_some(range)
}

/// Collects the members of an object, up to a limit.
struct Pairs {
    limit: usize,
}

impl<'b> Visitor<'b> for Pairs {
    type Value = Vec<Pair<'b>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = map.next_key_seed(text::Text)? {
            if pairs.len() == self.limit {
                return Err(A::Error::custom("too many members"));
            }
            pairs.push((name, map.next_value()?));
        }
        Ok(pairs)
    }
}
