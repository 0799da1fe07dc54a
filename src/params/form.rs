//! The fields of a form, each with the bytes of its part.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::encoding::Charset;
use super::field_name::{FieldName, Shape, parents};
use super::large::{Gapped, texts_too_long};
use super::multipart::{LineEnd, Parts};
use super::part_head::{self, PartHead};
use super::unknown::{Content, UnknownField};
use super::{
    BYTE_ORDER_MARK, Entry, Field, FileHead, Layout, Limits, Member, Params, Value, is_picture_text,
    known_param,
};
use crate::rejection::{Expected, Noun, Param, PartFlaw, Rejection};

/// Reads a body that must be exactly one form.
pub(super) fn parse<'b>(
    boundary: &str,
    body: Gapped<'b>,
    known: &[Param],
    limits: &Limits,
) -> Result<Params<'b>, Rejection> {
    let mut parts = Parts::new(boundary, body.bytes, limits.part_head)?;
    let params = Params::new(Layout::Form { delimiter: parts.delimiter() });
    let mut form = Form { params, known, limits, shapes: Vec::new(), names: Names::default(), texts: 0 };
    let mut count = 0;
    while let Some(range) = parts.next()? {
        if count == limits.parts {
            return Err(form.too_many_parts());
        }
        count += 1;
        let flawed = |flaw| Rejection::MalformedPart { part: count, flaw };
        let part = Part::read(body, range, parts.line_end(), limits).map_err(flawed)?;
        form.take(part, count)?;
    }
    Ok(form.params)
}

/// What has been read of a form so far.
struct Form<'b, 'k> {
    params: Params<'b>,
    known: &'k [Param],
    limits: &'k Limits,
    /// What each known field is by its name.
    shapes: Vec<(Param, Shape)>,
    names: Names<'b>,
    /// Bytes of texts, but for a picture.
    texts: usize,
}

/// The names that have been used, and those that can no longer be used.
#[derive(Default)]
struct Names<'b> {
    used: BTreeSet<&'b str>,
    parents: BTreeSet<&'b str>,
}

/// One part: its head, its content, and where both stand.
struct Part<'b> {
    head: PartHead<'b>,
    content: &'b [u8],
    content_range: Range<usize>,
    /// Whether some of it is elsewhere.
    has_gap: bool,
    range: Range<usize>,
}

// === impl Form ===

impl<'b> Form<'b, '_> {
    /// `number`: how many parts it is the last of.
    fn take(&mut self, part: Part<'b>, number: usize) -> Result<(), Rejection> {
        let name = part.head.name;
        self.names.add(name)?;
        let field = FieldName::parse(name);
        let found = field.and_then(|field| Some((known_param(self.known, field.base)?, field)));
        let param = found.map(|(param, _)| param);
        let value =
            part.value(param, self.limits).map_err(|flaw| Rejection::MalformedPart { part: number, flaw })?;
        if part.head.filename.is_none() && !is_picture_text(name) {
            self.texts += part.content.len();
            texts_too_long(self.texts, self.limits)?;
        }
        // What is elsewhere is longer than any text but a picture may be.
        if part.has_gap && part.head.filename.is_none() && param != Some(Param::InputReference) {
            let flaw = PartFlaw::TextTooLong { limit: self.limits.text };
            return Err(Rejection::MalformedPart { part: number, flaw });
        }
        let file =
            part.head.filename.map(|filename| FileHead { filename, content_type: part.head.content_type });
        self.params.entries.push(Entry {
            name: Cow::Borrowed(name),
            param,
            content: part.content_range,
            file,
        });
        let Some((param, field)) = found else {
            let content = match value {
                Value::Text(text) => Content::Text(text),
                Value::File { .. }
                | Value::Integer(_)
                | Value::Decimal(_)
                | Value::Boolean
                | Value::Null
                | Value::Array
                | Value::Object => Content::Opaque,
            };
            self.params.unknown.push(UnknownField { name: Cow::Borrowed(name), content });
            return Ok(());
        };
        let value = match field.shape {
            Shape::Plain => value,
            Shape::Append | Shape::Index => Value::Array,
            Shape::Member => {
                let member = Member { name: Cow::Borrowed(field.keys), value };
                self.params.members.push((param, member));
                Value::Object
            }
        };
        self.take_known(param, field.shape, Field { value, range: part.range })
    }

    fn take_known(&mut self, param: Param, shape: Shape, field: Field<'b>) -> Result<(), Rejection> {
        match self.shapes.iter().find(|(name, _)| *name == param) {
            // One more part of the same array or object.
            Some((_, before)) if *before == shape => Ok(()),
            // An array and an object at once; or `[]` and `[0]`, which may be the same item.
            Some(_) => Err(Rejection::DuplicateParameter(param.name().to_owned())),
            None => {
                self.shapes.push((param, shape));
                self.params.fields.push((param, field));
                Ok(())
            }
        }
    }

    /// Why there are too many parts: OpenAI's Node SDK sends a `Buffer` as one part for each byte,
    /// and then the type of the field is what the client has to be told.
    fn too_many_parts(&self) -> Rejection {
        let array = self.params.fields.iter().find(|(param, field)| {
            matches!(param, Param::InputReference | Param::Video) && field.value == Value::Array
        });
        array.map_or(Rejection::TooManyParts { limit: self.limits.parts }, |(param, _)| {
            Rejection::WrongType { param: *param, expected: Expected::Type(Noun::File), got: Noun::Array }
        })
    }
}

