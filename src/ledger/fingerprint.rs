//! Tells whether two requests ask for the same.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use blake3::Hasher;
use memchr::memmem::Finder;

use super::digits::in_hex;
use super::operation::Operation;
use crate::params::large::Gap;
use crate::params::{Encoding, FileHead, Params};
use crate::request_body::{Piece, RequestBody, SpooledPart};
use crate::rewrite::{self, Edit, EditValue, Field};

/// BLAKE3 of a request, in hex, behind the version of what it is of. Two requests that ask for the same have the same.
///
/// Those of version 0.1 have no mark: they are of the bytes that it sent, and the values that are sent now are other
/// bytes. A call that came under 0.1 is recognised by [`of_bytes`](Fingerprint::of_bytes).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fingerprint(Arc<str>);

/// Marks the fingerprints of values.
const VERSION: &str = "2:";

impl Fingerprint {
    /// The fingerprint of a judged body with these edits: of its fields and their values, whatever their order and
    /// whether they come in a form or in JSON. A file in the spool counts by its own hash and length, which are known
    /// since it came.
    #[must_use]
    pub(crate) fn of(
        operation: Operation,
        path: &str,
        (body, params): (&RequestBody, &Params<'_>),
        edits: &[Edit],
    ) -> Self {
        let mut hash = begun(operation, path);
        let is_json = params.is_json();
        let fields = rewrite::fields(params, edits).into_iter();
        let mut items: Vec<Item<'_>> = fields.map(|field| Item::of(field, body, params, is_json)).collect();
        // Those of one name are items of an array, and keep their order.
        items.sort_by(|one, other| one.name.cmp(&other.name));
        for item in &items {
            item.update(&mut hash);
        }
        Self(in_hex(VERSION, hash.finalize().as_bytes()))
    }

    /// The fingerprint that version 0.1 made of a body which it sent in these `pieces`.
    ///
    /// SDKs make up a new boundary for each repeat of a form: every occurrence of it is left out.
    #[must_use]
    pub(crate) fn of_bytes(operation: Operation, path: &str, encoding: &Encoding, pieces: &[Piece]) -> Self {
        let mut hash = begun(operation, path);
        let boundary = match encoding {
            Encoding::Json => None,
            Encoding::Multipart { boundary } => Some(Finder::new(boundary)),
        };
        for piece in pieces {
            match (piece, &boundary) {
                (Piece::Here(bytes), None) => drop(hash.update(bytes)),
                // Pieces end between parts, at a file or within what an edit replaced, never inside a boundary: each is
                // searched alone.
                (Piece::Here(bytes), Some(boundary)) => update_without(&mut hash, boundary, bytes),
                (Piece::SpooledPart(SpooledPart { range, digest, .. }), _) => {
                    hash.update(&[1]).update(&(range.end - range.start).to_le_bytes()).update(digest);
                }
            }
        }
        Self(in_hex("", hash.finalize().as_bytes()))
    }

    /// One that was written down.
    pub(crate) fn written(text: &str) -> Self {
        Self(text.into())
    }

    /// In hex.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn begun(operation: Operation, path: &str) -> Hasher {
    let mut hash = Hasher::new();
    // A zero byte stands in none of them, so that no two of them can run into each other.
    for text in [operation.name(), path] {
        hash.update(text.as_bytes()).update(&[0]);
    }
    hash
}

/// A field, by what counts of it.
struct Item<'f> {
    name: Cow<'f, str>,
    value: ItemValue<'f>,
    /// What of a text is elsewhere.
    gaps: Vec<&'f Gap>,
}

