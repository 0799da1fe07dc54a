//! What a submit's body says, field by field, and in which bytes it says it.
//!
//! Pure: bytes in, fields or a [`Rejection`] out. Every spelling is read that has one meaning, for what goes upstream is
//! written anew from what was read; what could be read in two ways is refused. Whether a value is allowed is not judged
//! here.

mod encoding;
mod field_name;
mod filename;
mod form;
mod header_value;
mod json;
pub(crate) mod large;
mod multipart;
mod part_head;
#[cfg(test)]
mod tests;
mod unknown;

use std::borrow::Cow;
use std::ops::Range;

pub use encoding::Encoding;
pub use unknown::UnknownField;

use large::Gapped;

use crate::rejection::{Noun, Param, Rejection};

/// Limits on what a body may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Parts in a form.
    pub parts: usize,
    /// Bytes of one part's head, without the empty line that ends it.
    pub part_head: usize,
    /// Bytes of one form field's name.
    pub name: usize,
    /// Bytes of one file name.
    pub filename: usize,
    /// Bytes of one text part. `prompt` is exempt, so that a long one is refused by its own limit; it counts in `texts`.
    /// So is `input_reference`, which may be an image written out as a URL and has the body's limit.
    pub text: usize,
    /// Levels of nested JSON, the outermost object being the first. More than 128 is never read.
    pub depth: usize,
    /// Names in the outermost JSON object.
    pub keys: usize,
    /// Names in any other JSON object.
    pub nested_keys: usize,
    /// Bytes of all texts of a form together, or of a JSON body; both without the picture that `input_reference` may have
    /// as a URL.
    pub texts: usize,
}

/// One judged field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'b> {
    /// What it says.
    pub value: Value<'b>,
    /// The bytes an edit replaces: the JSON value, quotes included, or the whole part, head and content,
    /// so that no header describes the old content. Of a form field in brackets it is the first of its parts.
    pub range: Range<usize>,
}

/// The value of a field, as far as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'b> {
    /// A JSON string, unescaped, or the content of a text part.
    Text(Cow<'b, str>),
    /// A JSON number without `.`, `e` and `E`, as sent; it may be longer than any machine integer.
    Integer(&'b str),
    /// Any other JSON number, as sent.
    Decimal(&'b str),
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// A JSON array, or a form field such as `field[]` or `field[0]`.
    Array,
    /// A JSON object, or a form field such as `field[key]`.
    Object,
    /// A part with a file name.
    File {
        /// The part's `Content-Type`, as sent.
        content_type: Option<&'b str>,
    },
}

/// A member of a field that is an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'b> {
    /// Its name, as sent. In a form it is what stands between the first and the last bracket.
    pub name: Cow<'b, str>,
    /// Its value.
    pub value: Value<'b>,
}

/// How a body is laid out, for whoever wants to put a new field into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout<'b> {
    /// A JSON object.
    Json {
        /// The offset right after its opening brace.
        insert_at: usize,
        /// Whether it has no members, so that a new one needs no comma.
        empty: bool,
    },
    /// A form.
    Form {
        /// What stands before its first part and between any two: two dashes and the boundary.
        delimiter: &'b [u8],
    },
}

/// The fields of one body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params<'b> {
    layout: Layout<'b>,
    fields: Vec<(Param, Field<'b>)>,
    /// The members of those fields that are objects, in body order; bounded by the limits on names and parts.
    members: Vec<(Param, Member<'b>)>,
    /// In body order; bounded by the limits on names and parts.
    unknown: Vec<UnknownField<'b>>,
    /// All of it in body order, as it is written anew; bounded likewise.
    entries: Vec<Entry<'b>>,
}

/// A member of a JSON body, or a part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'b> {
    /// Its name; in a form with its brackets.
    pub(crate) name: Cow<'b, str>,
    /// The known field that it belongs to.
    pub(crate) param: Option<Param>,
    /// Where its value stands in the body: the JSON value, quotes included, or the content of the part.
    pub(crate) content: Range<usize>,
    /// What a part says of its file.
    pub(crate) file: Option<FileHead<'b>>,
}

/// What a part says of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileHead<'b> {
    /// Its name.
    pub(crate) filename: Cow<'b, str>,
    /// Its `Content-Type`, as sent.
    pub(crate) content_type: Option<&'b str>,
}