// === impl Names ===

impl<'b> Names<'b> {
    /// Refuses a name used twice, unless it adds to an array, and one beside a name that it is part of or
    /// that is part of it: `video` and `video[id]` are two readings of one field.
    fn add(&mut self, name: &'b str) -> Result<(), Rejection> {
        if !self.used.insert(name) && !name.ends_with("[]") {
            return Err(Rejection::DuplicateParameter(name.to_owned()));
        }
        if self.parents.contains(name) || parents(name).any(|parent| self.used.contains(parent)) {
            let field = parents(name).next().unwrap_or(name);
            return Err(Rejection::DuplicateParameter(field.to_owned()));
        }
        self.parents.extend(parents(name));
        Ok(())
    }
}

// === impl Part ===

impl<'b> Part<'b> {
    fn read(
        body: Gapped<'b>,
        range: Range<usize>,
        line_end: LineEnd,
        limits: &Limits,
    ) -> Result<Self, PartFlaw> {
        let part = body.bytes.get(range.clone()).unwrap_or_default();
        // No need to search a film for the end of a head.
        let longest = part.len().min(limits.part_head.saturating_add(line_end.head_end().len()));
        let head_length = line_end
            .find_head_end(part.get(..longest).unwrap_or_default())
            .ok_or(PartFlaw::HeadTooLong { limit: limits.part_head })?;
        let (head, rest) = part.split_at(head_length);
        let content = rest.get(line_end.head_end().len()..).unwrap_or_default();
        let missing = body.missing(&range);
        let head = part_head::parse(head, line_end, content.len() as u64 + missing, limits)?;
        let content = if head.filename.is_none() {
            content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content)
        } else {
            content
        };
        let content_range = range.end - content.len()..range.end;
        Ok(Self { head, content, content_range, has_gap: missing > 0, range })
    }

    /// What the part says if its field has no brackets. Refuses text that is none, or too long.
    fn value(&self, param: Option<Param>, limits: &Limits) -> Result<Value<'b>, PartFlaw> {
        if self.head.filename.is_some() {
            return Ok(Value::File { content_type: self.head.content_type });
        }
        let text = match self.head.charset {
            Charset::Utf8 => str::from_utf8(self.content).ok(),
            // The same bytes say the same in all of them.
            Charset::Ascii | Charset::Latin1 => {
                str::from_utf8(self.content).ok().filter(|text| text.is_ascii())
            }
        };
        let text = text.ok_or(PartFlaw::NotText)?;
        let is_exempt = matches!(param, Some(Param::Prompt | Param::InputReference));
        if !is_exempt && text.len() > limits.text {
            return Err(PartFlaw::TextTooLong { limit: limits.text });
        }
        Ok(Value::Text(Cow::Borrowed(text)))
    }
}
