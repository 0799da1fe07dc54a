//! Writes what goes upstream: the judged body anew, in the one spelling that every parser reads, with other values where
//! the judgement wants them.
//!
//! Of the client's bytes only contents go on: JSON values, and what parts of a form hold. Names, heads, separators and
//! the boundary are ours. Knows nothing of why a value changes: that is decided by whoever made the [`Edit`]s.

mod filename;
pub(crate) mod former;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::params::{Entry, FileHead, Params};
use crate::rejection::Param;
use crate::request_body::{Piece, RequestBody};

/// A field and the value it shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The field.
    pub param: Param,
    /// Its new value.
    pub value: EditValue,
}

/// A value to be written into a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditValue {
    /// A JSON string, or the content of a text part.
    Text(String),
    /// A JSON integer; in a form it is written like a text.
    Integer(u64),
}

impl fmt::Display for EditValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Integer(number) => write!(f, "{number}"),
        }
    }
}

/// What separates the parts of a form that we write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(String);

impl Boundary {
    /// `random`: 128 bits that no client can foresee, so that no content has the boundary in it.
    #[must_use]
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }

    /// The value of `Content-Type` for a form under this boundary.
    #[must_use]
    pub fn content_type(&self) -> String {
        ["multipart/form-data; boundary=", &self.0].concat()
    }
}

/// A field as it goes upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'p, 'b> {
    /// With a value of ours.
    New(Param, &'p EditValue),
    /// With the client's.
    Kept(&'p Entry<'b>),
}

/// The fields of a body in the order in which they are written: those that it lacks first, all others in the client's.
///
/// Of two edits of one field the last counts. What replaces a field in brackets stands in place of its first part.
pub(crate) fn fields<'p, 'b>(params: &'p Params<'b>, edits: &'p [Edit]) -> Vec<Field<'p, 'b>> {
    let edits: BTreeMap<Param, &EditValue> = edits.iter().map(|edit| (edit.param, &edit.value)).collect();
    let mut fields = Vec::with_capacity(params.entries().len() + edits.len());
    let absent = edits.iter().filter(|(param, _)| params.get(**param).is_none());
    fields.extend(absent.map(|(param, value)| Field::New(*param, value)));
    let mut replaced = Vec::new();
    for entry in params.entries() {
        match entry.param.and_then(|param| edits.get(&param).map(|value| (param, *value))) {
            None => fields.push(Field::Kept(entry)),
            Some((param, _)) if replaced.contains(&param) => {}
            Some((param, value)) => {
                replaced.push(param);
                fields.push(Field::New(param, value));
            }
        }
    }
    fields
}

/// Writes the `body` that `params` was parsed from, with `edits`. Only a form needs the `boundary`.
#[must_use]
pub fn apply(body: &Bytes, params: &Params<'_>, edits: &[Edit], boundary: &Boundary) -> Vec<Bytes> {
    let pieces = apply_held(&body.clone().into(), params, edits, boundary).into_iter();
    let here = |piece| match piece {
        Piece::Here(bytes) => Some(bytes),
        Piece::SpooledPart(_) => None,
    };
    pieces.filter_map(here).collect()
}

/// The same of a body whose large files may be elsewhere: they stay there.
pub(crate) fn apply_held(
    body: &RequestBody,
    params: &Params<'_>,
    edits: &[Edit],
    boundary: &Boundary,
) -> Vec<Piece> {
    let fields = fields(params, edits);
    let mut writer = Writer::new(body, &fields);
    if params.is_json() {
        writer.json(&fields);
    } else {
        writer.form(&fields, boundary);
    }
    writer.finish()
}

/// Longest content that is copied between what is ours around it. A longer one is passed on where it is, and so is every
/// file.
const COPIED_MAX: usize = 1024;

/// Bytes that a field takes beside its name and content, at most; more only cost another allocation.
const AROUND: usize = 96;