/// Reads a body. `known` are the operation's fields; every other name is unknown.
///
/// # Errors
///
/// [`Rejection::MalformedJson`], [`Rejection::MalformedForm`], [`Rejection::MalformedPart`] or
/// [`Rejection::TooManyParts`] when the body as a whole or a part of it cannot be read or exceeds a limit; [`Rejection::DuplicateParameter`] when a name stands there
/// twice, in JSON at any depth; [`Rejection::WrongType`] when a form has too many parts because a file was
/// sent as one part per byte.
pub fn parse<'b>(
    encoding: &Encoding,
    body: &'b [u8],
    known: &[Param],
    limits: &Limits,
) -> Result<Params<'b>, Rejection> {
    parse_gapped(encoding, Gapped { bytes: body, gaps: &[] }, known, limits)
}

/// The same, of a body of which what is large is elsewhere.
pub(crate) fn parse_gapped<'b>(
    encoding: &Encoding,
    body: Gapped<'b>,
    known: &[Param],
    limits: &Limits,
) -> Result<Params<'b>, Rejection> {
    match encoding {
        Encoding::Json => json::parse(body, known, limits),
        Encoding::Multipart { boundary } => form::parse(boundary, body, known, limits),
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            parts: 64,
            part_head: 8 * 1024,
            name: 64,
            filename: 255,
            text: 128 * 1024,
            depth: 32,
            keys: 64,
            nested_keys: 1024,
            texts: 1 << 20,
        }
    }
}

// === impl Value ===

impl Value<'_> {
    /// Its text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(_)
            | Self::Decimal(_)
            | Self::Boolean
            | Self::Null
            | Self::Array
            | Self::Object
            | Self::File { .. } => None,
        }
    }

    /// What this value is called in a type error.
    #[must_use]
    pub const fn noun(&self) -> Noun {
        match self {
            Self::Text(_) => Noun::String,
            Self::Integer(_) => Noun::Integer,
            Self::Decimal(_) => Noun::Decimal,
            Self::Boolean => Noun::Boolean,
            Self::Null => Noun::Null,
            Self::Array => Noun::Array,
            Self::Object => Noun::Object,
            Self::File { .. } => Noun::File,
        }
    }
}

// === impl Params ===

impl<'b> Params<'b> {
    const fn new(layout: Layout<'b>) -> Self {
        Self { layout, fields: Vec::new(), members: Vec::new(), unknown: Vec::new(), entries: Vec::new() }
    }

    /// The field of this name, if the body has it.
    #[must_use]
    pub fn get(&self, param: Param) -> Option<&Field<'b>> {
        self.fields.iter().find(|(name, _)| *name == param).map(|(_, field)| field)
    }

    /// The members of a field that is an object, in body order.
    pub fn members(&self, param: Param) -> impl Iterator<Item = &Member<'b>> {
        self.members.iter().filter(move |(of, _)| *of == param).map(|(_, member)| member)
    }

    /// The id of the video that the body is about, if the body names one.
    ///
    /// It is the one member of `video`: with another beside it, two parsers could read two ids, and there is none.
    #[must_use]
    pub fn video_id(&self) -> Option<&str> {
        self.only_member(Param::Video, "id")
    }

    /// The id of the file that `input_reference` names, if it names one. It is the only member, as above.
    #[must_use]
    pub fn reference_file_id(&self) -> Option<&str> {
        self.only_member(Param::InputReference, "file_id")
    }

    /// The text of the only member of a field, if that member has this name.
    fn only_member(&self, param: Param, name: &str) -> Option<&str> {
        let mut members = self.members(param);
        match (members.next(), members.next()) {
            (Some(only), None) if only.name == name => only.value.text(),
            (Some(_) | None, _) => None,
        }
    }

    /// Every field whose name is not one of the known ones, in body order.
    #[must_use]
    pub fn unknown(&self) -> &[UnknownField<'b>] {
        &self.unknown
    }

    /// All members or parts, in body order.
    pub(crate) fn entries(&self) -> &[Entry<'b>] {
        &self.entries
    }

    /// How the body is laid out.
    #[must_use]
    pub const fn layout(&self) -> Layout<'b> {
        self.layout
    }

    /// Whether the body is JSON, where a value has a type beside its text.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        matches!(self.layout, Layout::Json { .. })
    }
}

/// Stands before a text in UTF-8 that some editors and .NET's writers make, and is none of it (RFC 8259, 8.1). Some servers
/// leave it out, others do not.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a part of this name, without a file name, is a picture that is written as a text: a `data:` URL.
fn is_picture_text(name: &str) -> bool {
    matches!(name, "input_reference" | "input_reference[image_url]")
}

/// The known field of exactly this name.
fn known_param(known: &[Param], name: &str) -> Option<Param> {
    known.iter().copied().find(|param| param.name() == name)
}
