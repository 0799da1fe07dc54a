//! The head of one part of a form: what its field is called, and whether it is a file.
//!
//! Heads are written anew before they go upstream, so that every spelling is read that has one meaning, however odd
//! it is. What is refused has two, or none.

use std::borrow::Cow;

use super::Limits;
use super::encoding::Charset;
use super::filename;
use super::header_value::{Parameter, is_token, split, trim};
use super::multipart::LineEnd;
use crate::rejection::PartFlaw as Flaw;

/// What a part's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartHead<'b> {
    /// The field's name.
    pub(super) name: &'b str,
    /// The file's name, which may be empty; only a file has one.
    pub(super) filename: Option<Cow<'b, str>>,
    /// Its `Content-Type`, as sent.
    pub(super) content_type: Option<&'b str>,
    /// What a text is written in.
    pub(super) charset: Charset,
}

/// The headers of a part that have a meaning, each at most once.
#[derive(Default)]
struct Headers<'b> {
    disposition: Option<&'b str>,
    content_type: Option<&'b str>,
    transfer_encoding: Option<&'b str>,
    length: Option<&'b str>,
}

/// Reads the head of a part with `content_length` bytes of content.
pub(super) fn parse<'b>(
    head: &'b [u8],
    line_end: LineEnd,
    content_length: u64,
    limits: &Limits,
) -> Result<PartHead<'b>, Flaw> {
    let headers = Headers::parse(str::from_utf8(head).map_err(|_| Flaw::HeadNotText)?, line_end)?;
    let plain =
        |encoding: &str| ["7bit", "8bit", "binary"].iter().any(|known| encoding.eq_ignore_ascii_case(known));
    if !headers.transfer_encoding.is_none_or(plain) {
        return Err(Flaw::TransferEncoding);
    }
    // A proxy before us that trusted the announced length saw another content.
    if headers.length.is_some_and(|length| length != content_length.to_string()) {
        return Err(Flaw::Length);
    }
    let (name, filename) = names(headers.disposition.ok_or(Flaw::NoDisposition)?)?;
    check_name(name, limits)?;
    if filename.as_ref().is_some_and(|filename| filename.len() > limits.filename) {
        return Err(Flaw::FilenameTooLong { limit: limits.filename });
    }
    let content_type = headers.content_type;
    let charset = match content_type {
        Some(content_type) if filename.is_none() => charset(content_type).ok_or(Flaw::TextType)?,
        Some(content_type) if !is_file_type(content_type) => {
            return Err(Flaw::FileType { limit: FILE_TYPE_MAX });
        }
        Some(_) | None => Charset::Utf8,
    };
    Ok(PartHead { name, filename, content_type, charset })
}

/// What a part is.
pub(super) enum PartKind<'b> {
    /// It has a file name.
    File,
    /// It is a text, for the field of this name.
    Text(&'b str),
}

/// What a part with this head is.
pub(super) fn kind(head: &[u8], line_end: LineEnd) -> Result<PartKind<'_>, Flaw> {
    let headers = Headers::parse(str::from_utf8(head).map_err(|_| Flaw::HeadNotText)?, line_end)?;
    let (name, filename) = names(headers.disposition.ok_or(Flaw::NoDisposition)?)?;
    Ok(if filename.is_some() { PartKind::File } else { PartKind::Text(name) })
}

/// The `name` of a `Content-Disposition`, and the file name.
fn names(disposition: &str) -> Result<(&str, Option<Cow<'_, str>>), Flaw> {
    let (kind, parameters) = split(disposition);
    if !kind.eq_ignore_ascii_case("form-data") {
        return Err(Flaw::NotFormData);
    }
    let parameters = parameters.ok_or(Flaw::Disposition)?;
    let mut names = parameters.iter().filter(|parameter| parameter.is("name"));
    let name = names.next();
    if parameters.iter().any(is_encoded_name) {
        return Err(Flaw::EncodedName);
    }
    if names.next().is_some() {
        return Err(Flaw::TwoNames);
    }
    let name = name.ok_or(Flaw::NoName)?;
    // Whatever else stands there, `size` or a date, does not go upstream.
    Ok((name.value, filename::of(&parameters)?))
}