/// The type of a file of which the client does not say it (RFC 7578, 4.4). Some servers, such as formidable, read a part
/// without a type as a text.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";

struct Writer<'h> {
    body: &'h RequestBody,
    /// What was written since the last piece.
    text: BytesMut,
    pieces: Vec<Piece>,
}

impl<'h> Writer<'h> {
    fn new(body: &'h RequestBody, fields: &[Field<'_, '_>]) -> Self {
        let length = |field: &Field<'_, '_>| match field {
            Field::New(_, EditValue::Text(text)) => text.len(),
            Field::New(_, EditValue::Integer(_)) => 0,
            Field::Kept(entry) if entry.file.is_some() || entry.content.len() > COPIED_MAX => {
                entry.name.len()
            }
            Field::Kept(entry) => entry.name.len() + entry.content.len(),
        };
        let length: usize = fields.iter().map(|field| length(field) + AROUND).sum();
        Self { body, text: BytesMut::with_capacity(length + AROUND), pieces: Vec::new() }
    }

    fn json(&mut self, fields: &[Field<'_, '_>]) {
        for (index, field) in fields.iter().enumerate() {
            self.put(if index == 0 { "{" } else { "," });
            match field {
                Field::New(param, EditValue::Text(text)) => {
                    self.name(param.name());
                    self.put(&in_quotes(text));
                }
                Field::New(param, EditValue::Integer(number)) => {
                    self.name(param.name());
                    self.put(&number.to_string());
                }
                Field::Kept(entry) => {
                    self.name(&entry.name);
                    self.keep(entry.content.clone());
                }
            }
        }
        self.put(if fields.is_empty() { "{}" } else { "}" });
    }

    fn name(&mut self, name: &str) {
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            for part in ["\"", name, "\":"] {
                self.put(part);
            }
        } else {
            self.put(&in_quotes(name));
            self.put(":");
        }
    }

    fn form(&mut self, fields: &[Field<'_, '_>], boundary: &Boundary) {
        for field in fields {
            match field {
                Field::New(param, value) => {
                    self.head(boundary, param.name(), None);
                    match value {
                        EditValue::Text(text) => self.put(text),
                        EditValue::Integer(number) => self.put(&number.to_string()),
                    }
                }
                Field::Kept(entry) => {
                    self.head(boundary, &entry.name, entry.file.as_ref());
                    if entry.file.is_some() {
                        self.file(entry.content.clone());
                    } else {
                        self.keep(entry.content.clone());
                    }
                }
            }
            self.put("\r\n");
        }
        for part in ["--", &boundary.0, "--\r\n"] {
            self.put(part);
        }
    }

    /// The beginning of a part, up to its content.
    fn head(&mut self, boundary: &Boundary, name: &str, file: Option<&FileHead<'_>>) {
        for part in ["--", &boundary.0, "\r\nContent-Disposition: form-data; name=\"", name, "\""] {
            self.put(part);
        }
        if let Some(file) = file {
            for part in ["; filename=\"", &filename::written(&file.filename), "\""] {
                self.put(part);
            }
            self.put("\r\nContent-Type:");
            // It may have come in several lines, or with tabs.
            for word in file.content_type.unwrap_or(UNKNOWN_TYPE).split_whitespace() {
                self.put(" ");
                self.put(word);
            }
        }
        self.put("\r\n\r\n");
    }

    fn put(&mut self, text: &str) {
        self.text.put_slice(text.as_bytes());
    }

    /// What stands in this range of the body.
    fn keep(&mut self, range: Range<usize>) {
        if range.len() > COPIED_MAX || self.body.gapped().missing(&range) > 0 {
            self.file(range);
        } else {
            self.text.put_slice(self.body.bytes.get(range).unwrap_or_default());
        }
    }

    /// The same, where it is.
    fn file(&mut self, range: Range<usize>) {
        self.flush();
        self.body.add_content(range, &mut self.pieces);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(self.text.split().freeze().into());
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.pieces
    }
}

fn in_quotes(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