enum ItemValue<'f> {
    /// A text; or a number or a boolean, since a form has no other way to say it.
    Text(Cow<'f, str>),
    Null,
    /// An array or an object of JSON, as sent.
    Json(&'f str),
    File(&'f FileHead<'f>, Vec<Piece>),
}

impl<'f> Item<'f> {
    fn of(field: Field<'f, 'f>, body: &'f RequestBody, params: &'f Params<'f>, is_json: bool) -> Self {
        let entry = match field {
            Field::New(param, value) => {
                let text = match value {
                    EditValue::Text(text) => text.as_str().into(),
                    EditValue::Integer(number) => number.to_string().into(),
                };
                return Self { name: param.name().into(), value: ItemValue::Text(text), gaps: Vec::new() };
            }
            Field::Kept(entry) => entry,
        };
        if let Some(file) = &entry.file {
            let mut pieces = Vec::new();
            body.add_content(entry.content.clone(), &mut pieces);
            let value = ItemValue::File(file, pieces);
            return Self { name: entry.name.as_ref().into(), value, gaps: Vec::new() };
        }
        let gaps = body.gapped().within(&entry.content).collect();
        // It is text, or it was not parsed.
        let content = body.bytes.get(entry.content.clone()).unwrap_or_default();
        let content = str::from_utf8(content).unwrap_or_default();
        // `{"video":{"id":"x"}}` is what forms call `video[id]`.
        let mut members = entry.param.into_iter().flat_map(|param| params.members(param));
        if is_json
            && let (Some(only), None) = (members.next(), members.next())
            && let Some(text) = only.value.text()
        {
            let name = [&*entry.name, "[", &only.name, "]"].concat();
            return Self { name: name.into(), value: ItemValue::Text(text.into()), gaps };
        }
        let value = if is_json { ItemValue::of_json(content) } else { ItemValue::Text(content.into()) };
        Self { name: entry.name.as_ref().into(), value, gaps }
    }

    fn update(&self, hash: &mut Hasher) {
        update(hash, 0, self.name.as_bytes());
        match &self.value {
            ItemValue::Text(text) => update(hash, 1, text.as_bytes()),
            ItemValue::Null => update(hash, 2, &[]),
            ItemValue::Json(json) => update(hash, 3, json.as_bytes()),
            ItemValue::File(FileHead { filename, content_type }, pieces) => {
                update(hash, 4, filename.as_bytes());
                update(hash, 5, content_type.unwrap_or_default().as_bytes());
                for piece in pieces {
                    match piece {
                        Piece::Here(bytes) => update(hash, 6, bytes),
                        Piece::SpooledPart(SpooledPart { range, digest, .. }) => {
                            update(hash, 7, digest);
                            hash.update(&(range.end - range.start).to_le_bytes());
                        }
                    }
                }
            }
        }
        for gap in &self.gaps {
            // Its length is that of one spelling.
            update(hash, 7, &gap.digest);
        }
    }
}

impl<'f> ItemValue<'f> {
    fn of_json(json: &'f str) -> Self {
        match json.as_bytes().first() {
            Some(b'{' | b'[') => Self::Json(json),
            Some(b'n') => Self::Null,
            Some(b'"') if json.contains('\\') => {
                Self::Text(serde_json::from_str::<String>(json).unwrap_or_default().into())
            }
            Some(_) | None => Self::Text(json.trim_matches('"').into()),
        }
    }
}

/// Adds bytes with what they are and their number, so that nothing can run into what follows.
fn update(hash: &mut Hasher, kind: u8, bytes: &[u8]) {
    hash.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
}

fn update_without(hash: &mut Hasher, boundary: &Finder<'_>, bytes: &[u8]) {
    let mut from = 0;
    for at in boundary.find_iter(bytes) {
        hash.update(bytes.get(from..at).unwrap_or_default());
        // Where it stood counts, so that leaving it out joins nothing.
        hash.update(&[0]);
        from = at + boundary.needle().len();
    }
    hash.update(bytes.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn form(boundary: &str, seconds: &str) -> Bytes {
        Bytes::from(format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n{seconds}\r\n--{boundary}--\r\n"
        ))
    }

    fn of_form(boundary: &str, seconds: &str) -> Fingerprint {
        let encoding = Encoding::Multipart { boundary: boundary.to_owned() };
        Fingerprint::of_bytes(Operation::Create, "/v1/videos", &encoding, &[form(boundary, seconds).into()])
    }

    fn of_json(operation: Operation, path: &str, segments: &[&'static str]) -> Fingerprint {
        let segments: Vec<Piece> =
            segments.iter().map(|text| Bytes::from_static(text.as_bytes()).into()).collect();
        Fingerprint::of_bytes(operation, path, &Encoding::Json, &segments)
    }

    /// RT29: Python's boundaries are 32 hex digits, Node's are made of a prefix and twelve digits.
    #[test]
    fn forms_that_differ_only_in_their_boundary_are_the_same() {
        let python = of_form("0f1d2c3b4a5968778695a4b3c2d1e0ff", "8");
        assert_eq!(python, of_form("ffeeddccbbaa99887766554433221100", "8"));
        assert_eq!(python, of_form("----formdata-undici-012345678901", "8"));
        assert_ne!(python, of_form("0f1d2c3b4a5968778695a4b3c2d1e0ff", "4"));
    }

    #[test]
    fn how_a_body_is_cut_into_segments_does_not_matter() {
        let whole = of_json(Operation::Create, "/v1/videos", &[r#"{"a":1}"#]);
        assert_eq!(whole, of_json(Operation::Create, "/v1/videos", &[r#"{"a""#, ":1}"]));
        assert_ne!(whole, of_json(Operation::Create, "/v1/videos", &[r#"{"a": 1}"#]));
    }

    #[test]
    fn operation_and_path_count() {
        let all = [
            of_json(Operation::Create, "/v1/videos", &["{}"]),
            of_json(Operation::Remix, "/v1/videos", &["{}"]),
            of_json(Operation::Remix, "/v1/videos/a/remix", &["{}"]),
            of_json(Operation::Remix, "/v1/videos/b/remix", &["{}"]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != one), "{one}");
            assert_eq!(one.as_str().len(), 64);
        }
    }

    /// What a create is by its values.
    fn by_value(content_type: &str, body: &str, edits: &[Edit]) -> Fingerprint {
        use crate::params::{Limits, parse};
        use crate::rejection::Param;
        let known = [Param::Prompt, Param::Seconds, Param::InputReference, Param::Size];
        let encoding = Encoding::from_content_type(Some(content_type.as_bytes())).expect("a known type");
        let held = RequestBody::from(Bytes::from(body.to_owned()));
        let params = parse(&encoding, body.as_bytes(), &known, &Limits::default()).expect(body);
        Fingerprint::of(Operation::Create, "/v1/videos", (&held, &params), edits)
    }

    fn form_of(boundary: &str, parts: &[(&str, &str)]) -> Fingerprint {
        let parts = parts.iter().map(|(name, content)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{content}\r\n")
        });
        let body: String = parts.chain([format!("--{boundary}--")]).collect();
        by_value(&format!("multipart/form-data; boundary={boundary}"), &body, &[])
    }

    /// RT22, RT29
    #[test]
    fn a_form_and_json_that_ask_for_the_same_are_the_same() {
        let json = |body: &str| by_value("application/json", body, &[]);
        let form = form_of(
            "one",
            &[("prompt", "a \"cat\""), ("seconds", "8"), ("\"input_reference[file_id]\"", "f")],
        );
        assert!(form.as_str().starts_with("2:") && form.as_str().len() == 66, "{form}");
        let other = form_of(
            "other",
            &[("seconds", "8"), ("\"input_reference[file_id]\"", "f"), ("prompt", "a \"cat\"")],
        );
        assert_eq!(form, other);
        assert_eq!(form, json(r#"{"prompt":"a \u0022cat\"","input_reference":{"file_id":"f"},"seconds":8}"#));
        assert_eq!(
            form,
            json(r#"{"seconds":"8","prompt":"a \"cat\"","input_reference" : { "file_id" : "f" } }"#)
        );
        for other in [
            r#"{"prompt":"a \"cat\"","seconds":4,"input_reference":{"file_id":"f"}}"#,
            r#"{"prompt":"a \"cat\"","seconds":8,"input_reference":{"file_id":"g"}}"#,
            r#"{"prompt":"a \"cat\"","seconds":8,"input_reference":{"image_url":"f"}}"#,
            r#"{"prompt":"a \"cat\"","seconds":8,"input_reference":{"file_id":"f","x":1}}"#,
            r#"{"prompt":"a \"cat\"","seconds":8}"#,
            r#"{"prompt":"a \"cat\"","seconds":8,"input_reference":{"file_id":"f"},"x":null}"#,
        ] {
            assert_ne!(form, json(other), "{other}");
        }
        assert_ne!(json(r#"{"x":null}"#), json(r#"{"x":"null"}"#));
        assert_ne!(json(r#"{"x":{"a":1}}"#), json(r#"{"x":"{\"a\":1}"}"#));
    }

    #[test]
    fn what_an_edit_makes_of_a_value_counts() {
        let edit = Edit { param: crate::rejection::Param::Seconds, value: EditValue::Integer(8) };
        let edited = by_value("application/json", r#"{"seconds":"9"}"#, std::slice::from_ref(&edit));
        assert_eq!(edited, by_value("application/json", r#"{"seconds":"8"}"#, &[]));
        assert_eq!(edited, by_value("application/json", "{}", &[edit]));
    }
}
