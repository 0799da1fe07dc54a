//! Puts other values into a body, and leaves every other byte where it was.
//!
//! Knows nothing of why: which fields to change is decided by whoever made the [`Edit`]s.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::held::{Held, Piece};
use crate::params::{Layout, Params};
use crate::rejection::Param;

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
    /// A JSON string, or the content of a text part. In a form it must not contain the boundary.
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

/// A body in pieces: the unchanged ones share the memory of the original.
#[derive(Clone, Debug)]
pub struct Spliced {
    segments: Vec<Bytes>,
}

/// Applies `edits` to the `body` that `params` was parsed from.
///
/// Present fields are replaced, absent ones put before all others. Of two edits of one field the last counts.
/// Without edits the result is the very same `Bytes`.
#[must_use]
pub fn apply(body: &Bytes, params: &Params<'_>, edits: &[Edit]) -> Spliced {
    splice(body, replaced(params, edits))
}

/// The same to a body whose large files may be elsewhere: they stay there.
pub(crate) fn apply_held(body: &Held, params: &Params<'_>, edits: &[Edit]) -> Vec<Piece> {
    let edited = replaced(params, edits);
    let mut pieces = Vec::with_capacity(edited.len() * 2 + 1);
    let mut kept = 0;
    for (range, new) in edited {
        body.add(kept..range.start, &mut pieces);
        pieces.push(new.into());
        kept = range.end;
    }
    body.add(kept..body.bytes.len(), &mut pieces);
    pieces
}

/// What stands in place of which ranges, in order.
fn replaced(params: &Params<'_>, edits: &[Edit]) -> Vec<(Range<usize>, Bytes)> {
    let edits: BTreeMap<Param, &EditValue> = edits.iter().map(|edit| (edit.param, &edit.value)).collect();
    let mut pieces: Vec<(Range<usize>, Bytes)> = Vec::new();
    let mut absent = Vec::new();
    for (param, value) in edits {
        match params.get(param) {
            Some(field) => {
                let piece = replacement(params.layout(), param, value);
                pieces.push((field.range.clone(), piece.into()));
            }
            None => absent.push((param, value)),
        }
    }
    pieces.extend(insertion(params.layout(), &absent));
    pieces.sort_by_key(|(range, _)| range.start);
    pieces
}

/// What stands in place of a field's old value, or of its part.
fn replacement(layout: Layout<'_>, param: Param, value: &EditValue) -> String {
    match (layout, value) {
        (Layout::Form { .. }, EditValue::Text(text)) => part(param, text),
        (Layout::Form { .. }, EditValue::Integer(number)) => part(param, &number.to_string()),
        (Layout::Json { .. }, EditValue::Text(text)) => serde_json::Value::from(text.as_str()).to_string(),
        (Layout::Json { .. }, EditValue::Integer(number)) => number.to_string(),
    }
}

fn part(param: Param, content: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{param}\"\r\n\r\n{content}")
}

/// All new fields as one piece, and where it goes.
fn insertion(layout: Layout<'_>, fields: &[(Param, &EditValue)]) -> Option<(Range<usize>, Bytes)> {
    if fields.is_empty() {
        return None;
    }
    match layout {
        Layout::Json { insert_at, empty } => {
            let mut members = String::new();
            for (param, value) in fields {
                let comma = if members.is_empty() { "" } else { "," };
                members.push_str(&format!("{comma}\"{param}\":{}", replacement(layout, *param, value)));
            }
            if !empty {
                members.push(',');
            }
            Some((insert_at..insert_at, members.into()))
        }
        Layout::Form { delimiter } => {
            let mut parts = Vec::new();
            for (param, value) in fields {
                parts.extend_from_slice(delimiter);
                parts.extend_from_slice(b"\r\n");
                parts.extend_from_slice(replacement(layout, *param, value).as_bytes());
                parts.extend_from_slice(b"\r\n");
            }
            Some((0..0, parts.into()))
        }
    }
}

/// Puts `pieces`, in order of their ranges, in place of those ranges.
fn splice(body: &Bytes, pieces: Vec<(Range<usize>, Bytes)>) -> Spliced {
    let mut segments = Vec::with_capacity(pieces.len() * 2 + 1);
    let mut kept = 0;
    for (range, piece) in pieces {
        segments.push(body.slice(kept..range.start));
        segments.push(piece);
        kept = range.end;
    }
    segments.push(body.slice(kept..));
    segments.retain(|segment| !segment.is_empty());
    Spliced { segments }
}

// === impl Spliced ===

impl Spliced {
    /// The number of bytes in all segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum()
    }

    /// Whether there is not a single byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The pieces, in order; none is empty.
    #[must_use]
    pub fn segments(&self) -> &[Bytes] {
        &self.segments
    }
}