/// `name*` of RFC 2231, which forms do not have (RFC 7578, 4.2), or an encoded word of RFC 2047: some parsers decode them.
fn is_encoded_name(parameter: &Parameter<'_>) -> bool {
    parameter.behind("name").is_some_and(|behind| behind.starts_with('*'))
        || (parameter.is("name") && parameter.value.contains("=?") && parameter.value.contains("?="))
}

/// A name is written as it came: it must mean the same with and without escapes, and to those who split at semicolons.
fn check_name(name: &str, limits: &Limits) -> Result<(), Flaw> {
    if name.len() > limits.name {
        return Err(Flaw::NameTooLong { limit: limits.name });
    }
    if name.contains(['\\', ';', '"', '\r', '\n', '\t']) {
        return Err(Flaw::NameCharacter);
    }
    Ok(())
}

/// What a text of this type is written in. A part in another character set, or in JSON, says something else to those
/// who look at the type.
fn charset(content_type: &str) -> Option<Charset> {
    let (media_type, parameters) = split(content_type);
    if !media_type.eq_ignore_ascii_case("text/plain") {
        return None;
    }
    Charset::of(&parameters?)
}

/// Whether a file may have this type. Some servers look for parts in a file that is a message itself.
fn is_file_type(content_type: &str) -> bool {
    let is_nested = ["multipart/", "message/"].iter().any(|nested| {
        content_type.get(..nested.len()).is_some_and(|start| start.eq_ignore_ascii_case(nested))
    });
    !is_nested && content_type.len() <= FILE_TYPE_MAX
}

/// Bytes of the type of a file. With them, and the longest names, the head of a part has less than 1,024 bytes: Django
/// leaves out a part with more.
const FILE_TYPE_MAX: usize = 100;

/// Whether a line has no control characters but tabs.
fn is_printable(line: &str) -> bool {
    let is_odd = |c: char| c.is_control() && c != '\t';
    // Bytes are sooner looked at than characters.
    if line.is_ascii() { !line.bytes().any(|byte| is_odd(byte.into())) } else { !line.contains(is_odd) }
}

// === impl Headers ===

impl<'b> Headers<'b> {
    fn parse(head: &'b str, line_end: LineEnd) -> Result<Self, Flaw> {
        let mut headers = Self::default();
        let mut rest = head;
        while !rest.is_empty() {
            let (line, after) = header(rest, line_end.text())?;
            let (name, value) = line.split_once(':').ok_or(Flaw::HeadLine)?;
            // A blank before the colon makes the name no token.
            if !is_token(name) {
                return Err(Flaw::HeadLine);
            }
            headers.put(name, trim(value))?;
            rest = after;
        }
        Ok(headers)
    }

    fn put(&mut self, name: &str, value: &'b str) -> Result<(), Flaw> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let (slot, known) = match name {
            _ if is("content-disposition") => (&mut self.disposition, "Content-Disposition"),
            _ if is("content-type") => (&mut self.content_type, "Content-Type"),
            _ if is("content-transfer-encoding") => {
                (&mut self.transfer_encoding, "Content-Transfer-Encoding")
            }
            _ if is("content-length") => (&mut self.length, "Content-Length"),
            _ if is("content-encoding") && !value.eq_ignore_ascii_case("identity") => {
                return Err(Flaw::ContentEncoding);
            }
            // `Content_Type` is `Content-Type` to those who read headers by way of an environment.
            name if name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content_")) => {
                return Err(Flaw::UnknownContentHeader);
            }
            // `Content-ID`, `Content-Description`, `MIME-Version`: they do not go upstream.
            _ => return Ok(()),
        };
        if slot.replace(value).is_some() {
            return Err(Flaw::DoubledHeader(known));
        }
        Ok(())
    }
}

/// The first header, with the lines that it is folded into, and what stands behind it.
fn header<'h>(head: &'h str, line_end: &str) -> Result<(&'h str, &'h str), Flaw> {
    let mut from = 0;
    loop {
        let rest = head.get(from..).unwrap_or_default();
        let (line, end) = match rest.split_once(line_end) {
            Some((line, _)) => (line, from + line.len()),
            None => (rest, head.len()),
        };
        if !is_printable(line) {
            return Err(Flaw::HeadControl);
        }
        let after = head.get(end..).and_then(|after| after.strip_prefix(line_end)).unwrap_or_default();
        if !after.starts_with([' ', '\t']) {
            return Ok((head.get(..end).unwrap_or_default(), after));
        }
        from = end + line_end.len();
    }
}
