//! The head of one part of a form: what its field is called, and whether it is a file.

use super::Limits;
use super::encoding::is_utf8;
use super::header_value::{is_token, split, trim};

/// Ends the head of a part.
pub(super) const HEAD_END: &[u8] = b"\r\n\r\n";

/// What a part's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartHead<'b> {
    /// The field's name.
    pub(super) name: &'b str,
    /// Whether the part has a file name, be it empty.
    pub(super) is_file: bool,
    /// Its `Content-Type`, as sent.
    pub(super) content_type: Option<&'b str>,
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
/// `None` if it is malformed, beyond a limit, or could be read in two ways.
pub(super) fn parse<'b>(head: &'b [u8], content_length: u64, limits: &Limits) -> Option<PartHead<'b>> {
    let headers = Headers::parse(str::from_utf8(head).ok()?)?;
    let plain =
        |encoding: &str| ["7bit", "8bit", "binary"].iter().any(|known| encoding.eq_ignore_ascii_case(known));
    if !headers.transfer_encoding.is_none_or(plain) {
        return None;
    }
    // A parser that trusts the announced length must not see another content.
    if headers.length.is_some_and(|length| length != content_length.to_string()) {
        return None;
    }
    let (name, filename) = names(headers.disposition?)?;
    let well_named = name.len() <= limits.name && !name.contains(['\\', ';']);
    if !well_named || !filename.is_none_or(|filename| is_filename(filename, limits)) {
        return None;
    }
    let is_file = filename.is_some();
    let content_type = headers.content_type;
    (is_file || content_type.is_none_or(is_plain_text)).then_some(PartHead { name, is_file, content_type })
}

/// Whether this is the head of a file, as far as it can be read.
pub(super) fn is_file(head: &[u8]) -> bool {
    let disposition =
        str::from_utf8(head).ok().and_then(Headers::parse).and_then(|headers| headers.disposition);
    matches!(disposition.and_then(names), Some((_, Some(_))))
}

/// The `name` and `filename` of a `Content-Disposition`; any other parameter, `filename*` first of all,
/// is honoured by some parsers only.
fn names(disposition: &str) -> Option<(&str, Option<&str>)> {
    let (kind, parameters) = split(disposition);
    if !kind.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename) = (None, None);
    for parameter in parameters? {
        let slot = match parameter {
            parameter if parameter.is("name") => &mut name,
            parameter if parameter.is("filename") => &mut filename,
            _ => return None,
        };
        put(slot, parameter.value)?;
    }
    Some((name?, filename))
}

fn is_filename(filename: &str, limits: &Limits) -> bool {
    // A parser that splits at semicolons before it looks for quotes would find a parameter in there.
    filename.len() <= limits.filename && !(filename.contains(';') && filename.contains('='))
}

/// Whether a text part of this type says what its bytes say. A part in another character set, or in JSON,
/// says something else to those who look at the type.
fn is_plain_text(content_type: &str) -> bool {
    let (media_type, parameters) = split(content_type);
    media_type.eq_ignore_ascii_case("text/plain") && parameters.is_some_and(|parameters| is_utf8(&parameters))
}

/// Whether a value has no control characters but tabs.
fn is_printable(value: &str) -> bool {
    let is_odd = |c: char| c.is_control() && c != '\t';
    // Bytes are sooner looked at than characters.
    if value.is_ascii() { !value.bytes().any(|byte| is_odd(byte.into())) } else { !value.contains(is_odd) }
}

/// Fills a slot that must be empty.
fn put<'b>(slot: &mut Option<&'b str>, value: &'b str) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

// === impl Headers ===

impl<'b> Headers<'b> {
    fn parse(head: &'b str) -> Option<Self> {
        let mut headers = Self::default();
        for (index, line) in head.split('\r').enumerate() {
            // Each ends with both; what ends with one of them is no text that a header may have.
            let line = if index == 0 { line } else { line.strip_prefix('\n')? };
            let (name, value) = line.split_once(':')?;
            // A folded line, or a blank before the colon, makes the name no token.
            if !is_token(name) || !is_printable(value) {
                return None;
            }
            headers.put(name, trim(value))?;
        }
        Some(headers)
    }

    fn put(&mut self, name: &str, value: &'b str) -> Option<()> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name {
            _ if is("content-disposition") => put(&mut self.disposition, value),
            _ if is("content-type") => put(&mut self.content_type, value),
            _ if is("content-transfer-encoding") => put(&mut self.transfer_encoding, value),
            _ if is("content-length") => put(&mut self.length, value),
            // Nobody knows what `Content-Encoding` or `Content_Type` mean to the next parser.
            name if name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("content")) => None,
            _ => Some(()),
        }
    }
}