impl IntoIterator for Spliced {
    type Item = Bytes;
    type IntoIter = std::vec::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.segments.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Encoding, Limits, parse};

    const KNOWN: &[Param] =
        &[Param::Model, Param::Prompt, Param::InputReference, Param::Seconds, Param::Size];

    fn text(param: Param, value: &str) -> Edit {
        Edit { param, value: EditValue::Text(value.to_owned()) }
    }

    fn integer(param: Param, value: u64) -> Edit {
        Edit { param, value: EditValue::Integer(value) }
    }

    fn edit(content_type: &str, body: &Bytes, edits: &[Edit]) -> Spliced {
        let encoding = Encoding::from_content_type(Some(content_type.as_bytes())).unwrap();
        apply(body, &parse(&encoding, body, KNOWN, &Limits::default()).unwrap(), edits)
    }

    fn edited_json(body: &'static str, edits: &[Edit]) -> String {
        let spliced = edit("application/json", &Bytes::from_static(body.as_bytes()), edits);
        let bytes: Vec<u8> = spliced.segments().concat();
        assert_eq!(bytes.len(), spliced.len());
        assert!(spliced.segments().iter().all(|segment| !segment.is_empty()));
        String::from_utf8(bytes).unwrap()
    }

    fn a_form() -> Bytes {
        Bytes::from_static(
            b"--b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\r\nPNG\r\n\
              --b\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n6\r\n--b--\r\n",
        )
    }

    #[test]
    fn nothing_to_edit_is_the_very_same_bytes() {
        for (content_type, body) in [
            ("application/json", Bytes::from_static(b" {\"prompt\" : 1}\n")),
            ("multipart/form-data; boundary=b", a_form()),
        ] {
            let spliced = edit(content_type, &body, &[]);
            let [same] = spliced.segments() else { panic!("{spliced:?}") };
            assert_eq!((same.as_ptr(), same.len()), (body.as_ptr(), body.len()));
        }
    }

    #[test]
    fn replaces_json_values_and_nothing_else() {
        let body = r#" {"seconds" : 6 ,"prompt":"a","size":{"a":[1]}} "#;
        assert_eq!(
            edited_json(body, &[text(Param::Size, "1280x720"), text(Param::Seconds, "8")]),
            r#" {"seconds" : "8" ,"prompt":"a","size":"1280x720"} "#
        );
        assert_eq!(edited_json(r#"{"seconds":"8"}"#, &[integer(Param::Seconds, 8)]), r#"{"seconds":8}"#);
    }

    #[test]
    fn inserts_json_members_before_all_others() {
        assert_eq!(edited_json("{ }", &[text(Param::Model, "m")]), r#"{"model":"m" }"#);
        assert_eq!(
            edited_json(
                " { \"seconds\":1}",
                &[integer(Param::Seconds, 4), text(Param::Size, "s"), text(Param::Model, "m")]
            ),
            r#" {"model":"m","size":"s", "seconds":4}"#
        );
    }

    #[test]
    fn escapes_json_strings() {
        let edited = edited_json("{}", &[text(Param::Model, "a\"\\\n\u{1}é")]);
        assert_eq!(edited, r#"{"model":"a\"\\\n\u0001é"}"#);
    }

    #[test]
    fn of_two_edits_of_one_field_the_last_counts() {
        let edits = [text(Param::Model, "one"), text(Param::Model, "two")];
        assert_eq!(edited_json(r#"{"model":"m"}"#, &edits), r#"{"model":"two"}"#);
        assert_eq!(edited_json("{}", &edits), r#"{"model":"two"}"#);
    }

    #[test]
    fn edits_a_form_without_copying_its_files() {
        let body = a_form();
        let spliced = edit(
            "multipart/form-data; boundary=b",
            &body,
            &[integer(Param::Seconds, 8), text(Param::Model, "m"), text(Param::Size, "s")],
        );

        let edited = spliced.segments().concat();
        assert_eq!(
            String::from_utf8(edited).unwrap(),
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
             --b\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\ns\r\n\
             --b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\r\nPNG\r\n\
             --b\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n8\r\n--b--\r\n"
        );
        let memory = body.as_ptr_range();
        let shared = spliced.segments().iter().filter(|segment| memory.contains(&segment.as_ptr()));
        let replaced = "Content-Disposition: form-data; name=\"seconds\"\r\n\r\n6";
        assert_eq!(shared.map(Bytes::len).sum::<usize>(), body.len() - replaced.len());
    }

    #[test]
    fn leaves_no_header_that_describes_the_old_content() {
        let body = Bytes::from_static(
            b"--b\r\nContent-Disposition: form-data; name=seconds\r\nContent-Length: 1\r\n\r\n6\r\n--b--",
        );
        let edited = edit("multipart/form-data; boundary=b", &body, &[text(Param::Seconds, "12")]);
        assert_eq!(
            edited.segments().concat(),
            b"--b\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n12\r\n--b--"
        );
    }

    #[test]
    fn puts_a_field_into_a_form_without_parts() {
        let edited = edit(
            "multipart/form-data; boundary=b",
            &Bytes::from_static(b"--b--"),
            &[text(Param::Model, "m")],
        );
        assert_eq!(
            edited.segments().concat(),
            b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--"
        );
    }
}
